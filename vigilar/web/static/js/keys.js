// Keys of the page, and the list of them behind `?` and a button. Single keys can be switched off (WCAG 2.1.4): speech
// input types letters.

const OFF = "vigilar.keys.off";
const known = [];
let isAfterG = 0; // when it was pressed
const G_HOLDS_MS = 2000;

const isOff = () => localStorage.getItem(OFF) === "1";

/** `onKey("f", "full screen", () => ...)`; several keys by a bar: `"ArrowLeft|ArrowRight"`. `g` + key is `"g l"`. */
export function onKey(keys, words, run) {
  known.push({ keys, words, run });
}

const names = { " ": "Space", ArrowLeft: "←", ArrowRight: "→", ArrowUp: "↑", ArrowDown: "↓", Escape: "Esc" };
const shown = (keys) => (keys.startsWith("g ") ? `g then ${keys[2]}` : keys.split("|").map((key) => names[key] ?? key).join(" "));

const isTyping = (target) => target.closest?.("input:not([type=checkbox]), textarea, select, [contenteditable]") !== null;

addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey || event.defaultPrevented || isTyping(event.target)) return;
  const { key } = event;
  if (isOff() && key.length === 1) return;
  if (key === "?") return openHelp(event);
  if (document.querySelector("dialog[open]")) return;
  // A button that has the focus is pressed by these.
  if ((key === " " || key === "Enter") && event.target.closest?.("a, button, summary, input")) return;
  const after = isAfterG && event.timeStamp - isAfterG < G_HOLDS_MS;
  isAfterG = key === "g" ? event.timeStamp : 0;
  // The page's own come last and go before those of all pages.
  const found = known.findLast(({ keys }) => (after ? keys === `g ${key}` : keys.split("|").includes(key)));
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
  const isLast = ({ keys }, index) => !known.slice(index + 1).some((other) => other.keys === keys);
  for (const { keys, words } of [...known.filter(isLast), { keys: "?", words: "this list" }]) {
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

for (const link of document.querySelectorAll(".tabs [data-key]")) {
  onKey(`g ${link.dataset.key}`, `go to ${link.textContent.toLowerCase()}`, () => location.assign(link.href));
}
onKey("/", "find", () => {
  const field = document.querySelector("main input[type=search], main input[name=q]");
  if (field) field.focus();
  else location.assign("/events");
});
// Not where something was typed or drawn that is not saved yet: such pages end their own drafts.
let isTouched = false;
addEventListener("input", () => (isTouched = true));
if (document.querySelector("a.back")) onKey("Escape", "back", () => isTouched || document.querySelector("a.back").click());

const opener = document.getElementById("keys-open");
if (opener) {
  opener.hidden = false;
  opener.addEventListener("click", openHelp);
}
