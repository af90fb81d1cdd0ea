// The grid fills the screen, whatever the number of cameras, in the order and group its user chose. Read and run while
// the page is built, before it is painted, so that nothing jumps; not a module for that reason.

(() => {
  const grid = document.getElementById("grid");
  if (!grid) return;
  const KEY = `vigilar.live.${document.documentElement.dataset.user}`;
  const GAP = 8;
  const SHAPE = 16 / 9;
  const isWall = "wall" in document.body.dataset; // nobody scrolls there: all fit, however many
  const LEAST = isWall ? 0 : 240; // narrower tiles are hard to see: then the grid scrolls
  const empty = { order: [], groups: {}, group: "", columns: 0 };

  function read() {
    try {
      return { ...empty, ...JSON.parse(localStorage.getItem(KEY)) };
    } catch {
      return { ...empty };
    }
  }

  /** Columns with which `count` tiles are largest in `width` by `height`; the width of a tile. */
  function fit(count, width, height) {
    let best = [1, 0];
    for (let columns = 1; columns <= count; columns++) {
      const rows = Math.ceil(count / columns);
      const wide = Math.floor(Math.min((width - GAP * (columns - 1)) / columns, ((height - GAP * (rows - 1)) / rows) * SHAPE));
      if (wide > best[1]) best = [columns, wide];
    }
    return best;
  }

  function apply() {
    const layout = read();
    const tiles = [...grid.children];
    const place = new Map(layout.order.map((id, index) => [id, index]));
    const rank = (tile) => place.get(tile.dataset.camera) ?? 1000 + Number(tile.dataset.index);
    const sorted = [...tiles].sort((a, b) => rank(a) - rank(b));
    if (sorted.some((tile, index) => tile !== tiles[index])) grid.append(...sorted);
    const groups = new Set(Object.values(layout.groups));
    const group = groups.has(layout.group) ? layout.group : "";
    const { alone } = grid.dataset; // the one camera that a screen on the wall shows just now
    const isOut = ({ dataset }) => (alone ? dataset.camera !== alone : group !== "" && layout.groups[dataset.camera] !== group);
    for (const tile of sorted) tile.hidden = isOut(tile);
    const count = sorted.filter((tile) => !tile.hidden).length;
    const { width } = grid.getBoundingClientRect();
    const isFull = document.fullscreenElement === grid.parentElement;
    const top = isFull ? GAP : grid.getBoundingClientRect().top + scrollY;
    const isPhone = !isWall && innerWidth < 768 && innerHeight > innerWidth;
    const height = innerHeight - top - (isFull || isWall ? GAP : innerWidth < 768 ? 68 : 12);
    let [columns, wide] = fit(count, width, height);
    if ((layout.columns && !alone) || isPhone) {
      columns = Math.min(layout.columns || 1, count);
      wide = Math.floor((width - GAP * (columns - 1)) / columns);
    } else if (wide < Math.min(LEAST, width)) {
      columns = Math.max(1, Math.floor((width + GAP) / (LEAST + GAP)));
      wide = Math.floor((width - GAP * (columns - 1)) / columns);
    }
    grid.style.setProperty("--columns", columns);
    grid.style.setProperty("--tile", `${wide}px`);
    grid.style.setProperty("--room", isPhone ? "0" : `${Math.max(0, height)}px`);
    grid.dataset.columns = columns;
  }

  const save = (change) => {
    localStorage.setItem(KEY, JSON.stringify({ ...read(), ...change }));
    apply();
  };
  window.vigilarLayout = { read, save, apply };
  addEventListener("resize", apply);
  addEventListener("storage", (event) => event.key === KEY && apply());
  document.addEventListener("fullscreenchange", apply);
  apply();
})();
