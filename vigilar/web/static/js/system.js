// Keeps the state of the house fresh: the page is drawn by the box, we only put the new one in place of the old.

import { clockText } from "./clock.js";
import { renewing } from "./fresh.js";
import { awaySince, reach } from "./reach.js";
import { stream } from "./stream.js";

const EVERY_MS = 5000;
const SOON_MS = 300;
const refresh = renewing("system", location.href);

reach.addEventListener("away", () => {
  const sentence = document.querySelector("#system .sentence");
  if (sentence) sentence.textContent = `Not known: this box does not answer since ${clockText(awaySince())}. Below is how it was then.`;
});
reach.addEventListener("back", refresh);

// What the box tells comes at once: one look for all that is told within a moment.
let soon = null;
function refreshSoon() {
  soon ??= setTimeout(() => {
    soon = null;
    refresh();
  }, SOON_MS);
}
const states = new Map();
stream.addEventListener("health", ({ detail }) => {
  for (const { camera_id: id, state, not_recording: why } of detail.cameras) {
    const now = `${state} ${why ?? ""}`;
    if (states.has(id) && states.get(id) !== now) refreshSoon();
    states.set(id, now);
  }
});
for (const name of ["event", "job"]) stream.addEventListener(name, refreshSoon);
setInterval(refresh, EVERY_MS);
