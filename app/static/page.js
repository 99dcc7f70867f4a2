// Menus, confirmation, dismissing messages, and the keyboard in lists. Works on what the templates mark with data-*.
"use strict";
{
  const all = (selector, root = document) => [...root.querySelectorAll(selector)];

  // --- navigation on small screens, and menus that close by themselves
  const toggle = document.querySelector(".nav-toggle");
  const navigation = document.getElementById("navigation");
  const openNavigation = (open) => {
    navigation.classList.toggle("open", open);
    toggle.setAttribute("aria-expanded", open);
  };
  toggle?.addEventListener("click", () => openNavigation(!navigation.classList.contains("open")));
  document.addEventListener("click", (event) => {
    all("details.menu[open]").forEach((menu) => menu.contains(event.target) || menu.removeAttribute("open"));
    if (navigation && !event.target.closest("#navigation, .nav-toggle")) openNavigation(false);
    event.target.closest("[data-dismiss]")?.parentElement.remove();
  });
  document.addEventListener("keydown", (event) => {
    if (event.key !== "Escape") return;
    const menu = document.querySelector("details.menu[open]");
    menu?.removeAttribute("open");
    menu?.querySelector("summary").focus();
    if (navigation?.classList.contains("open")) {
      openNavigation(false);
      toggle.focus();
    }
  });
  navigation?.querySelector("[aria-current]")?.scrollIntoView({ block: "nearest" });

  // --- what cannot be taken back is asked for first: data-confirm on the form or on its button
  const dialog = document.getElementById("confirm");
  document.addEventListener("submit", (event) => {
    const form = event.target;
    const text = event.submitter?.dataset.confirm || form.dataset.confirm;
    if (!text || form.confirmed) return;
    event.preventDefault();
    dialog.querySelector("#confirm-text").textContent = text;
    dialog.returnValue = "";
    dialog.showModal();
    dialog.onclose = () => {
      if (dialog.returnValue !== "yes") return;
      form.confirmed = true;
      form.requestSubmit(event.submitter);
      form.confirmed = false;
    };
  });

  // --- rows: arrow keys walk, Enter or a double click opens
  const isControl = (element) => element.closest("a, button, input, select, label");
  all("table.rows").forEach((table) => {
    const rows = all("tbody tr[data-url]", table);
    rows.forEach((row, index) => (row.tabIndex = index ? -1 : 0));
    table.addEventListener("dblclick", (event) => {
      const row = event.target.closest("tr[data-url]");
      if (row && !isControl(event.target)) location.assign(row.dataset.url);
    });
    table.addEventListener("keydown", (event) => {
      const at = rows.indexOf(event.target);
      if (at < 0) return;
      const to = { ArrowDown: at + 1, ArrowUp: at - 1, Home: 0, End: rows.length - 1 }[event.key];
      if (event.key === "Enter") location.assign(rows[at].dataset.url);
      else if (event.key === " " && rows[at].querySelector("[type=checkbox]")) rows[at].querySelector("[type=checkbox]").click();
      else if (rows[to]) {
        rows[at].tabIndex = -1;
        rows[to].tabIndex = 0;
        rows[to].focus();
      } else return;
      event.preventDefault();
    });
  });

  // --- ticked rows and the buttons for them
  const bulk = document.getElementById("bulk") ? "bulk" : "action_form"; // the id of their form
  const ticks = all(`tbody [type=checkbox][form=${bulk}]`);
  const tickAll = document.querySelector(".tick-all");
  const showTicks = () => {
    const ticked = ticks.filter((tick) => tick.checked).length;
    all(`button[form=${bulk}][name=action]`).forEach((button) => (button.disabled = !ticked));
    const bar = document.querySelector(".bulk");
    const counter = bar?.querySelector(".bulk-count");
    if (bar) {
      bar.hidden = !ticked;
      counter.textContent = counter.dataset.text.replace("#", ticked);
    }
    if (tickAll) {
      tickAll.checked = ticked === ticks.length;
      tickAll.indeterminate = ticked > 0 && ticked < ticks.length;
    }
  };
  if (ticks.length) {
    tickAll?.addEventListener("change", () => {
      ticks.forEach((tick) => (tick.checked = tickAll.checked));
      showTicks();
    });
    ticks.forEach((tick) => tick.addEventListener("change", showTicks));
    window.addEventListener("pageshow", showTicks);
  }
}
