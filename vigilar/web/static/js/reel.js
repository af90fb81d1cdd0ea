// A reel that is shown: each second of it knows what it is of, and one tap or key opens that.

import { house } from "./house_time.js";
import { onKey } from "./keys.js";

const $ = (id) => document.getElementById(id);
const STEP_S = 5;

const video = $("film");
const shown = $("shown");
const rows = [...document.querySelectorAll("#parts li")];
const parts = rows.map((row) => {
  const { from, to, ts, until, camera, words } = row.dataset;
  const numbers = { from: Number(from), to: Number(to), ts: Number(ts), until: Number(until) };
  return { row, ...numbers, camera, words, isEvent: "event" in row.dataset, href: row.querySelector("a").href };
});
let at = -1; // the part that is shown

/** The last part that has begun at `ms` of the reel. */
const partAt = (ms) => Math.max(0, parts.findLastIndex(({ from }) => from <= ms + 1));

/** Where a tap leads at `ms` of the reel: to the event or, of what is none, to the moment that is seen. */
function placeOf(part, ms) {
  if (part.isEvent) return { href: part.href, words: part.words };
  const share = Math.min(1, Math.max(0, (ms - part.from) / Math.max(1, part.to - part.from)));
  const moment = Math.round(part.ts + share * (part.until - part.ts));
  const minute = house.clock(moment, { seconds: false });
  return { href: `/watch/${part.camera}?at=${moment}`, words: `${house.dayWords(moment)}, ${minute}` };
}

function follow() {
  const ms = video.currentTime * 1000;
  const index = partAt(ms);
  const place = placeOf(parts[index], ms);
  shown.href = place.href;
  if ($("shown-words").textContent !== place.words) $("shown-words").textContent = place.words;
  document.querySelector("#film-span .now").setAttribute("x", ms);
  if (index === at) return;
  parts[at]?.row.removeAttribute("aria-current");
  at = index;
  const { row } = parts[at];
  row.setAttribute("aria-current", "true");
  // The list follows, not the page: the picture stays where it is.
  const list = row.parentElement;
  if (!list.contains(document.activeElement) || document.activeElement === list) {
    list.scrollTop = row.offsetTop - (list.clientHeight - row.offsetHeight) / 2;
  }
}

function goTo(seconds, plays = !video.paused) {
  video.currentTime = Math.max(0, Math.min(seconds, video.duration || Infinity));
  if (parts.length) follow(); // the browser tells of it later, and the next key may be there before
  if (plays) video.play().catch(() => {});
}
const goToPart = (index) => goTo(parts[Math.max(0, Math.min(index, parts.length - 1))].from / 1000);
/** To the beginning of this part or, within its first second, of the one before. */
const before = () => goToPart(video.currentTime * 1000 - parts[at].from > 1000 ? at : at - 1);
const after = () => at < parts.length - 1 && goToPart(at + 1);
const pause = () => (video.paused ? video.play().catch(() => {}) : video.pause());

video.addEventListener("error", () => ($("film-note").hidden = false));
if (parts.length) {
  for (const event of ["timeupdate", "seeking", "loadedmetadata"]) video.addEventListener(event, follow);
  follow();
  for (const { row, from } of parts) row.querySelector("button").addEventListener("click", () => goTo(from / 1000, true));
  $("before")?.addEventListener("click", before);
  $("after")?.addEventListener("click", after);
  onKey("n", "next part", after);
  onKey("p", "previous part", before);
  onKey("Enter", "open what is shown", () => {
    follow();
    shown.click();
  });
}
onKey(" ", "play or pause", pause);
onKey("ArrowLeft|ArrowRight", "5 s back or on", ({ key }) => goTo(video.currentTime + (key === "ArrowLeft" ? -STEP_S : STEP_S)));
if ($("keep")) onKey("s", "keep, or no longer", () => $("keep").click());
// The player has buttons and sliders of its own, which these keys are for while one of them has the focus.
const OWN = [" ", "ArrowLeft", "ArrowRight"];
video.addEventListener("keydown", (event) => OWN.includes(event.key) && event.stopPropagation());
// Whoever wants no moving pictures presses play; all others came to see it.
if (!matchMedia("(prefers-reduced-motion: reduce)").matches) {
  video.muted = true;
  video.play().catch(() => {});
}
