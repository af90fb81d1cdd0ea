// The order, groups and columns of the grid, chosen by its user and kept in this browser. Buttons, not dragging: they
// work with every kind of input.

const layout = window.vigilarLayout;
const dialog = document.getElementById("layout");
const rows = document.getElementById("layout-rows");
const columns = document.getElementById("columns");
const chooser = document.getElementById("group");

const tiles = () => [...document.querySelectorAll("#grid .tile")];
const groupsOf = ({ groups }) => [...new Set(Object.values(groups))].sort((a, b) => a.localeCompare(b));

/** The list above the grid; it shows only when there is a group. */
export function showGroups() {
  const { group, ...known } = layout.read();
  const names = groupsOf(known);
  chooser.replaceChildren(new Option("All cameras", ""), ...names.map((name) => new Option(name, name)));
  chooser.value = names.includes(group) ? group : "";
  chooser.hidden = names.length === 0;
}
chooser?.addEventListener("change", () => layout.save({ group: chooser.value }));

export function openLayout() {
  drawRows();
  columns.value = String(layout.read().columns);
  dialog.showModal();
}

function move(id, step) {
  const order = tiles().map((tile) => tile.dataset.camera);
  const at = order.indexOf(id);
  const to = at + step;
  if (to < 0 || to >= order.length) return;
  [order[at], order[to]] = [order[to], order[at]];
  layout.save({ order });
  drawRows();
  rows.querySelector(`[data-move="${id} ${step}"]`)?.focus();
}

function drawRows() {
  const { groups } = layout.read();
  rows.replaceChildren(...tiles().map((tile, index, all) => drawRow(tile.dataset, groups, index, all.length)));
}

function drawRow({ camera: id, name }, groups, index, count) {
  const row = document.createElement("li");
  const words = Object.assign(document.createElement("span"), { className: "layout-name", textContent: name });
  const group = Object.assign(document.createElement("input"), { className: "form-control", value: groups[id] ?? "", maxLength: 30, placeholder: "No group" });
  group.setAttribute("aria-label", `Group of ${name}`);
  group.addEventListener("change", () => {
    const changed = { ...layout.read().groups, [id]: group.value.trim() };
    if (!changed[id]) delete changed[id];
    layout.save({ groups: changed });
    showGroups();
  });
  row.append(words, group, button(id, -1, `Move ${name} up`, "↑", index === 0), button(id, 1, `Move ${name} down`, "↓", index === count - 1));
  return row;
}

function button(id, step, words, sign, isDisabled) {
  const made = Object.assign(document.createElement("button"), { type: "button", className: "btn btn-outline", textContent: sign, disabled: isDisabled });
  made.setAttribute("aria-label", words);
  made.dataset.move = `${id} ${step}`;
  made.addEventListener("click", () => move(id, step));
  return made;
}

columns?.addEventListener("change", () => layout.save({ columns: Number(columns.value) }));
document.getElementById("layout-close")?.addEventListener("click", () => dialog.close());
