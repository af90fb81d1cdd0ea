// Whether the box is there. No page may claim what it cannot know: a connection whose other end is gone looks open for
// minutes, so when nothing was heard for a while the box is asked, and until it answers nothing on the page is of now.

import { now } from "./clock.js";
import { stream } from "./stream.js";

const QUIET_MS = 7000; // cameras report every 5 s
const LOOK_MS = 2000;
const ANSWER_MS = 3000;

/** Dispatches `away` and `back`. */
export const reach = new EventTarget();

let heardAt = performance.now();
let heardUtc = now();
let isAway = false;
let isAsking = false;

/** UTC ms by the box's clock when it was last heard, null while it is there. */
export const awaySince = () => (isAway ? heardUtc : null);

const NOTED = "vigilar.heard"; // for the page that says that home cannot be reached
const NOTE_MS = 10_000;
let notedUtc = 0;

export function noteHeard() {
  heardAt = performance.now();
  heardUtc = now();
  if (heardUtc - notedUtc > NOTE_MS) {
    notedUtc = heardUtc;
    localStorage.setItem(NOTED, String(heardUtc));
  }
  if (!isAway) return;
  isAway = false;
  delete document.documentElement.dataset.away;
  reach.dispatchEvent(new Event("back"));
}

async function look() {
  if (document.hidden || isAsking || performance.now() - heardAt < QUIET_MS) return;
  isAsking = true;
  try {
    const answer = await fetch("/healthz", { signal: AbortSignal.timeout(ANSWER_MS), cache: "no-store" });
    if (answer.ok) noteHeard();
    else throw new Error(String(answer.status));
  } catch {
    // A word of the stream may have come while the question was on its way: a box that is slow to answer is there.
    if (!isAway && performance.now() - heardAt >= QUIET_MS) {
      isAway = true;
      document.documentElement.dataset.away = String(heardUtc);
      reach.dispatchEvent(new Event("away"));
    }
  }
  isAsking = false;
}

for (const kind of ["up", "event", "health", "refresh"]) stream.addEventListener(kind, noteHeard);
document.addEventListener("visibilitychange", look);
setInterval(look, LOOK_MS);
