// The keyboard of a queue of work: walking its rows, keys for what the page offers, a legend of them.
// Marks: table[data-queue] with tr[data-url]; data-key on what a key activates; data-needs (an id) on a button that needs
// a text first; data-default on the button of Ctrl+Enter; [data-keys], the legend.
"use strict";
{
  const rows = [...document.querySelectorAll("[data-queue] tr[data-url]")];
  const isTyping = (element) =>
    element.closest("input:not([type=checkbox]):not([type=submit]), textarea, select, [contenteditable], .select2-container, .select2-drop, dialog");

  // --- rows: one is the current one, and its first link has the focus
  const current = () => rows.findIndex((row) => row.classList.contains("current"));
  const mark = (chosen) =>
    rows.forEach((row) => {
      row.classList.toggle("current", row === chosen);
      row.setAttribute("aria-selected", row === chosen);
    });
  const go = (step) => {
    const at = current();
    const row = rows[at < 0 ? 0 : Math.min(Math.max(at + step, 0), rows.length - 1)];
    mark(row);
    row.querySelector("a").focus();
    row.scrollIntoView({ block: "nearest" });
  };
  const steps = { j: 1, ArrowDown: 1, k: -1, ArrowUp: -1 };
  document.addEventListener("focusin", (event) => {
    const row = event.target.closest("[data-queue] tr[data-url]");
    if (row) mark(row);
  });

  // --- a button that needs a text asks for it first, and is then what Ctrl+Enter sends
  let chosen = null;
  const lacks = (button) => {
    const text = document.getElementById(button.dataset.needs);
    return text && !text.value.trim() ? text : null;
  };
  const choose = (button) => {
    chosen?.classList.remove("to-send");
    chosen = button;
    chosen.classList.add("to-send");
  };
  document.addEventListener("click", (event) => {
    const button = event.target.closest("[data-needs]");
    const text = button && lacks(button);
    if (button) choose(button);
    if (!text) return;
    event.preventDefault();
    text.focus();
  });
  const send = (form) => {
    const button = form.contains(chosen) ? chosen : form.querySelector("[data-default]");
    if (button && !(button.dataset.needs && lacks(button))) form.requestSubmit(button);
  };

  const activate = (element) => (element.matches("input:not([type=checkbox]), textarea, select") ? element.focus() : element.click());
  const toggle = (legend) => (legend.matches("details") ? (legend.open = !legend.open) : (legend.hidden = !legend.hidden));

  document.addEventListener("keydown", (event) => {
    const { key, target } = event;
    if (event.defaultPrevented || event.isComposing || document.querySelector("dialog[open]")) return;
    if (key === "Enter" && event.ctrlKey && target.matches("textarea") && target.form) {
      send(target.form);
      return event.preventDefault();
    }
    if (event.ctrlKey || event.altKey || event.metaKey || isTyping(target)) return;
    const row = rows[current()];
    const marked = document.querySelector(`[data-key="${CSS.escape(key)}"]:not([disabled])`);
    if (key === "?") document.querySelectorAll("[data-keys]").forEach(toggle);
    else if (key in steps && rows.length) go(steps[key]);
    else if (key === "Enter" && row && !target.closest("a, button, summary")) location.assign(row.dataset.url);
    else if (key === "x" && row?.querySelector("[type=checkbox]")) row.querySelector("[type=checkbox]").click();
    else if (marked && !event.repeat) activate(marked);
    else return;
    event.preventDefault();
  });
}
