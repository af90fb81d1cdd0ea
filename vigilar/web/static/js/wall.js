// A screen on the wall, which runs for months and is touched by anybody: the grid, one camera after the other, or the
// household's own pictures; what is serious takes it, and gives it back when it is over.

import { clockText, now } from "./clock.js";
import { awaySince, reach } from "./reach.js";
import { stream } from "./stream.js";
import "./live_grid.js";

const TURN_MS = 15_000;
const PICTURE_MS = 30_000;
const LOOK_MS = 1000;
const IDLE_MS = 10_000;
const STAYS_MS = { ALERT: 90_000, CRITICAL: 600_000 }; // after it was last told of
const FRESH_MS = 5 * 60_000;
const OLD_MS = 12 * 3600_000; // a page that ran for so long begins anew at night, while nothing happens
const NIGHT_HOUR = "04";

const { shows } = document.body.dataset;
const SHOWS = "vigilar.wall"; // what was chosen for this screen: whatever leads back here does not say it
const chosenBefore = localStorage.getItem(SHOWS);
if (new URLSearchParams(location.search).has("shows")) localStorage.setItem(SHOWS, shows);
else if (chosenBefore && chosenBefore !== shows) location.replace(`/wall?shows=${encodeURIComponent(chosenBefore)}`);
const grid = document.getElementById("grid");
const frame = document.getElementById("frame");
const lost = document.getElementById("lost");
const tiles = () => [...grid.children].filter((tile) => tile.dataset.state !== "off");
const begun = Date.now();

let alert = null; // {camera, incident, until}: what was serious and when the screen is free of it
let isAlarm = false; // the house is in alarm, or somebody has seconds to disarm
let chosen = ""; // the camera that somebody tapped
let turn = ""; // the camera whose turn it is
let turnUntil = 0;
let pictures = null; // null: not asked yet
let pictureUntil = 0;
let at = -1;

/** What the screen shows now: a camera alone (its id), the grid (""), or null for the pictures. */
function wanted() {
  if (alert && Date.now() > alert.until && !isAlarm) alert = null;
  if (alert) return alert.camera;
  if (isAlarm) return "";
  if (chosen) return chosen;
  if (shows === "pictures" && pictures?.length) return null;
  return shows === "grid" ? "" : nextTurn();
}

/** One camera after the other; those without a picture are left out while there are others. */
function nextTurn() {
  const all = tiles();
  const well = all.filter((tile) => tile.dataset.state === "live");
  const among = (well.length ? well : all).map((tile) => tile.dataset.camera);
  if (Date.now() < turnUntil && among.includes(turn)) return turn;
  turn = among[(among.indexOf(turn) + 1) % among.length] ?? "";
  turnUntil = Date.now() + TURN_MS;
  return turn;
}

function show() {
  const camera = wanted();
  frame.hidden = camera !== null;
  document.getElementById("room").hidden = camera === null;
  if (camera !== null && (grid.dataset.alone ?? "") !== camera) {
    if (camera) grid.dataset.alone = camera;
    else delete grid.dataset.alone;
    window.vigilarLayout.apply();
  }
  for (const tile of grid.children) tile.classList.toggle("is-alarm", tile.dataset.camera === alert?.camera);
  if (camera === null) showPicture();
  const time = clockText(now(), { seconds: false });
  for (const clock of [document.getElementById("wall-clock"), frame.querySelector(".frame-clock")]) {
    if (clock.textContent !== time) clock.textContent = time;
  }
  beginAnew(time);
}

/** The next picture, in a random order that does not repeat; one that cannot be shown is left out. */
async function showPicture() {
  if (Date.now() < pictureUntil) return;
  pictureUntil = Date.now() + PICTURE_MS;
  at += 1;
  if (at >= pictures.length) return askPictures();
  const [old, next] = frame.querySelector("img").classList.contains("is-shown") ? frame.querySelectorAll("img") : [...frame.querySelectorAll("img")].reverse();
  next.src = pictures[at];
  next.hidden = false;
  try {
    await next.decode();
    next.classList.add("is-shown");
    old.classList.remove("is-shown");
  } catch {
    pictureUntil = 0;
  }
}

