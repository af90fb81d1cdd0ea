// The form of a reel: its preview follows what is chosen, and the address too, so that a reload keeps the form.

import { putInPlace, questions } from "./fresh.js";
import { parse } from "./parse.js";

const WAIT_MS = 250; // who types a number types several
const form = document.getElementById("make");
const says = document.getElementById("preview-says");
const ask = questions();
let timer = null;

async function look() {
  const address = `/reels/new?${new URLSearchParams(new FormData(form))}`;
  history.replaceState(null, "", address);
  const mayTake = ask();
  const answer = await fetch(address, { headers: { Accept: "text/html" } }).catch(() => null);
  const text = answer?.ok ? await answer.text().catch(() => null) : null;
  if (!mayTake()) return;
  says.hidden = text !== null;
  if (text === null) return;
  const page = parse(text);
  const fresh = page.getElementById("preview");
  if (!fresh) return; // the login, or an error
  putInPlace(document.getElementById("preview"), fresh);
  // In autumn a time of the clock comes twice, and another field asks which one is meant.
  const zones = (one) => [...one.querySelectorAll("#range select")].map(({ id }) => id).join(" ");
  if (zones(page) !== zones(document)) putInPlace(document.getElementById("range"), page.getElementById("range"));
}

form.addEventListener("input", () => {
  clearTimeout(timer);
  timer = setTimeout(look, WAIT_MS);
});
// Asked for once, though the button is pressed again before the answer.
let isSent = false;
form.addEventListener("submit", (event) => {
  if (isSent) event.preventDefault();
  isSent = true;
});
addEventListener("pageshow", () => (isSent = false));
