// Menus, theme, confirmation, dismissing messages, opening rows, ticked rows. Works on what the templates mark with data-*.
"use strict";
{
  const all = (selector, root = document) => [...root.querySelectorAll(selector)];
  const root = document.documentElement;
  const YEAR = 365 * 24 * 3600;

  // What this browser remembers is in cookies: the server reads them, so that a page does not change when it is drawn.
  const remembered = (name) => document.cookie.match(new RegExp(`(?:^|; )${name}=([^;]*)`))?.[1];
  window.remember = (name, value) => {
    const secure = location.protocol === "https:" ? "; secure" : "";
    document.cookie = `${name}=${value}; path=/; max-age=${YEAR}; samesite=lax${secure}`;
  };

  // --- on a phone each row of a list is a card (section 11 of the style sheet): its cells say what they are
  const phone = matchMedia("(max-width: 640px)");
  const makeCards = () => {
    if (!phone.matches) return;
    for (const table of all(".rows:not(.queue, .cards)")) {
      const heads = all("thead th", table);
      const labels = heads.map((head) => {
        const copy = head.cloneNode(true);
        all("sup, .sr-only", copy).forEach((note) => note.remove()); // the rank in the order is none of the cell's
        return copy.textContent.trim();
      });
      for (const row of table.tBodies[0]?.rows || []) {
        [...row.cells].forEach((cell, at) => {
          const label = labels[at];
          const speaks = cell.matches(".key, .narrow") || /\D/.test(cell.querySelector(".label-status")?.textContent || "0");
          if (label && !speaks) cell.dataset.label = label;
        });
      }
      if (heads.length) table.classList.add("cards");
    }
  };
  makeCards();
  phone.addEventListener("change", makeCards);

  // --- navigation: opened on small screens, narrowed on large ones; groups are folded
  const opener = document.querySelector(".nav-open");
  const navigation = document.getElementById("navigation");
  const openNavigation = (open) => {
    navigation.classList.toggle("open", open);
    opener.setAttribute("aria-expanded", open);
  };
  opener?.addEventListener("click", () => openNavigation(!navigation.classList.contains("open")));
  const narrower = document.querySelector(".nav-narrow");
  const nameLinks = () => {
    const isNarrow = root.dataset.nav === "narrow";
    all(".nav-link", navigation).forEach((link) => (link.title = isNarrow ? link.textContent.trim() : ""));
  };
  narrower?.addEventListener("click", () => {
    const isNarrow = root.dataset.nav !== "narrow";
    if (isNarrow) root.dataset.nav = "narrow";
    else delete root.dataset.nav;
    narrower.setAttribute("aria-pressed", isNarrow);
    window.remember("nav", isNarrow ? "narrow" : "wide");
    nameLinks();
  });
  if (root.dataset.nav) nameLinks();
  all("details[data-fold]", navigation || document.createElement("nav")).forEach((group) =>
    group.querySelector("summary").addEventListener("click", () => {
      const folded = new Set((remembered("folded") ?? "Security").split(".").filter(Boolean));
      folded[group.open ? "add" : "delete"](group.dataset.fold); // it is still as it was before the click
      window.remember("folded", [...folded].join("."));
    }),
  );
  document.addEventListener("click", (event) => {
    all("details.menu[open]").forEach((menu) => menu.contains(event.target) || menu.removeAttribute("open"));
    if (navigation && !event.target.closest("#navigation, .nav-open")) openNavigation(false);
    event.target.closest("[data-dismiss]")?.parentElement.remove();
  });
  document.addEventListener("focusin", (event) => {
    all("details.menu[open]").forEach((menu) => menu.contains(event.target) || menu.removeAttribute("open"));
  });
  document.addEventListener("keydown", (event) => {
    if (event.key !== "Escape" || event.defaultPrevented) return;
    const menu = document.querySelector("details.menu[open]");
    menu?.removeAttribute("open");
    menu?.querySelector("summary").focus();
    const isOpen = navigation?.classList.contains("open");
    if (isOpen) {
      openNavigation(false);
      opener.focus();
    }
    if (menu || isOpen) event.preventDefault();
  });
  navigation?.querySelector("[aria-current]")?.scrollIntoView({ block: "nearest" });

  // --- theme; what is drawn by scripts (charts) listens for "theme" on the document
  const tellTheme = () => document.dispatchEvent(new Event("theme"));
  all("[data-theme-choice]").forEach((button) =>
    button.addEventListener("click", () => {
      const theme = button.dataset.themeChoice;
      if (theme) root.dataset.theme = theme;
      else delete root.dataset.theme;
      document.querySelector("meta[name=color-scheme]").content = theme || "light dark";
      window.remember("theme", theme);
      all("[data-theme-choice]").forEach((other) => other.setAttribute("aria-pressed", other === button));
      tellTheme();
    }),
  );
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", tellTheme);

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

  // --- a double click opens a row
  const isControl = (element) => element.closest("a, button, input, select, label");
  document.addEventListener("dblclick", (event) => {
    const row = event.target.closest("tr[data-url]");
    if (row && !isControl(event.target)) location.assign(row.dataset.url);
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
