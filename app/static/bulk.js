// Bulk edit: who types into a field means to set it; what is left or cleared is greyed.
"use strict";
{
  for (const row of document.querySelectorAll("[data-bulk-field]")) {
    const what = row.querySelector(".bulk-what select");
    const mark = () => (row.dataset.what = what.value);
    const set = (event) => {
      if (event.target === what) return;
      what.value = "set";
      mark();
    };
    what.addEventListener("change", mark);
    row.addEventListener("input", set);
    row.addEventListener("change", set);
    window.jQuery?.(row).on("select2:select select2:unselect", "select[data-lookup]", set); // its events are jQuery's own
    mark();
  }
}
