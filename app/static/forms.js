// Inputs: selects that ask the server, dates with a calendar, leaving with unsaved input.
"use strict";
{
  const words = document.body.dataset;
  const language = {
    noResults: () => words.noResults,
    searching: () => words.searching,
    errorLoading: () => words.failed,
    loadingMore: () => words.more,
    removeAllItems: () => words.clear,
    removeItem: () => words.remove,
  };

  // Turn a <select> into Select2; with data-lookup it asks that address for what to offer, page by page.
  window.richSelect = (select) => {
    if (!select.multiple && !select.querySelector("option[value='']") && select.dataset.lookup) select.prepend(new Option("", ""));
    const options = {
      width: "100%",
      language,
      dropdownParent: jQuery("main"),
      placeholder: select.dataset.placeholder || "",
      allowClear: !select.required && !select.multiple,
    };
    if (select.dataset.lookup) {
      options.ajax = {
        url: select.dataset.lookup,
        delay: 150,
        data: (asked) => ({ q: asked.term || "", page: (asked.page || 1) - 1, ...alike(select) }),
        processResults: (found) => ({ results: found.results, pagination: { more: found.more } }),
      };
    }
    jQuery(select).select2(options);
    tieLabel(select);
    jQuery(select).on("change", () => select.dispatchEvent(new Event("picked", { bubbles: true })));
  };

  // Of which customer, order and so on the record is: only what is of the same one may be chosen.
  const alike = ({ dataset: { same, key }, form }) => (same ? { same, key: form?.elements[same]?.value || key || "" } : {});

  // Select2 draws its own box: give that one the label, the notes and the focus of the select that it hides, and
  // roles that screen readers understand.
  function tieLabel(select) {
    const box = select.nextElementSibling.querySelector(".select2-selection");
    const label = select.labels[0];
    const search = box.querySelector(".select2-search__field");
    for (const name of ["role", "aria-readonly"]) box.querySelector(".select2-selection__rendered").removeAttribute(name);
    if (label) {
      label.id ||= `${select.id}-label`;
      box.setAttribute("aria-labelledby", `${label.id} ${box.getAttribute("aria-labelledby") || ""}`.trim());
      search?.setAttribute("aria-label", label.textContent.trim());
    }
    for (const name of ["aria-describedby", "aria-invalid"]) {
      if (select.hasAttribute(name)) (search || box).setAttribute(name, select.getAttribute(name));
    }
    select.addEventListener("focus", () => (search || box).focus());
    box.addEventListener("keydown", (event) => {
      // typing on a closed box opens it, as a plain select would react; Process: an input method, as for Chinese
      const isTyped = /^([^ ]|Process)$/.test(event.key) && !event.ctrlKey && !event.metaKey;
      if (!select.multiple && isTyped) jQuery(select).select2("open");
    });
  }

  // jQuery 3.6 keeps Select2 from focusing its search box.
  jQuery(document).on("select2:open", (event) => {
    const search = document.querySelector(".select2-container--open .select2-search--dropdown .select2-search__field");
    const box = event.target.nextElementSibling.querySelector(".select2-selection");
    // Select2 remembers an Escape that closed it, and would ignore what is pasted first after it is opened again.
    const dropdown = jQuery(event.target).data("select2")?.dropdown;
    if (dropdown) dropdown._keyUpPrevented = false;
    search?.setAttribute("aria-label", words.search);
    box.setAttribute("aria-controls", box.getAttribute("aria-owns"));
    if (!event.target.multiple) search?.focus();
  });

  document.querySelectorAll("select[data-lookup], select.my_select2").forEach(window.richSelect);

  // A day is typed as the portal writes it: the browser's own input would write it in the browser's language, whatever
  // the page's is. The calendar is the browser's, opened by the button or with Alt+ArrowDown.
  window.pickDate = (input) => {
    const make = (tag, properties) => Object.assign(document.createElement(tag), properties);
    const box = make("span", { className: "date-input" });
    const button = make("button", { type: "button", className: "btn btn-plain", ariaLabel: words.calendar, title: words.calendar });
    const picker = make("input", { type: input.dataset.pick, tabIndex: -1, ariaHidden: "true" });
    const known = document.querySelector("svg.fa use").getAttribute("href").split("#")[0];
    button.innerHTML = `<svg class="fa" aria-hidden="true"><use href="${known}#fa-calendar"/></svg>`;
    input.replaceWith(box);
    box.append(input, picker, button);
    const open = () => {
      picker.value = input.value.trim().replace(" ", "T");
      picker.showPicker();
    };
    button.addEventListener("click", open);
    input.addEventListener("keydown", (event) => {
      if (event.key !== "ArrowDown" || !event.altKey) return;
      event.preventDefault();
      open();
    });
    picker.addEventListener("input", (event) => event.stopPropagation());
    picker.addEventListener("change", () => {
      input.value = picker.value.replace("T", " ");
      for (const name of ["input", "change"]) input.dispatchEvent(new Event(name, { bubbles: true }));
      input.focus();
    });
  };
  document.querySelectorAll(".appbuilder_date input").forEach((input) => (input.dataset.pick = "date")); // FAB's own
  document.querySelectorAll("input[data-pick]").forEach(window.pickDate);

  const form = document.querySelector(".record-form");
  if (form) {
    let isDirty = Boolean(document.querySelector("#problems[data-sent]")); // what was refused is not saved either
    let isSent = false;
    const changed = () => (isDirty = true);
    form.addEventListener("input", changed);
    form.addEventListener("picked", changed);
    window.addEventListener("beforeunload", (event) => {
      if (isDirty && !isSent) event.preventDefault();
    });
    window.addEventListener("pageshow", () => (isSent = false));

    form.addEventListener("submit", (event) => {
      if (!navigator.onLine) tellOffline();
      if (isSent || !navigator.onLine) event.preventDefault();
      else isSent = true;
    });
    function tellOffline() {
      const told = document.getElementById("offline") || document.createElement("div");
      Object.assign(told, { id: "offline", className: "alert alert-danger", role: "alert", textContent: words.offline });
      form.before(told);
      told.scrollIntoView({ block: "nearest" });
    }
    const problems = document.getElementById("problems");
    const first = form.querySelector(".fields input, .fields textarea, .fields .select2-selection, .fields select");
    (problems || first)?.focus();
  }
}
