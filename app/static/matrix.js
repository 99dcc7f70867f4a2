// The arrow keys lead from cell to cell of a matrix, over what has no box or link.
"use strict";
{
  const steps = { ArrowUp: [0, -1], ArrowDown: [0, 1], ArrowLeft: [-1, 0], ArrowRight: [1, 0] };
  const inside = (cell) => cell?.querySelector("input, a");

  function neighbour(table, cell, [across, down]) {
    const rows = [...table.tBodies[0].rows];
    let [x, y] = [cell.cellIndex, rows.indexOf(cell.parentElement)];
    do {
      [x, y] = [x + across, y + down];
      if (inside(rows[y]?.cells[x])) return inside(rows[y].cells[x]);
    } while (rows[y]?.cells[x]);
    return null;
  }

  document.addEventListener("keydown", (event) => {
    const cell = event.target.closest?.("[data-matrix] td");
    if (!steps[event.key] || !cell || event.ctrlKey || event.altKey || event.metaKey) return;
    const all = [...cell.querySelectorAll("input, a")];
    const beside = all[all.indexOf(event.target) + (steps[event.key][0] || 0)];
    const next = beside && beside !== event.target ? beside : neighbour(cell.closest("table"), cell, steps[event.key]);
    if (!next) return;
    next.focus();
    event.preventDefault();
  });
}
