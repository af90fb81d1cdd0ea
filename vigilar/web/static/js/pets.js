// Says which pet it is without leaving the page: the box draws the part anew, and the same buttons work without script.

import { announce } from "./announce.js";
import { onKey } from "./keys.js";
import { parse } from "./parse.js";
import { putInPlace, questions } from "./fresh.js";
import { stream } from "./stream.js";

const PART = document.getElementById("pets") ? "pets" : "pet";
const part = () => document.getElementById(PART);
const ask = questions();
let isSaying = false;

/** Put the part of a page in place, and say what became of it. */
function show(text) {
  const fresh = parse(text).getElementById(PART);
  if (!fresh) return;
  putInPlace(part(), fresh);
}

document.addEventListener("submit", async (event) => {
  const form = event.target;
  if (!form.matches(".pet-form") || !part()?.contains(form)) return;
  event.preventDefault();
  if (isSaying) return;
  isSaying = true;
  const mayTake = ask();
  const body = new URLSearchParams(new FormData(form, event.submitter));
  const answer = await fetch(form.getAttribute("action"), { method: "POST", headers: { Accept: "text/html" }, body }).catch(() => null);
  isSaying = false;
  if (!answer) return announce("The box did not answer. Nothing was changed.");
  const text = await answer.text();
  if (mayTake() && (answer.ok || PART === "pets")) show(text);
  const said = part().querySelector(".pet-q")?.textContent ?? "";
  announce(answer.ok ? (PART === "pets" ? "Noted." : said) : "The box did not take it. Perhaps another pet has that name.");
  if (!part().contains(document.activeElement)) part().querySelector("[data-say]")?.focus({ preventScroll: true });
});

/** Press the first button that says this. */
const press = (say) => part()?.querySelector(`[data-say="${say}"]`)?.click();
onKey("y", "yes, it is this pet", () => press("yes"));
onKey("u", "take back what was said", () => press("undo"));
if (PART === "pets") {
  onKey("n", "not this pet", () => press("no"));
  onKey("s", "nobody can tell", () => press("unsure"));
}
for (let digit = 1; digit <= 9; digit++) onKey(String(digit), `it is pet ${digit}`, () => press(String(digit)));

async function renew() {
  if (document.hidden || isSaying || part()?.contains(document.activeElement)) return;
  const mayTake = ask();
  const answer = await fetch(location.pathname, { headers: { Accept: "text/html" } }).catch(() => null);
  if (!answer?.ok) return;
  const text = await answer.text();
  if (mayTake() && !isSaying && !part()?.contains(document.activeElement)) show(text);
}
const concerns = (event) => ["cat", "dog"].includes(event.kind) || event.type.startsWith("pet_");
const isShown = (event) => String(event.id) === document.body.dataset.event;
const canUndo = () => part()?.querySelector('[data-say="undo"]');
if (PART === "pet") stream.addEventListener("event", ({ detail }) => isShown(detail) && !canUndo() && renew());
if (PART === "pets") stream.addEventListener("event", ({ detail }) => concerns(detail) && renew());
