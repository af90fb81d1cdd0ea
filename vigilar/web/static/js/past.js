// The recorded half of a camera's page: strip, player, typed time and list are one place in time.

import { announce } from "./announce.js";
import { setIcon } from "./base.js";
import { heard, now } from "./clock.js";
import { Cut } from "./cut.js";
import { putInPlace, questions } from "./fresh.js";
import { house } from "./house_time.js";
import { Boxes } from "./boxes.js";
import { parse } from "./parse.js";
import { Playback } from "./playback.js";
import { Scrub } from "./scrub.js";
import { stream } from "./stream.js";
import { Strip } from "./strip.js";
import { Thumbs, isStale } from "./thumbs.js";
import { Day, LONGEST, View, spoken } from "./timeline.js";

const $ = (id) => document.getElementById(id);
const section = $("past");
const { camera } = section.dataset;
const strip = $("strip");
const video = $("past-video");
const stage = $("past-stage");
const still = $("past-still");
const hatch = $("past-hatch");
const note = $("past-note");

const SECOND = 1000;
const HOUR = 3600 * SECOND;
const JUMP = 10 * SECOND;
const ARROW = 5 * SECOND;
const SHIFT_ARROW = 60 * SECOND;
const ZOOM = 2;
const EDGE_PX = 24; // a drag this near to an end moves the strip
const TAP_REACH_PX = 22; // half of what a finger covers
const REFRESH_MS = 30_000; // today's strip grows
const TOLD_MS = 500; // several changes of one event come together
const NOTE_MS = 8000;
const RATES = [0.5, 1, 2, 4, 8, 16];
const AGAIN_MS = 3000; // what a busy box did not answer is asked again
const PAST_SLACK = 5 * SECOND; // nearer to the present than this is live

heard(Number(section.dataset.now));

let day = new Day();
let view = new View(Number(section.dataset.from), Number(section.dataset.to), strip.clientWidth);
let at = null; // the moment shown, UTC ms; null is live
let hover = null;
let dragged = null;
let wasPlaying = true;
let loading = null;
let mustLoad = false; // something changed after what is being loaded was asked for
let noteTimer = null;
let shownDay = section.dataset.day;

const thumbs = new Thumbs(camera, now);
const drawing = new Strip($("strip-picture"), house);
const player = new Playback(video, camera, now, {
  time: (ms) => {
    loadTracks(ms);
    if (dragged === null) moveTo(ms);
  },
  state: playerState,
  jump: (from, to) => say(`No recording for ${lengthWords(to - from)}. ${day.at(from + SECOND, now()).words}`.trim()),
  skip: (from, to) => say(`The recording from ${house.clock(from)} to ${house.clock(to)} cannot be read. It goes on behind it.`),
  end: playedOut,
  edge: () => goLive("You have reached the present."),
});

const cut = $("cut") && new Cut({
  camera,
  moment: () => (at === null ? null : (player.frameMoment() ?? at)),
  words: (ms, but) => (but && house.day(but) === house.day(ms) ? house.clock(ms) : `${house.dayWords(ms)}, ${house.clock(ms)}`),
  length: lengthWords,
  say,
  changed: show,
});

const TRACKS_MS = 600_000; // boxes of so long at a time
const boxes = new Boxes(stage, () => [video.videoWidth, video.videoHeight], () => (at === null ? null : (player.frameMoment() ?? at)));
let tracksFrom = null;

/** Whether the box did not answer (null), or not now. */
const isBusy = (answer) => !answer || answer.status >= 500;

/** Have the boxes of what is shown. */
async function loadTracks(ms) {
  const from = Math.floor(ms / TRACKS_MS) * TRACKS_MS;
  if (from === tracksFrom) return;
  tracksFrom = from;
  const answer = await fetch(`/api/v1/cameras/${camera}/tracks?from=${from}&to=${from + TRACKS_MS}`).catch(() => null);
  if (answer?.ok && tracksFrom === from) boxes.setTracks((await answer.json()).tracks);
  else if (isBusy(answer)) setTimeout(() => tracksFrom === from && (tracksFrom = null), AGAIN_MS);
}