async function askPictures() {
  at = -1;
  pictureUntil = 0;
  const answer = await fetch("/wall/pictures", { headers: { Accept: "application/json" } }).catch(() => null);
  if (!answer?.ok) return;
  const found = (await answer.json()).pictures;
  for (let last = found.length - 1; last > 0; last--) {
    const other = Math.floor(Math.random() * (last + 1));
    [found[last], found[other]] = [found[other], found[last]];
  }
  pictures = found;
  if (!found.length) pictureUntil = Date.now() + PICTURE_MS;
}

function takeEvent(event) {
  if (!(event.severity in STAYS_MS) || now() - (event.end_ts ?? event.ts) > FRESH_MS) return;
  const isMilder = alert?.severity === "CRITICAL" && event.severity !== "CRITICAL";
  if (isMilder && Date.now() < alert.until) return; // what stands there
  const camera = tiles().some((tile) => tile.dataset.camera === event.source_id) ? event.source_id : "";
  alert = { camera, severity: event.severity, incident: String(event.incident_id ?? ""), until: Date.now() + STAYS_MS[event.severity] };
  show();
}

stream.addEventListener("event", ({ detail }) => takeEvent(detail));
stream.addEventListener("health", ({ detail }) => {
  const isNew = (one) => one.state !== "off" && ![...grid.children].some((tile) => tile.dataset.camera === one.camera_id);
  if (detail.cameras.some(isNew)) location.reload();
});
stream.addEventListener("alert", ({ detail }) => {
  if (alert && String(detail.incident_id) === alert.incident) alert = null;
  show();
});
stream.addEventListener("arm", ({ detail }) => {
  const was = isAlarm;
  isAlarm = Boolean(detail.alarm) || detail.entry_until_ts !== null;
  if (was && !isAlarm) alert = null; // disarmed
  show();
});

/** A tap on a camera shows it alone, another one all of them again. */
grid.addEventListener("click", (event) => {
  const tile = event.target.closest(".tile");
  if (!tile) return;
  event.preventDefault();
  chosen = chosen ? "" : tile.dataset.camera;
  show();
});
frame.addEventListener("click", () => {
  chosen = nextTurn();
  show();
  setTimeout(() => {
    chosen = "";
    show();
  }, 60_000);
});
document.querySelector("#alert-bar a")?.addEventListener("click", (event) => event.preventDefault());

const sayLost = () => {
  const since = awaySince();
  lost.hidden = since === null;
  if (since !== null) lost.textContent = `This screen does not reach the box since ${clockText(since, { seconds: false })}.`;
};
reach.addEventListener("away", sayLost);
reach.addEventListener("back", sayLost);

const full = document.getElementById("wall-full");
if (document.fullscreenEnabled) {
  const say = () => (full.hidden = document.fullscreenElement !== null);
  full.addEventListener("click", () => document.documentElement.requestFullscreen().catch(() => {}));
  document.addEventListener("fullscreenchange", say);
  say();
}

let idle = null;
function awake() {
  document.body.classList.remove("is-idle");
  clearTimeout(idle);
  idle = setTimeout(() => document.body.classList.add("is-idle"), IDLE_MS);
}
for (const name of ["pointermove", "pointerdown", "keydown"]) addEventListener(name, awake);
awake();

/** Keep the screen lit, where the browser can. */
const stayLit = () => document.visibilityState === "visible" && navigator.wakeLock?.request("screen").catch(() => {});
document.addEventListener("visibilitychange", stayLit);
stayLit();

const newVersion = document.getElementById("new-version");
let isDone = false;
/** Nobody is there to reload: a new version is taken while nothing happens, and a page that ran all day begins anew at
 * night. One that fills the screen by a tap stays, as it could not do so by itself again. */
function beginAnew(time) {
  if (isDone || alert || isAlarm || chosen || awaySince() !== null) return;
  if (!newVersion.hidden) {
    isDone = true;
    newVersion.querySelector("button").click();
  } else if (Date.now() - begun > OLD_MS && time.startsWith(NIGHT_HOUR) && !document.fullscreenElement) {
    isDone = true;
    location.reload();
  }
}

if (shows === "pictures") await askPictures();
show();
setInterval(show, LOOK_MS);
