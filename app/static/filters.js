// The filter builder: choose a field, an operator and values; the form then goes to the list's own address.
"use strict";
// The fields of a form of filters, each with the comparisons of its kind.
window.fieldsOf = (form) => {
  const { fields, operators } = JSON.parse(form.dataset.filterable || '{"fields": []}');
  return fields.map((field) => ({ ...field, operators: operators[field.kind] }));
};
document.querySelectorAll(".filter-form").forEach((form) => {
  const words = form.dataset;
  const fields = window.fieldsOf(form);
  const opener = form.querySelector(".filter-add");
  let count = 0;
  let edited = ""; // the condition that the builder changes

  const make = (tag, properties = {}, ...children) => {
    const element = Object.assign(document.createElement(tag), properties);
    element.append(...children);
    return element;
  };
  const part = (label, input, className = "") => {
    input.id ||= `filter-${(count += 1)}`;
    input.classList.add("form-control");
    return make("div", { className: `part ${className}` }, make("label", { htmlFor: input.id, textContent: label }), input);
  };
  const options = (pairs) => pairs.map(([value, text]) => new Option(text, value));

  function inputs(field, operator, values, shown) {
    const name = `${field.name}.${operator.name}`;
    const many = operator.inputs === "many";
    if (operator.inputs === 0) return [make("input", { type: "hidden", name, value: "1" })];
    if (field.choices || field.lookup) {
      const select = make("select", { name, multiple: many });
      if (field.lookup) {
        select.dataset.lookup = field.lookup;
        const texts = values.length > 1 ? shown.split(", ") : [shown];
        values.forEach((value, index) => select.append(new Option(texts[index] || value, value, true, true)));
      } else {
        select.append(...options(field.choices));
        [...select.options].forEach((option) => (option.selected = values.includes(option.value)));
        if (!many && !values.length) select.selectedIndex = 0;
      }
      return [part(words.labelValue, select, "broad")];
    }
    const labels = operator.inputs === 2 ? [words.labelFrom, words.labelTo] : [many ? `${words.labelValue} (${words.hintMany})` : words.labelValue];
    const texts = many ? [values.join(", ")] : values;
    return labels.map((label, index) => {
      const input = make("input", { name, value: texts[index] || "", autocomplete: "off", inputMode: field.kind === "number" ? "decimal" : "" });
      if (!many && ["date", "instant"].includes(field.kind)) Object.assign(input, { placeholder: document.body.dataset.day }).dataset.pick = "date";
      return part(label, input, many ? "broad" : "");
    });
  }

  function open(chosen = {}) {
    close();
    const field = make("select", {}, new Option(words.labelChoose, ""), ...options(fields.map((it) => [it.name, it.label])));
    const operator = make("select");
    const values = make("div", { className: "values" });
    const apply = make("button", { className: "btn btn-primary", textContent: words.labelApply });
    const cancel = make("button", { className: "btn btn-plain", type: "button", textContent: words.labelCancel });
    const operatorPart = part(words.labelOperator, operator);
    const declared = () => fields.find((it) => it.name === field.value);
    const showValues = (old = [], shown = "") => {
      const how = declared().operators.find((it) => it.name === operator.value);
      values.replaceChildren(...inputs(declared(), how, old, shown));
      values.querySelectorAll("select[data-lookup], select[multiple]").forEach(window.richSelect);
      values.querySelectorAll("input[data-pick]").forEach(window.pickDate);
    };
    const showOperators = (name) => {
      operatorPart.hidden = apply.hidden = !field.value;
      values.replaceChildren();
      if (!field.value) return;
      operator.replaceChildren(...options(declared().operators.map((it) => [it.name, it.label])));
      if (name) operator.value = name;
    };
    const typed = () => [...values.querySelectorAll("input")].filter((it) => it.name && it.type !== "hidden").map((it) => it.value);
    field.addEventListener("change", () => {
      showOperators();
      if (field.value) showValues();
    });
    operator.addEventListener("change", () => showValues(declared().lookup || declared().choices ? [] : typed()));
    cancel.addEventListener("click", () => {
      close();
      opener.focus();
    });
    const builder = make("div", { className: "builder" }, part(words.labelField, field), operatorPart, values, apply, cancel);
    builder.addEventListener("keydown", (event) => event.key === "Escape" && !event.defaultPrevented && cancel.click());
    form.append(builder);
    opener.setAttribute("aria-expanded", "true");
    field.value = chosen.name || "";
    showOperators(chosen.operator);
    if (chosen.name) showValues(chosen.values, chosen.shown);
    (chosen.name ? values.querySelector("input, select") || operator : field).focus();
  }

  function close() {
    form.querySelector(".builder")?.remove();
    edited = "";
    opener?.setAttribute("aria-expanded", "false");
  }

  opener?.addEventListener("click", () => (form.querySelector(".builder") ? close() : open()));
  form.querySelectorAll(".chip-edit").forEach((chip) =>
    chip.addEventListener("click", () => {
      open({ ...chip.dataset, values: JSON.parse(chip.dataset.values) });
      edited = `${chip.dataset.name}.${chip.dataset.operator}`;
    }),
  );

  // A condition that is changed, or given again, takes the place of the old one; what is empty is not sent.
  form.addEventListener("formdata", ({ formData }) => {
    const given = [...form.querySelectorAll(".builder [name]")];
    [edited, ...given.map((it) => it.name)].forEach((name) => name && formData.delete(name));
    given.forEach((it) => {
      const values = it.selectedOptions ? [...it.selectedOptions].map((option) => option.value) : [it.value.trim()];
      values.filter(Boolean).forEach((value) => formData.append(it.name, value));
    });
    if (!formData.get("q")) formData.delete("q");
  });
});

// FAB's own lists: the same, from a <template> for each field.
document.querySelectorAll(".fab-filters").forEach((form) => {
  const chooser = form.querySelector(".fab-filter-add");
  chooser.addEventListener("change", () => {
    const template = form.querySelector(`template[data-field="${chooser.value}"]`);
    form.querySelector(":scope > .builder")?.remove();
    if (!template) return;
    form.append(template.content.cloneNode(true));
    const builder = form.querySelector(":scope > .builder");
    const operator = builder.querySelector(".operator");
    const input = builder.querySelector(".value input, .value select");
    const rename = () => (input.name = `_flt_${operator.value}_${chooser.value}`);
    input.setAttribute("aria-label", chooser.selectedOptions[0].textContent);
    if (input.type === "checkbox") input.checked = true;
    if (input.matches("select")) window.richSelect(input);
    operator.addEventListener("change", rename);
    rename();
    operator.focus();
  });
  form.addEventListener("click", (event) => {
    const button = event.target.closest(".chip-remove");
    if (!button) return;
    const isActive = button.closest(".chip");
    button.closest(".chip, .builder").remove();
    chooser.value = "";
    if (isActive) form.requestSubmit();
  });
});