function lengthWords(ms) {
  const seconds = Math.max(1, Math.round(ms / SECOND));
  if (seconds < 60) return `${seconds} s`;
  const minutes = Math.round(seconds / 60);
  return minutes < 60 ? `${minutes} min` : `${Math.floor(minutes / 60)} h ${minutes % 60} min`;
}

/** One line under the strip, for some seconds. */
function say(words) {
  note.textContent = words;
  note.hidden = !words;
  clearTimeout(noteTimer);
  if (words) noteTimer = setTimeout(() => (note.hidden = true), NOTE_MS);
}

// What is shown

function show() {
  drawing.show({ view, day, now: now(), at: dragged ?? at ?? now(), hover, cut });
  const moment = dragged ?? at ?? now();
  strip.setAttribute("aria-valuemin", Math.round(Math.min(view.from, moment)));
  strip.setAttribute("aria-valuemax", Math.round(Math.max(view.to, moment)));
  strip.setAttribute("aria-valuenow", Math.round(moment));
  strip.setAttribute("aria-valuetext", at === null && dragged === null ? `Live, ${house.clock(moment)}` : spoken(moment, day, now(), house));
  const behind = at === null || now() - at > HOUR ? "" : `, ${lengthWords(now() - at)} behind live`;
  $("past-now").textContent = at === null && dragged === null ? "Live" : `${house.dayWords(moment)}, ${house.clock(moment)}${dragged === null ? behind : ""}`;
  const wanted = day.at(hover ?? moment, now());
  const events = wanted.events.map((one) => one.title).join(", ");
  $("strip-says").textContent = events || wanted.words || (wanted.state === "recorded" ? "Recorded" : "");
  const chip = $("zone-chip");
  chip.hidden = !house.differsHere(moment);
  if (!chip.hidden) chip.textContent = `House time (${house.zone}). This device shows ${new Date(moment).toLocaleTimeString("en-GB")}.`;
}

function moveTo(ms) {
  at = ms;
  view = view.showing(ms);
  changeDay(house.day(ms));
  load();
  show();
}

function setView(next) {
  view = next.before(now());
  for (const button of document.querySelectorAll("[data-span]")) {
    const span = Math.min(Number(button.dataset.span), LONGEST);
    button.setAttribute("aria-pressed", String(Math.abs(view.span - span) < span / 20));
  }
  load();
  show();
}

/** Have the timeline of what is in sight, and as much on both sides. */
async function load(isForced = false) {
  thumbs.want(view.from, view.to);
  if (loading) mustLoad ||= isForced;
  if (loading || (!isForced && day.covers(view.from, Math.min(view.to, now())))) return;
  const span = Math.min(view.span, LONGEST);
  const from = Math.round(Math.max(0, view.from - span / 2));
  const to = Math.round(Math.min(view.to + span / 2, from + 2 * LONGEST));
  loading = `${from}-${to}`;
  mustLoad = false;
  section.setAttribute("aria-busy", "true");
  try {
    const answer = await fetch(`/footage/${camera}/timeline?from=${from}&to=${to}`);
    if (!answer.ok) throw new Error(String(answer.status));
    day = new Day(await answer.json());
    $("strip-box").removeAttribute("data-broken");
  } catch {
    $("strip-box").dataset.broken = "";
    say("What was recorded cannot be told at the moment. It is asked again in a few seconds.");
    await new Promise((resolve) => setTimeout(resolve, AGAIN_MS));
  }
  loading = null;
  section.removeAttribute("aria-busy");
  if (stage.dataset.state === "none") playerState("none"); // now it is known why
  show();
  if (mustLoad || !day.covers(view.from, Math.min(view.to, now()))) load(mustLoad);
}

