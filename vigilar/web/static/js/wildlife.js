// Arrow keys through the plots of the journal: one cell at a time has the focus, and a screen reader says its words.

for (const plot of document.querySelectorAll("svg.map, svg.raster")) {
  const rows = [...plot.querySelectorAll("[data-row]")].map((row) => [...row.querySelectorAll(".c")]);
  if (!rows.length) continue;
  const says = plot.closest("section")?.querySelector("[data-map-says]");
  let place = [0, 0];

  const enter = (row, column) => {
    rows[place[0]][place[1]].tabIndex = -1;
    place = [row, column];
    const cell = rows[row][column];
    cell.tabIndex = 0;
    return cell;
  };
  enter(0, 0);

  plot.addEventListener("focusin", ({ target }) => {
    const cell = target.closest(".c");
    const row = rows.findIndex((cells) => cells.includes(cell));
    if (row < 0) return;
    enter(row, rows[row].indexOf(cell));
    if (says) says.textContent = cell.getAttribute("aria-label");
  });

  plot.addEventListener("keydown", (event) => {
    const [row, column] = place;
    const last = rows[row].length - 1;
    const to = {
      ArrowUp: [row - 1, column],
      ArrowDown: [row + 1, column],
      ArrowLeft: [row, column - 1],
      ArrowRight: [row, column + 1],
      Home: [row, 0],
      End: [row, last],
      PageUp: [Math.max(0, row - 10), column],
      PageDown: [Math.min(rows.length - 1, row + 10), column],
    }[event.key];
    if (!to || event.ctrlKey || event.metaKey || event.altKey) return;
    event.preventDefault();
    event.stopPropagation();
    const cell = rows[to[0]]?.[to[1]];
    if (!cell) return;
    enter(...to).focus();
    cell.scrollIntoView({ block: "nearest", inline: "nearest" });
  });
}
