/* The search box of the top bar: suggestions while one types, as a combobox with a list (WAI-ARIA 1.2).
   Arrow keys walk, Enter opens what is marked or sends the search, Escape closes, then empties. */
(() => {
  "use strict";
  const box = document.getElementById("global-search");
  if (!box) return;
  const form = box.form;
  const WAIT = 160; // milliseconds after the last key
  let timer = 0, asking = null, options = [], marked = -1, shownFor = null;

  const list = document.createElement("div");
  list.id = "suggestions";
  list.className = "suggestions";
  list.setAttribute("role", "listbox");
  list.setAttribute("aria-label", box.getAttribute("aria-label"));
  list.hidden = true;
  const told = document.createElement("p");
  told.className = "sr-only";
  told.setAttribute("role", "status");
  form.append(list, told);
  for (const [name, value] of [["role", "combobox"], ["aria-autocomplete", "list"], ["aria-controls", list.id],
    ["aria-expanded", "false"], ["aria-haspopup", "listbox"]]) box.setAttribute(name, value);

  function make(tag, name, text) {
    const made = document.createElement(tag);
    made.className = name;
    if (text) made.textContent = text;
    return made;
  }

  function close() {
    list.hidden = true;
    box.setAttribute("aria-expanded", "false");
    mark(-1);
  }

  function open() {
    if (!list.childElementCount) return;
    list.hidden = false;
    box.setAttribute("aria-expanded", "true");
  }

  function mark(place) {
    marked = place;
    options.forEach((option, at) => option.setAttribute("aria-selected", String(at === place)));
    if (place >= 0) {
      box.setAttribute("aria-activedescendant", options[place].id);
      options[place].scrollIntoView({ block: "nearest" });
    } else box.removeAttribute("aria-activedescendant");
  }

  function draw(answer) {
    list.replaceChildren();
    options = [];
    answer.groups.forEach((group, at) => {
      const part = make("div", "suggestions-group");
      const label = make("div", "suggestions-label", group.label);
      label.id = `suggestions-${at}`;
      part.setAttribute("role", "group");
      part.setAttribute("aria-labelledby", label.id);
      part.append(label);
      for (const item of group.items) {
        const option = make("a", "suggestion");
        option.href = item.url;
        option.id = `suggestion-${options.length}`;
        option.tabIndex = -1;
        option.setAttribute("role", "option");
        option.setAttribute("aria-selected", "false");
        option.append(make("span", "suggestion-name", item.text), make("span", "suggestion-detail", item.detail));
        part.append(option);
        options.push(option);
      }
      list.append(part);
    });
    const nothing = answer.problem || (options.length ? "" : document.body.dataset.noResults);
    if (nothing) {
      const line = make("div", "suggestions-none", nothing);
      line.setAttribute("role", "option");
      line.setAttribute("aria-disabled", "true");
      list.append(line);
    }
    told.textContent = nothing || String(options.length);
    mark(-1);
    open();
  }

  async function ask() {
    const text = box.value.trim();
    if (asking) asking.abort();
    if (!text) { shownFor = null; list.replaceChildren(); options = []; close(); return; }
    if (text === shownFor) { open(); return; }
    asking = new AbortController();
    try {
      const answer = await fetch(`${form.action}/suggest?q=${encodeURIComponent(text)}`,
        { signal: asking.signal, headers: { Accept: "application/json" } });
      if (!answer.ok) return close();
      const read = await answer.json();
      if (box.value.trim() !== text || document.activeElement !== box) return;
      shownFor = text;
      draw(read);
    } catch (error) {
      if (error.name !== "AbortError") close(); // the search itself says what is wrong
    }
  }

  box.addEventListener("input", event => {
    clearTimeout(timer);
    if (!event.isComposing) timer = setTimeout(ask, WAIT); // pinyin is not searched for until it is Chinese
  });
  box.addEventListener("compositionend", () => { clearTimeout(timer); timer = setTimeout(ask, WAIT); });
  box.addEventListener("focus", () => { if (shownFor && box.value.trim() === shownFor) open(); });
  box.addEventListener("blur", () => setTimeout(() => { if (!form.contains(document.activeElement)) close(); }, 0));
  list.addEventListener("mousedown", event => event.preventDefault()); // the box keeps the focus
  box.addEventListener("keydown", event => {
    if (event.isComposing) return;
    const isOpen = !list.hidden && options.length;
    if (event.key === "ArrowDown" || event.key === "ArrowUp") {
      event.preventDefault();
      if (!isOpen) { ask(); return; }
      const step = event.key === "ArrowDown" ? 1 : -1, places = options.length + 1; // one of them is the box itself
      mark((marked + 1 + step + places) % places - 1);
    } else if (event.key === "Enter" && isOpen && marked >= 0) {
      event.preventDefault();
      options[marked].click();
    } else if (event.key === "Enter" && !box.value.trim()) {
      event.preventDefault();
    } else if (event.key === "Escape" && !list.hidden) {
      event.preventDefault();
      event.stopPropagation(); // keys.js would leave the box
      close();
    } else if (event.key === "Tab") close();
  });
})();
