// In a queue of work: a button that needs a text (data-needs: its id) asks for it first, and is then what Ctrl+Enter sends
// (keys.js clicks on .to-send).
"use strict";
{
  let chosen = null;
  document.addEventListener("click", (event) => {
    const button = event.target.closest("[data-needs]");
    if (!button) return;
    chosen?.classList.remove("to-send");
    chosen = button;
    chosen.classList.add("to-send");
    const text = document.getElementById(button.dataset.needs);
    if (!text || text.value.trim()) return;
    event.preventDefault();
    text.focus();
  });
}