/** The list, the date field and the links of another day, as the box writes them. */
async function changeDay(next) {
  if (next === shownDay) return;
  shownDay = next;
  while (shownDay === next) {
    const answer = await fetch(`/watch/${camera}?day=${next}`, { headers: { Accept: "text/html" } }).catch(() => null);
    const text = await answer?.text().catch(() => null);
    if (shownDay !== next) return;
    if (!isBusy(answer) && text !== null) return answer.ok ? showDayPage(parse(text), next) : undefined;
    await new Promise((resolve) => setTimeout(resolve, AGAIN_MS)); // the list stays as it was; the strip is right
  }
}

function showDayPage(page, ofDay) {
  for (const id of ["day-list", "day-before", "day-after"]) putInPlace($(id), page.getElementById(id));
  $("jump-day").value = ofDay;
}

// Going somewhere

function goTo(ms, { plays = true } = {}) {
  if (ms >= now() - PAST_SLACK) return goLive();
  enterPast();
  say("");
  section.dataset.asked = String(Math.round(performance.now()));
  moveTo(ms);
  hatch.hidden = true;
  player.open(ms, { plays });
  updateOthers(ms);
  history.replaceState(null, "", `?at=${Math.round(ms)}`);
}

function enterPast() {
  if (document.body.dataset.past !== undefined) return;
  document.body.dataset.past = "";
  stage.hidden = false;
  document.dispatchEvent(new CustomEvent("past", { detail: true }));
}

function goLive(words = "") {
  player.stop();
  at = null;
  delete document.body.dataset.past;
  stage.hidden = true;
  still.hidden = true;
  document.dispatchEvent(new CustomEvent("past", { detail: false }));
  history.replaceState(null, "", location.pathname);
  setView(view.showing(now()));
  changeDay(house.day(now()));
  updateOthers(null);
  playerState("live");
  say(words);
}

function playedOut(ms, knownTo, isGoingOn) {
  const next = day.recordedFrom(ms + 1);
  const isThere = next !== null && next < now() - PAST_SLACK;
  if (isThere && isGoingOn && next - ms > SECOND) {
    goTo(next);
    return say(`No recording for ${lengthWords(next - ms)}. ${day.at(ms + SECOND, now()).words}`.trim());
  }
  if (knownTo > now() - 2 * PAST_SLACK && day.at(ms, now()).state !== "gap") return goLive("You have reached the present.");
  playerState("none");
}

function playerState(state) {
  stage.dataset.state = state;
  stage.toggleAttribute("aria-busy", state === "opening");
  const moment = at ?? now();
  const words = {
    none: ["Not recorded", day.at(moment, now()).words || "Nothing was recorded at this time."],
    codec: ["Cannot be played here", "This browser cannot play the format of this camera (H.265). Save the clip and open it in another player."],
    network: ["Could not be loaded", "The box may be busy, or this time may be damaged. Press Play to try again."],
  }[state];
  hatch.hidden = !words;
  const next = day.recordedFrom(moment + 1);
  $("next-recording").hidden = state !== "none" || next === null || next >= now() - PAST_SLACK;
  if (words && hatch.querySelector(".why").textContent !== words[1]) {
    hatch.querySelector("strong").textContent = words[0];
    hatch.querySelector(".why").textContent = words[1];
    announce(`${words[0]}. ${words[1]}`);
  }
  if (state === "ready") still.hidden = true;
  if (state === "opening") showStill(moment);
}

/** The small picture, large, until the player has its first: something is there at once. */
function showStill(ms) {
  const canvas = document.createElement("canvas");
  canvas.width = 192;
  canvas.height = 108;
  if (thumbs.draw(canvas, ms) === null) return;
  still.src = canvas.toDataURL("image/jpeg", 0.8);
  still.hidden = false;
}

