// Keys of the page, and the list of them behind `?`. Single keys can be switched off: speech input types letters.

const OFF = "vigilar.keys.off";
const known = [];
let isAfterG = false;

const isOff = () => localStorage.getItem(OFF) === "1";

/** `onKey("f", "full screen", () => ...)`; several keys by a space: `"ArrowLeft ArrowRight"`. `g` + key is `"g l"`. */
export function onKey(keys, words, run) {
  known.push({ keys, words, run });
}

const names = { " ": "Space", ArrowLeft: "←", ArrowRight: "→", ArrowUp: "↑", ArrowDown: "↓", Escape: "Esc" };
const shown = (keys) => (keys.startsWith("g ") ? `g then ${keys[2]}` : keys.split("|").map((key) => names[key] ?? key).join(" "));

const isTyping = (target) => target.closest?.("input:not([type=checkbox]), textarea, select, [contenteditable]") !== null;

addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey || event.defaultPrevented || isTyping(event.target)) return;
  const { key } = event;
  if (key === "?") return openHelp(event);
  if (document.querySelector("dialog[open]") || (isOff() && key.length === 1)) return;
  // A button that has the focus is pressed by these.
  if ((key === " " || key === "Enter") && event.target.closest?.("a, button, summary, input")) return;
  const after = isAfterG;
  isAfterG = key === "g";
  const found = known.find(({ keys }) => (after ? keys === `g ${key}` : keys.split("|").includes(key)));
  if (!found) return;
  event.preventDefault();
  found.run(event);
});

let dialog = null;
function openHelp(event) {
  event.preventDefault();
  dialog ??= makeHelp();
  dialog.open ? dialog.close() : dialog.showModal();
}

function makeHelp() {
  const made = document.createElement("dialog");
  made.className = "sheet";
  made.setAttribute("aria-labelledby", "keys-head");
  const head = document.createElement("h2");
  head.id = "keys-head";
  head.textContent = "Keys of this page";
  const list = document.createElement("dl");
  list.className = "facts keys";
  for (const { keys, words } of [...known, { keys: "?", words: "this list" }]) {
    const row = document.createElement("div");
    const name = document.createElement("dt");
    const what = document.createElement("dd");
    name.append(Object.assign(document.createElement("kbd"), { textContent: shown(keys) }));
    what.textContent = words;
    row.append(name, what);
    list.append(row);
  }
  const label = document.createElement("label");
  label.className = "check";
  const box = Object.assign(document.createElement("input"), { type: "checkbox", checked: !isOff() });
  box.addEventListener("change", () => localStorage.setItem(OFF, box.checked ? "0" : "1"));
  label.append(box, " Single keys work");
  const close = Object.assign(document.createElement("button"), { className: "btn btn-outline", textContent: "Close" });
  close.addEventListener("click", () => made.close());
  made.append(head, list, label, close);
  document.body.append(made);
  return made;
}

for (const [key, path, words] of [
  ["g l", "/live", "live"],
  ["g e", "/events", "events"],
  ["g s", "/system", "system"],
]) {
  if (document.querySelector(`.tabs a[href="${path}"]`)) onKey(key, `go to ${words}`, () => location.assign(path));
}
