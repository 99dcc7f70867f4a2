// Lists: several sort keys, saved lists, the choice of columns, cells that filter, and cells that are typed in.
"use strict";
{
  const all = (selector, root = document) => [...root.querySelectorAll(selector)];
  // Of the session as it is now: the page may be older.
  const newToken = async () => (await (await fetch("/own-list/token")).json()).token;
  const make = (tag, properties = {}, ...children) => {
    const element = Object.assign(document.createElement(tag), properties);
    element.append(...children);
    return element;
  };
  const icon = (name) => {
    const known = document.querySelector("svg.fa use").getAttribute("href").split("#")[0];
    const holder = make("span");
    holder.innerHTML = `<svg class="fa" aria-hidden="true"><use href="${known}#${name}"/></svg>`;
    return holder.firstChild;
  };

  // --- a click with Shift on the head of a column adds it to the keys of the order
  document.addEventListener("click", (event) => {
    const head = event.target.closest("th a[data-add]");
    if (!head || !event.shiftKey) return;
    event.preventDefault();
    location.assign(head.dataset.add);
  });

  // --- saved lists
  const menu = document.querySelector("[data-own]");
  const dialog = document.getElementById("own-list");
  if (menu && dialog) {
    const form = dialog.querySelector("form");
    const own = JSON.parse(menu.dataset.own);
    const problem = form.querySelector(".error");
    let target = "add";
    const send = async (address, fields) => {
      let told = "";
      try {
        fields.set("csrf_token", await newToken());
        const answer = await fetch(`/own-list/${address}`, { method: "POST", body: fields, headers: { Accept: "application/json" } });
        const found = answer.headers.get("Content-Type")?.includes("json") ? await answer.json() : {};
        if (answer.ok && found.url) return location.assign(found.url);
        told = found.problems?.join(" ");
      } catch {
        /* told below */
      }
      problem.textContent = told || document.body.dataset.failed;
      problem.hidden = false;
      if (!dialog.open) open("add");
      return form.elements.name.focus();
    };
    const fieldsOf = (...names) => {
      const fields = new FormData();
      names.forEach((name) => fields.append(name, form.elements[name].value));
      return fields;
    };
    const open = (what) => {
      target = what;
      const isNew = what === "add";
      form.querySelector("h2").textContent = form.dataset[what];
      form.elements.name.value = isNew ? "" : own.name;
      if (form.elements.role?.options) form.elements.role.value = isNew ? "" : own.role;
      if (form.elements.is_role_default?.type === "checkbox") form.elements.is_role_default.checked = !isNew && own.roleDefault;
      form.elements.is_mine.checked = false;
      showRoleDefault();
      dialog.showModal();
      form.elements.name.select();
    };
    const showRoleDefault = () => {
      const tick = form.elements.is_role_default;
      if (tick?.type !== "checkbox") return;
      tick.disabled = !form.elements.role.value;
      if (tick.disabled) tick.checked = false;
    };
    form.elements.role?.addEventListener("change", showRoleDefault);
    form.addEventListener("submit", (event) => {
      event.preventDefault();
      problem.hidden = true;
      const fields = new FormData(form);
      if (target === "change") fields.delete("args"); // its filters stay as they were saved
      send(target === "add" ? "add" : `${own.key}/change`, fields);
    });
    const acts = {
      add: () => open("add"),
      change: () => open("change"),
      save: () => send(`${own.key}/change`, fieldsOf("args")),
      delete: () => confirmed(form.dataset.delete.replace("#", own.name), () => send(`${own.key}/delete`, fieldsOf())),
      choose: () => {
        const fields = fieldsOf("table");
        fields.append("list", own.key);
        send("choose", fields);
      },
    };
    menu.addEventListener("click", (event) => {
      const act = acts[event.target.closest("[data-act]")?.dataset.act];
      if (!act) return;
      problem.hidden = true;
      menu.open = false;
      act();
    });
  }
  function confirmed(text, work) {
    const asked = document.getElementById("confirm");
    asked.querySelector("#confirm-text").textContent = text;
    asked.returnValue = "";
    asked.showModal();
    asked.onclose = () => asked.returnValue === "yes" && work();
  }
  document.addEventListener("click", (event) => event.target.closest("[data-close]")?.closest("dialog").close());

  // --- the choice of columns
  const columns = document.getElementById("columns");
  const opener = document.querySelector("[data-act=columns]");
  if (columns && opener) {
    const list = columns.querySelector("ul");
    const words = columns.dataset;
    const status = columns.querySelector("[role=status]");
    const fields = new Map(JSON.parse(words.fields));
    const chosen = () => all("li.on", list).map((item) => item.dataset.name);
    const tell = (item) => (status.textContent = words.moved.replace("##", chosen().indexOf(item.dataset.name) + 1).replace("#", item.textContent.trim()));
    const move = (item, step) => {
      const other = step < 0 ? item.previousElementSibling : item.nextElementSibling;
      if (!other?.classList.contains("on")) return;
      if (step < 0) other.before(item);
      else other.after(item);
      tell(item);
    };
    const arrow = (item, label, name, step) => {
      const button = make("button", { type: "button", className: "btn btn-plain", ariaLabel: label });
      button.append(icon(name));
      button.addEventListener("click", () => {
        move(item, step);
        button.focus();
      });
      return button;
    };
    const line = (name, isOn) => {
      const item = make("li", { className: isOn ? "on" : "", draggable: true });
      item.dataset.name = name;
      const tick = make("input", { type: "checkbox", checked: isOn });
      const label = fields.get(name);
      tick.addEventListener("change", () => {
        item.classList.toggle("on", tick.checked);
        const last = all("li.on", list).filter((other) => other !== item).pop();
        if (last) last.after(item);
        else list.prepend(item);
        tick.focus();
        item.scrollIntoView({ block: "nearest" });
      });
      const grip = make("span", { className: "grip" });
      grip.append(icon("fa-grip"));
      item.append(make("label", {}, tick, make("span", { textContent: label })));
      item.append(arrow(item, words.up.replace("#", label), "fa-arrow-up", -1), arrow(item, words.down.replace("#", label), "fa-arrow-down", 1), grip);
      item.addEventListener("keydown", (event) => {
        const step = { ArrowUp: -1, ArrowDown: 1 }[event.key];
        if (!step || !event.altKey) return;
        event.preventDefault();
        const focused = document.activeElement;
        move(item, step);
        focused.focus();
      });
      return item;
    };
    const find = columns.querySelector("[type=search]");
    const filter = () => {
      const text = find.value.trim().toLowerCase();
      all("li", list).forEach((item) => (item.hidden = !item.textContent.toLowerCase().includes(text)));
    };
    find.addEventListener("input", filter);
    find.addEventListener("keydown", (event) => event.key === "Enter" && event.preventDefault());
    opener.addEventListener("click", () => {
      const now = words.chosen.split(",").filter(Boolean);
      const others = [...fields.keys()].filter((name) => !now.includes(name));
      list.replaceChildren(...now.map((name) => line(name, true)), ...others.map((name) => line(name, false)));
      find.value = "";
      columns.showModal();
      list.querySelector("input").focus();
    });
    let dragged = null;
    list.addEventListener("dragstart", (event) => {
      dragged = event.target.closest("li.on");
      dragged?.classList.add("dragged");
    });
    list.addEventListener("dragover", (event) => {
      const over = event.target.closest("li.on");
      if (!dragged || !over) return;
      event.preventDefault();
      if (over === dragged) return;
      const isBelow = event.clientY > over.getBoundingClientRect().top + over.offsetHeight / 2;
      if (isBelow) over.after(dragged);
      else over.before(dragged);
    });
    list.addEventListener("dragend", () => {
      dragged?.classList.remove("dragged");
      if (dragged) tell(dragged);
      dragged = null;
    });
    const go = (names) => {
      const address = new URL(location.href);
      ["page", "after", "before", "row"].forEach((name) => address.searchParams.delete(name));
      address.searchParams.delete("columns");
      let query = address.searchParams.toString();
      if (names.length) query += `${query && "&"}columns=${names.join(",")}`;
      location.assign(`${address.pathname}?${query || "list=standard"}`);
    };
    columns.querySelector("form").addEventListener("submit", (event) => {
      event.preventDefault();
      if (chosen().length) go(chosen());
    });
    columns.querySelector("[data-standard]").addEventListener("click", () => go([]));
  }

  // --- from cell to cell by arrows; the cell under the pointer, or with the focus, offers to ask for what it says
  const rows = document.querySelector(".list-page table.rows");
  const form = document.querySelector(".list-page .filter-form[data-filterable]");
  const focusCell = (cell) => {
    cell.tabIndex = -1;
    cell.focus();
  };
  if (rows && form) {
    const names = all("thead th", rows).map((head) => head.dataset.name);
    const fields = new Map(window.fieldsOf(form).map((field) => [field.name, field]));
    const link = make("a", { className: "cell-filter", tabIndex: -1 });
    link.append(icon("fa-filter"));
    // What the filter "is" needs for the value of a cell: that of a choice, or the key of what it links to.
    const valueOf = (cell, field) => {
      if (!field?.lookup) return field?.choices?.find(([, label]) => label === cell.textContent.trim())?.[0];
      const [table, paths] = [field.lookup.split("/").pop(), all("a[href]:not(.cell-filter)", cell).map((it) => it.pathname)];
      return paths.length === 1 ? paths[0].match(`^/${table}/show/(\\d+)$`)?.[1] : undefined;
    };
    const offer = (event) => {
      const cell = event.target.closest("tbody td");
      if (!cell || link.parentNode === cell) return;
      link.remove();
      const field = fields.get(names[cell.cellIndex]);
      const value = cell.matches(".typing") ? undefined : valueOf(cell, field);
      if (value === undefined || !field.operators.some((it) => it.name === "is")) return;
      const address = new URL(location.href);
      ["page", "after", "before", "row"].forEach((name) => address.searchParams.delete(name));
      address.searchParams.set(`${field.name}.is`, value);
      link.href = address;
      link.title = link.ariaLabel = form.dataset.labelOnly.replace("#", `${field.label}: ${cell.textContent.trim()}`);
      cell.append(link);
    };
    rows.addEventListener("pointerover", offer);
    rows.addEventListener("pointerleave", () => link.remove());
    rows.addEventListener("focusin", offer);

    const named = names.flatMap((name, place) => (name ? [place] : []));
    const steps = { ArrowLeft: [0, -1], ArrowRight: [0, 1], ArrowUp: [-1, 0], ArrowDown: [1, 0] };
    rows.addEventListener("keydown", (event) => {
      const cell = event.target.closest("tbody td:not(.typing)");
      if (!cell || !steps[event.key] || event.ctrlKey || event.altKey || event.metaKey) return;
      const [down, right] = steps[event.key];
      if (event.target !== cell && !(right && event.target.closest("td.key a"))) return;
      const row = down < 0 ? cell.parentNode.previousElementSibling : down > 0 ? cell.parentNode.nextElementSibling : cell.parentNode;
      const to = row?.cells[right ? named[named.indexOf(cell.cellIndex) + right] : cell.cellIndex];
      if (to) focusCell(to);
      event.preventDefault();
      event.stopPropagation();
    });
  }

  // --- cells that are typed in: a double click, or Enter or F2 on a cell that has the focus
  const table = document.querySelector("table.rows[data-inline]");
  const status = document.getElementById("list-status");
  if (table && status) {
    const heads = all("thead th", table);
    const places = heads.flatMap((head, place) => ("inline" in head.dataset ? [place] : []));
    const named = heads.flatMap((head, place) => (head.dataset.name ? [place] : []));
    const isInline = (cell) => Boolean(cell) && places.includes(cell.cellIndex) && !("frozen" in cell.parentNode.dataset);
    let typing = null; // {cell, before, value}
    all("tbody td", table).forEach((cell) => isInline(cell) && cell.classList.add("can-type"));

    const nameOf = (head) => (head.querySelector("a") || head).firstChild.textContent.trim();
    const addressOf = (cell) => `${table.dataset.inline}${cell.parentNode.dataset.key}/${heads[cell.cellIndex].dataset.name}${location.search}`;
    const inputOf = (form) => form.querySelector("select, textarea, input:not([type=hidden])");
    const valueOf = (form) => {
      const input = inputOf(form);
      return input.type === "checkbox" ? String(input.checked) : input.value;
    };
    const show = (cell, markup) => {
      cell.innerHTML = markup;
      const form = cell.querySelector("form");
      const input = inputOf(form);
      const error = form.querySelector(".error");
      form.addEventListener("submit", (event) => {
        event.preventDefault();
        save();
      });
      if (input.dataset.pick) window.pickDate(input);
      if (input.dataset.lookup) {
        window.richSelect(input);
        const box = cell.querySelector(".select2-selection");
        box.setAttribute("aria-label", input.getAttribute("aria-label"));
        if (error) box.setAttribute("aria-describedby", error.id);
        input.addEventListener("picked", () => save());
        box.focus();
        if (!error) jQuery(input).select2("open");
      } else {
        input.focus();
        if (input.select && input.type !== "checkbox") input.select();
      }
    };
    class Refused extends Error {
      constructor({ status, redirected }) {
        super(status);
        this.isSignedOut = redirected || status === 400 || status === 401; // 400: the form has the token of another session
      }
    }
    const why = (error) => (error.isSignedOut ? status.dataset.ended : status.dataset.failed);
    const open = async (cell) => {
      if (typing || !isInline(cell)) return;
      cell.querySelector(".cell-filter")?.remove();
      const before = cell.innerHTML;
      typing = { cell, before, value: null, typed: "", last: null };
      cell.classList.add("typing");
      try {
        const answer = await fetch(addressOf(cell));
        if (!answer.ok || answer.redirected) throw new Refused(answer);
        const markup = await answer.text();
        const { typed, last } = typing;
        show(cell, markup);
        const input = inputOf(cell.querySelector("form"));
        typing.value = valueOf(cell.querySelector("form"));
        if (typed && input.select) input.value = typed;
        if (last) input.dispatchEvent(new KeyboardEvent("keydown", { key: last, bubbles: true, cancelable: true }));
      } catch (error) {
        close(true);
        status.textContent = why(error);
      }
    };
    const close = (restore) => {
      const { cell, before } = typing;
      typing = null;
      cell.classList.remove("typing", "sending");
      if (restore) cell.innerHTML = before;
      focusCell(cell);
      return cell;
    };
    // Resolves to the cell when it is saved (or nothing was changed), to null when it was refused.
    const save = async () => {
      if (!typing) return null;
      const { cell } = typing;
      const form = cell.querySelector("form");
      if (!form || cell.classList.contains("sending")) return null;
      if (valueOf(form) === typing.value && !form.querySelector(".error")) return close(true);
      cell.classList.add("sending");
      try {
        if (form.querySelector(".error")) form.elements.csrf_token.value = await newToken();
        const answer = await fetch(addressOf(cell), { method: "POST", body: new FormData(form) });
        if (answer.headers.get("Content-Type")?.includes("json")) {
          const { cells } = await answer.json();
          close(false);
          named.forEach((place, index) => (cell.parentNode.cells[place].innerHTML = cells[index]));
          status.textContent = status.dataset.saved.replace("#", `${nameOf(heads[cell.cellIndex])}: ${cell.innerText.trim()}`);
          return cell;
        }
        if (answer.status !== 422 && answer.status !== 409) throw new Refused(answer);
        show(cell, await answer.text());
        cell.classList.remove("sending");
      } catch (error) {
        cell.classList.remove("sending");
        form.querySelector(".error")?.remove();
        form.append(make("p", { className: "error", role: "alert", textContent: why(error) }));
      }
      return null;
    };
    const neighbour = (cell, step) => {
      const row = cell.parentNode;
      const at = places.indexOf(cell.cellIndex) + step;
      if (places[at] !== undefined) return row.cells[places[at]];
      const other = step > 0 ? row.nextElementSibling : row.previousElementSibling;
      return other && other.cells[places[step > 0 ? 0 : places.length - 1]];
    };

    table.addEventListener(
      "dblclick",
      (event) => {
        const cell = event.target.closest("td");
        if (!isInline(cell) || event.target.closest("a, button, input, select, label")) return;
        event.preventDefault();
        event.stopImmediatePropagation(); // else the row opens
        open(cell);
      },
      true,
    );
    // What is typed before the input is there belongs to it, and is none of the keys of the page.
    document.addEventListener(
      "keydown",
      (event) => {
        if (!typing || typing.cell.querySelector("form") || event.ctrlKey || event.metaKey) return;
        if (event.key.length === 1) typing.typed += event.key;
        else if (["Enter", "Tab", "Escape"].includes(event.key)) typing.last = event.key;
        event.preventDefault();
        event.stopImmediatePropagation();
      },
      true,
    );
    table.addEventListener("keydown", (event) => {
      if (event.isComposing) return;
      const cell = event.target.closest("tbody td");
      if (!cell) return;
      if (typing?.cell === cell) return keysOfInput(event);
      const isCell = event.target === cell;
      if (event.ctrlKey || event.altKey || event.metaKey) return;
      if (event.key === "F2" || (event.key === "Enter" && isCell && isInline(cell))) {
        const found = isInline(cell) ? cell : cell.parentNode.cells[places[0]];
        if (found) open(found);
      } else return;
      event.preventDefault();
      event.stopPropagation();
    });
    const keysOfInput = async (event) => {
      const isOpen = document.querySelector(".select2-container--open");
      event.stopPropagation(); // the keys of the page are not meant
      if (event.key === "Escape" && !isOpen) {
        event.preventDefault();
        close(true);
      } else if (event.key === "Enter" && !isOpen && !event.target.closest(".select2-selection")) {
        event.preventDefault();
        save();
      } else if (event.key === "Tab") {
        event.preventDefault();
        if (isOpen) jQuery(inputOf(typing.cell)).select2("close");
        const saved = await save();
        const next = saved && neighbour(saved, event.shiftKey ? -1 : 1);
        if (next) open(next);
      }
    };
    document.addEventListener("mousedown", (event) => {
      if (typing && !typing.cell.contains(event.target) && !event.target.closest(".select2-container, .select2-dropdown")) save();
    });
  }
}