function setPlaying() {
  const button = $("past-play");
  button.querySelector("span").textContent = player.isPlaying ? "Pause" : "Play";
  setIcon(button.querySelector("use"), player.isPlaying ? "pause" : "play");
}
for (const name of ["play", "pause", "ended", "playing", "emptied"]) video.addEventListener(name, setPlaying);
video.addEventListener("playing", () => (section.dataset.playing = String(Math.round(performance.now()))));

function toggle() {
  if (at === null) goTo(day.recordedBefore(now() - 2 * JUMP) ?? now() - 2 * JUMP);
  else if (["network", "none"].includes(stage.dataset.state)) goTo(at);
  else player.toggle();
}

/** Go to the event after or before the moment shown, a second before it begins. */
function goToEvent(by) {
  const moment = at ?? now();
  const event = by > 0 ? day.eventAfter(moment + SECOND) : day.eventBefore(moment);
  if (!event) return say(`No event ${by > 0 ? "after" : "before"} this on the strip. Show more time, or another day.`);
  goTo(event.ts - SECOND);
  say(`${event.title}, ${house.clock(event.ts)}`);
}

function jumpBy(ms) {
  goTo((at ?? now()) + ms, { plays: at === null || player.isPlaying });
}

// Under the finger

function preview(moment) {
  const ms = Math.round(moment); // as pictures are stamped: the one of this very moment is not after it
  const box = $("preview");
  const canvas = $("preview-picture");
  const place = () => {
    const taken = thumbs.draw(canvas, ms);
    canvas.hidden = taken === null;
    box.dataset.taken = taken ?? "";
    const { state, words } = day.at(ms, now());
    const old = taken !== null && isStale(taken, ms) ? `, picture of ${house.clock(taken)}` : "";
    $("preview-time").textContent = `${house.clock(ms)}${state === "gap" ? `. ${words}` : old}`;
  };
  box.hidden = false;
  place();
  const half = box.offsetWidth / 2;
  const x = Math.max(half, Math.min(view.width - half, view.xOf(ms)));
  box.style.transform = `translateX(${Math.round(x - half)}px)`;
  box.dataset.ms = String(ms);
  thumbs.sharpen(ms, () => box.dataset.ms === String(ms) && place());
}

const hidePreview = () => ($("preview").hidden = true);

let edgeTimer = null;
function dragTo(x) {
  clearInterval(edgeTimer);
  edgeTimer = null;
  const push = x < EDGE_PX ? x - EDGE_PX : x > view.width - EDGE_PX ? x - view.width + EDGE_PX : 0;
  if (push && view.span < LONGEST * 0.9) {
    edgeTimer = setInterval(() => {
      setView(view.moved((push / view.width) * view.span * 0.2));
      follow(x);
    }, 50);
  }
  follow(x);
}
function follow(x) {
  dragged = Math.min(view.msOf(Math.max(0, Math.min(view.width, x))), now());
  hover = null;
  preview(dragged);
  show();
}
function endDrag() {
  clearInterval(edgeTimer);
  dragged = null;
  hidePreview();
}

new Scrub(strip, {
  hover(x) {
    hover = x === null ? null : view.msOf(x);
    if (hover === null || hover > now()) hidePreview();
    else preview(hover);
    show();
  },
  begin() {
    wasPlaying = at === null || player.isPlaying;
    strip.focus({ preventScroll: true });
  },
  drag: dragTo,
  drop(x) {
    const to = dragged ?? view.msOf(x);
    endDrag();
    goTo(to, { plays: wasPlaying });
  },
  cancel() {
    endDrag();
    show();
  },
  tap(x) {
    const event = day.eventAt(view, x, TAP_REACH_PX);
    if (!event) return;
    goTo(event.ts - SECOND);
    say(`${event.title}, ${house.clock(event.ts)}`);
  },
  zoom: (factor, x) => setView(view.zoomed(factor, view.msOf(x))),
  pan: (pixels) => setView(view.moved((pixels / view.width) * view.span)),
});

