// Exports and reels as they are made: the bar moves with each word of the box; a change of state draws the part anew.

import { announce } from "./announce.js";
import { putInPlace, questions } from "./fresh.js";
import { parse } from "./parse.js";
import { stream } from "./stream.js";

const SPOKEN_EVERY = 25;
const spoken = new Map();

// Not the address: the page that shows a new link is the answer to a form.
const { page: here, kinds } = document.body.dataset;
const isList = "list" in document.body.dataset;

// One page shows one thing that is made, and what else it says of it belongs to its state: it comes with the whole page.
const stateIn = (page) => (isList ? "" : page.querySelector(".job")?.dataset.state);
const isOver = (state) => ["done", "failed", "cancelled"].includes(state);

const ask = questions();
/** Take what the box shows now in place of what stands here, where it differs: a video that plays is left alone. */
async function draw() {
  const mayTake = ask();
  const answer = await fetch(here, { headers: { Accept: "text/html" } }).catch(() => null);
  if (!answer?.ok) return; // when the box is back, the stream comes up
  const page = parse(await answer.text());
  if (!mayTake()) return; // of two on their way the older one came last, and the newest word may have been the last
  if (isOver(stateIn(page)) && !isOver(stateIn(document))) return location.assign(here);
  for (const id of ["made", "sentence"]) {
    const [old, fresh] = [document.getElementById(id), page.getElementById(id)];
    if (old && fresh && !old.isEqualNode(fresh)) putInPlace(old, fresh);
  }
}

stream.addEventListener("job", ({ detail }) => {
  if (!kinds.split(" ").includes(detail.kind)) return;
  const job = document.getElementById(`job-${detail.id}`);
  const name = job?.querySelector("h3")?.textContent ?? document.querySelector("h1").textContent;
  if (!job || job.dataset.state !== detail.state) {
    if (job && detail.state !== "waiting") announce(`${name}: ${detail.state}`);
    if (job && !isList && isOver(detail.state)) location.assign(here);
    else if (job || isList) draw();
    return;
  }
  const bar = job.querySelector("progress");
  if (!bar) return;
  bar.value = detail.percent;
  job.querySelector(".job-percent").textContent = `${detail.percent} %`;
  const [step, left] = [job.querySelector(".job-step"), job.querySelector(".job-left")];
  if (step) step.textContent = detail.step;
  if (left) left.textContent = detail.seconds_left === null ? "" : `${detail.seconds_left} s left`;
  const quarter = Math.floor(detail.percent / SPOKEN_EVERY);
  if (quarter > (spoken.get(detail.id) ?? 0)) {
    spoken.set(detail.id, quarter);
    announce(`${name}: ${detail.percent} percent`);
  }
});
// On its battery the house does no long work: what waits says so, and no job tells of it.
stream.addEventListener("event", ({ detail }) => {
  if (["power_loss", "power_restored"].includes(detail.type)) draw();
});
stream.addEventListener("up", draw);
