// The keyboard of every page. What a key does is declared here (KEYS) or on the page: data-key on a link, button or input,
// as data-key="n" or data-key="g h". The dialog of `?` (templates/_keys.html) shows those that work on the page.
// Single characters can be switched off (WCAG 2.1.4); none of them acts while somebody types.
"use strict";
{
  const root = document.documentElement;
  const all = (selector) => [...document.querySelectorAll(selector)];
  const one = (selector) => document.querySelector(selector);
  const TYPING = "input:not([type=checkbox], [type=submit], [type=button]), textarea, select, [contenteditable], .select2-container, .select2-dropdown, dialog";
  const SEQUENCE_ENDS = 1500; // milliseconds after the first of two keys

  // --- rows: one is the current one, and its first link has the focus
  const rows = () => all("main tbody tr[data-url]");
  const current = () => one("tr.current");
  const mark = (row) => {
    current()?.classList.remove("current");
    row?.classList.add("current");
  };
  const walk = (step) => {
    const known = rows();
    const at = known.indexOf(current());
    const row = known[at < 0 ? 0 : Math.min(Math.max(at + step, 0), known.length - 1)];
    mark(row);
    (row.querySelector("td.key a, .what a") || row.querySelector("a"))?.focus({ preventScroll: true });
    row.scrollIntoView({ block: "nearest" });
  };
  document.addEventListener("focusin", ({ target }) => {
    const row = target.closest("main tbody tr[data-url]");
    if (row) mark(row);
  });
  const ownsArrows = () => current()?.contains(document.activeElement) || one(".list-page tr[data-url], [data-queue] tr[data-url]");

  // --- the records of the list that one came from: previous, next, back
  const trail = (() => {
    const kindOf = (path) => path.match(/^(.*)\/(?:show|edit)\/\d+$/)?.[1];
    const own = kindOf(location.pathname);
    const read = (kind) => JSON.parse(sessionStorage.getItem(`list ${kind}`) || "null");
    const urls = {};
    rows().forEach((row) => {
      const kind = kindOf(row.dataset.url);
      if (kind && kind !== own) (urls[kind] ||= []).push(row.dataset.url);
    });
    for (const [kind, found] of Object.entries(urls)) {
      const list = JSON.stringify({ back: location.pathname + location.search, urls: found });
      sessionStorage.setItem(`list ${kind}`, list);
      if (!own) mark(rows().find((row) => row.dataset.url === sessionStorage.getItem(`last ${kind}`)));
    }
    current()?.scrollIntoView({ block: "nearest" });
    if (!own) return {};
    const shown = location.pathname.replace("/edit/", "/show/");
    sessionStorage.setItem(`last ${own}`, shown);
    const list = read(own);
    const at = list ? list.urls.indexOf(shown) : -1;
    if (at < 0) return {};
    const page = (url) => url && (location.pathname.includes("/edit/") ? url.replace("/show/", "/edit/") : url);
    return { back: list.back, at, count: list.urls.length, previous: page(list.urls[at - 1]), next: page(list.urls[at + 1]) };
  })();

  const stepper = one(".stepper");
  if (stepper && trail.count > 1) {
    const text = stepper.querySelector("[data-at]");
    text.textContent = text.dataset.at.replace("##", trail.count).replace("#", trail.at + 1);
    for (const [rel, url] of Object.entries({ prev: trail.previous, next: trail.next })) {
      const link = stepper.querySelector(`[rel=${rel}]`);
      if (url) link.href = url;
      else Object.entries({ role: "link", "aria-disabled": "true" }).forEach(([name, value]) => link.setAttribute(name, value));
    }
    stepper.hidden = false;
  }
  const saveNext = one("button[name=_next]");
  if (saveNext && trail.next) {
    saveNext.value = trail.next;
    saveNext.hidden = false;
  }
  const listLink = one(".breadcrumb a[data-back]");
  if (listLink && trail.back?.split("?")[0] === listLink.pathname) listLink.href = trail.back;

  const goBack = () => {
    const link = all("[data-back]").pop();
    if (trail.back && !link?.closest("form")) location.assign(trail.back);
    else link?.click();
  };

  // --- forms
  const formOf = (target) => target.closest?.("form:has([data-default], .to-send)") || one("#record-form, #model_form");
  const sending = (target) => formOf(target)?.querySelector(".to-send, [data-default]");

  // --- what there is. keys: as event.key, with Ctrl+ and Shift+; when: whether it works here; does: true if it did it
  const KEYS = [
    { name: "next-row", keys: ["j"], when: () => rows().length, does: () => walk(1) },
    { name: "previous-row", keys: ["k"], when: () => rows().length, does: () => walk(-1) },
    { keys: ["ArrowDown"], when: ownsArrows, does: () => walk(1) },
    { keys: ["ArrowUp"], when: ownsArrows, does: () => walk(-1) },
    { name: "open", keys: ["Enter"], when: () => rows().length, does: (target) => {
      if (!current() || target.closest("a, button, summary, input")) return false;
      location.assign(current().dataset.url);
    } },
    { name: "edit-row", keys: ["e"], first: true, when: () => one("tr .row-edit"), does: () => {
      const link = current()?.querySelector(".row-edit");
      link?.click();
      return Boolean(link);
    } },
    { name: "edit-cell", keys: ["F2"], when: () => one("table[data-inline]"), does: () => false }, // lists.js does it
    { name: "walk-cells", keys: ["ArrowLeft", "ArrowRight"], when: () => one(".list-page tr[data-url]"), does: () => false }, // as above
    { name: "filter-cell", keys: ["="], when: () => one(".list-page .filter-add") && rows().length, does: () => {
      const link = current()?.querySelector(".cell-filter");
      link?.click();
      return Boolean(link);
    } },
    { name: "tick", keys: ["x"], when: () => one("tr[data-url] [type=checkbox]"), does: () => {
      const tick = current()?.querySelector("[type=checkbox]");
      tick?.click();
      return Boolean(tick);
    } },
    { name: "find", keys: ["f"], when: () => one(".quick input[name=q]"), does: () => one(".quick input[name=q]").select() },
    { name: "previous-page", keys: ["["], when: () => one(".pager a[rel=prev]"), does: () => one(".pager a[rel=prev]").click() },
    { name: "next-page", keys: ["]"], when: () => one(".pager a[rel=next]"), does: () => one(".pager a[rel=next]").click() },
    { name: "save", keys: ["Ctrl+s"], anywhere: true, when: () => sending(document.body), does: () => sending(document.body).click() },
    { name: "send", keys: ["Ctrl+Enter"], anywhere: true, when: () => one("form .to-send, form [data-default], form [data-needs]"), does: (target) => {
      const button = sending(target);
      button?.click();
      return Boolean(button);
    } },
    { name: "save-next", keys: ["Ctrl+Shift+Enter"], anywhere: true, when: () => saveNext && !saveNext.hidden, does: () => saveNext.click() },
    { name: "leave", keys: ["Escape"], anywhere: true, when: () => true, does: (target) => {
      if (target.closest("dialog")) return false;
      if (target.closest(TYPING)) target.blur();
      else goBack();
    } },
    { name: "help", keys: ["?"], when: () => one("#keys"), does: () => showKeys() },
  ];

  const isOff = (key) => root.dataset.letters === "off" && key.split(" ")[0].length === 1;
  const isThere = (element) => !element.closest("[hidden]") && !element.disabled && element.getAttribute("aria-disabled") !== "true";
  const marked = (test = "") => all(`:is(a, button, input, select, textarea)[data-key${test}]`).filter(isThere);
  const ofPage = (key) => marked(`="${CSS.escape(key)}"`)[0];
  const activate = (element) => {
    if (!element.matches("input:not([type=checkbox]), textarea, select")) return element.click();
    element.focus();
    element.select?.();
  };

  let begun = ""; // the first of two keys
  let ending = 0;
  document.addEventListener("keydown", (event) => {
    if (event.defaultPrevented || event.isComposing || event.altKey) return;
    const { key, target } = event;
    if (["Control", "Shift", "Meta"].includes(key)) return;
    const isCtrl = event.ctrlKey || event.metaKey;
    const pressed = isCtrl ? `Ctrl+${event.shiftKey ? "Shift+" : ""}${key.length === 1 ? key.toLowerCase() : key}` : key;
    const whole = begun ? `${begun} ${pressed}` : pressed;
    begun = "";
    clearTimeout(ending);
    const isTyping = target.closest(TYPING);
    if (isOff(pressed)) return;
    const built = KEYS.find((it) => it.keys.includes(pressed) && (it.anywhere || !isTyping) && it.when());
    const does = (it) => it && it.does(target) !== false;
    const offered = !isCtrl && !isTyping && !event.repeat && ofPage(whole);
    if (built?.first && does(built)) return event.preventDefault();
    if (offered) activate(offered);
    else if (!isCtrl && !isTyping && marked(`^="${CSS.escape(pressed)} "`).length) {
      begun = pressed;
      ending = setTimeout(() => (begun = ""), SEQUENCE_ENDS);
    } else if (built?.first || !does(built)) return;
    event.preventDefault();
  });

  // --- the dialog: of the built-in keys those that work here, and those of the page under its own words
  const wordsOf = (element) => {
    const copy = element.cloneNode(true);
    copy.querySelectorAll("kbd, .count").forEach((it) => it.remove());
    return (element.getAttribute("aria-label") || element.title || copy.textContent || element.placeholder).trim();
  };
  const line = (key, words) => {
    const entry = document.createElement("div");
    const [term, text] = [document.createElement("dt"), document.createElement("dd")];
    key.split(" ").forEach((part) => term.append(Object.assign(document.createElement("kbd"), { textContent: part })));
    text.textContent = words;
    entry.append(term, text);
    entry.className = "of-page";
    return entry;
  };
  function showKeys() {
    const dialog = one("#keys");
    const groups = dialog.querySelector(".groups");
    const sectionOf = (title) => {
      const known = [...groups.children].find((it) => it.querySelector("h3").textContent === title);
      if (known) return known;
      const made = document.createElement("section");
      made.append(Object.assign(document.createElement("h3"), { textContent: title }), document.createElement("dl"));
      groups.prepend(made);
      return made;
    };
    dialog.querySelectorAll(".of-page").forEach((it) => it.remove());
    KEYS.filter((it) => it.name).forEach((it) => {
      dialog.querySelector(`[data-does="${it.name}"]`).hidden = !it.when() || it.keys.every(isOff);
    });
    const seen = new Set();
    marked().forEach((element) => {
      const { key, group } = element.dataset;
      if (seen.has(key) || isOff(key)) return;
      seen.add(key);
      sectionOf(group || groups.dataset.page).querySelector("dl").append(line(key, wordsOf(element)));
    });
    [...groups.children].forEach((it) => (it.hidden = !it.querySelector("dl > :not([hidden])")));
    one("details.menu[open]")?.removeAttribute("open");
    dialog.showModal();
  }
  all("[data-show-keys]").forEach((button) => button.addEventListener("click", showKeys));
  all("[data-letters-switch]").forEach((button) =>
    button.addEventListener("click", () => {
      const isOn = root.dataset.letters === "off";
      if (isOn) delete root.dataset.letters;
      else root.dataset.letters = "off";
      button.setAttribute("aria-checked", isOn);
      window.remember("letters", isOn ? "on" : "off");
    }),
  );
}