// Keys: while the focus is within this part of the page, and not in a field

const keys = {
  ArrowLeft: (event) => jumpBy(event.shiftKey ? -SHIFT_ARROW : -ARROW),
  ArrowRight: (event) => jumpBy(event.shiftKey ? SHIFT_ARROW : ARROW),
  ArrowDown: (event) => keys.ArrowLeft(event),
  ArrowUp: (event) => keys.ArrowRight(event),
  PageUp: () => jumpBy(view.span / 10),
  PageDown: () => jumpBy(-view.span / 10),
  Home: () => goTo(house.dayStart(at ?? now())),
  End: () => goLive(),
  j: () => jumpBy(-JUMP),
  l: () => jumpBy(JUMP),
  k: toggle,
  " ": toggle,
  ",": () => at !== null && player.step(-1),
  ".": () => at !== null && player.step(1),
  "<": () => changeSpeed(-1),
  ">": () => changeSpeed(1),
  "+": () => zoomBy(1 / ZOOM),
  "=": () => zoomBy(1 / ZOOM),
  "-": () => zoomBy(ZOOM),
  n: () => goToEvent(1),
  p: () => goToEvent(-1),
  "[": () => cut?.mark("from"),
  "]": () => cut?.mark("last"),
  e: () => cut?.export(),
};
const ON_STRIP_ONLY = ["ArrowLeft", "ArrowRight", "ArrowUp", "ArrowDown", "PageUp", "PageDown", "Home", "End"];
const zoomBy = (factor) => setView(view.zoomed(factor, at ?? now()));
function changeSpeed(by) {
  const index = Math.max(0, Math.min(RATES.length - 1, RATES.indexOf(player.rate) + by));
  $("past-speed").value = String(RATES[index]);
  player.speed(RATES[index]);
}

section.addEventListener("keydown", (event) => {
  const { key, target } = event;
  const act = keys[key.length === 1 ? key.toLowerCase() : key];
  if (!act || event.ctrlKey || event.altKey || event.metaKey) return;
  if (target.matches("input, select, textarea")) return;
  if (ON_STRIP_ONLY.includes(key) && target !== strip && target !== video) return;
  if (key === " " && target.matches("a, button, summary")) return;
  event.preventDefault();
  act(event);
});

// Buttons, fields and links

const press = (id, act) => $(id).addEventListener("click", act);
press("past-live", () => goLive());
press("next-recording", () => goTo(day.recordedFrom((at ?? 0) + 1) ?? at));
press("past-back", () => jumpBy(-JUMP));
press("past-on", () => jumpBy(JUMP));
press("past-play", toggle);
press("past-frame-back", () => keys[","]());
press("past-frame-on", () => keys["."]());
press("zoom-in", () => zoomBy(1 / ZOOM));
press("zoom-out", () => zoomBy(ZOOM));
press("earlier", () => setView(view.moved(-view.span / 2)));
press("later", () => setView(view.moved(view.span / 2)));
press("past-sound", () => {
  video.muted = !video.muted;
  $("past-sound").setAttribute("aria-pressed", String(!video.muted));
});
$("past-speed").addEventListener("change", (event) => player.speed(Number(event.target.value)));
for (const button of document.querySelectorAll("[data-span]")) {
  button.addEventListener("click", () => {
    const span = Number(button.dataset.span);
    const middle = at ?? Math.min(now(), view.to);
    if (span < 86_400_000) return setView(view.spanning(span, middle));
    setView(new View(house.dayStart(middle), house.dayEnd(middle), view.width));
  });
}

const refuse = (words, choices = []) => {
  const line = $("jump-says");
  line.textContent = words;
  for (const one of choices) {
    const link = document.createElement("a");
    link.href = `?at=${one.at}`;
    link.dataset.at = String(one.at);
    link.textContent = one.words;
    line.append(" ", link);
  }
  // By its value: without one it would say that nothing is wrong (WAI-ARIA 1.2, aria-invalid).
  $("jump-time").setAttribute("aria-invalid", String(Boolean(words) && !choices.length));
};

