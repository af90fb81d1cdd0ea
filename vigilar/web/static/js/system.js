// Keeps the state of the house fresh: the page is drawn by the box, we only put the new one in place of the old.

import { clockText } from "./clock.js";
import { awaySince, reach } from "./reach.js";

const EVERY_MS = 5000;

reach.addEventListener("away", () => {
  const sentence = document.querySelector("#system .sentence");
  sentence.textContent = `Not known: this box does not answer since ${clockText(awaySince())}. Below is how it was then.`;
});
reach.addEventListener("back", refresh);

async function refresh() {
  const old = document.getElementById("system");
  if (document.hidden || old.contains(document.activeElement)) return; // never move what somebody is on
  try {
    const answer = await fetch(location.href, { headers: { Accept: "text/html" } });
    if (!answer.ok) return;
    const page = new DOMParser().parseFromString(await answer.text(), "text/html");
    const fresh = page.getElementById("system");
    if (fresh) old.replaceWith(document.adoptNode(fresh));
  } catch {
    // The last result stays, with the time at which it was true.
  }
}

setInterval(refresh, EVERY_MS);