const askMoment = questions();

$("jump").addEventListener("submit", async (event) => {
  event.preventDefault();
  const mayTake = askMoment();
  const query = new URLSearchParams({ day: $("jump-day").value, time: $("jump-time").value });
  if (!$("jump-time").value.trim()) return showDay($("jump-day").value);
  try {
    const answer = await fetch(`/footage/${camera}/moment?${query}`, { headers: { Accept: "application/json" } });
    const found = await answer.json();
    if (!mayTake()) return;
    if (!answer.ok) return refuse(found.detail);
    if (found.moments.length > 1) return refuse("This time comes twice that night:", found.moments);
    refuse("");
    goTo(found.moments[0].at);
  } catch {
    refuse("The box did not answer. Try again.");
  }
});

async function showDay(text) {
  const mayTake = askMoment();
  const query = new URLSearchParams({ day: text, time: "12:00" });
  const answer = await fetch(`/footage/${camera}/moment?${query}`, { headers: { Accept: "application/json" } }).catch(() => null);
  const found = await answer?.json().catch(() => null);
  if (!mayTake()) return;
  if (!found) return refuse("The box did not answer. Try again.");
  if (!answer.ok && found.type !== "time.future") return refuse(found.detail);
  const middle = answer.ok ? found.moments[0].at : now();
  refuse("");
  setView(new View(house.dayStart(middle), house.dayEnd(middle), view.width));
  changeDay(house.day(middle));
}

section.addEventListener("click", (event) => {
  const link = event.target.closest("a");
  if (!link || event.ctrlKey || event.metaKey || event.shiftKey) return;
  if (link.dataset.at) {
    event.preventDefault();
    refuse("");
    goTo(Number(link.dataset.at));
  } else if (["day-before", "day-after"].includes(link.id)) {
    event.preventDefault();
    showDay(new URL(link.href).searchParams.get("day"));
  }
});

// Other cameras at the same moment

function updateOthers(ms) {
  if (!$("others")) return;
  $("others-time").textContent = ms === null ? "the same moment" : house.clock(ms);
  for (const link of $("others").querySelectorAll("a")) {
    link.href = `/watch/${link.dataset.camera}${ms === null ? "" : `?at=${Math.round(ms)}`}`;
    const image = link.querySelector("img");
    image.hidden = true;
    if (ms !== null) image.src = `/footage/${link.dataset.camera}/thumb.jpg?at=${Math.round(ms)}`;
  }
}
for (const image of document.querySelectorAll("#others img")) {
  image.addEventListener("load", () => (image.hidden = false));
  image.addEventListener("error", () => (image.hidden = true));
}

// Beginning

function fit() {
  if (strip.clientWidth && strip.clientWidth !== view.width) view = view.resized(strip.clientWidth);
  show();
}

$("strip-box").hidden = false;
$("transport").hidden = false;
new ResizeObserver(fit).observe(strip);
video.removeAttribute("controls");
if (video.hasAttribute("src")) {
  video.removeAttribute("src");
  video.load(); // the plain clip is for pages without script
}
setInterval(() => {
  if (document.hidden) return;
  if (view.to > now() - REFRESH_MS) load(true);
  else show();
}, REFRESH_MS);
let told = null;
stream.addEventListener("event", ({ detail }) => {
  if (detail.source_id !== camera || document.hidden) return;
  clearTimeout(told);
  told = setTimeout(() => load(true), TOLD_MS);
});
setInterval(() => !document.hidden && at === null && show(), SECOND);
addEventListener("pagehide", () => player.stop());

fit();
setView(view);
if (section.dataset.at) goTo(Number(section.dataset.at));
