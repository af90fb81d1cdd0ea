// The grid: all stills at once out of one picture, then moving ones in the tiles on screen, each with its age.

import { age, clockText, heard, lasting, now } from "./clock.js";
import { setIcon } from "./base.js";
import { openLayout, showGroups } from "./layout.js";
import { onKey } from "./keys.js";
import { play } from "./player.js";
import { awaySince, reach } from "./reach.js";
import { Boxes, armSwitch } from "./boxes.js";
import { stream } from "./stream.js";
import { Standstill, Unchanged, armRetry, isSeen, isWell, loadStill, paint, sayDown, setText, takeHealth } from "./tile.js";
import "./just_now.js";

// A browser has about 40 video elements on a phone and 75 elsewhere; more than these are not watched at once.
const MOST_PLAYERS = matchMedia("(max-width: 767px)").matches ? 6 : 16;
// Above what HLS is behind: 2 to 3 s, and more at its start, which is at a keyframe.
const frozenMs = (gapS) => Math.max(8000, 2000 * (gapS || 0));
const STILL_EVERY_MS = 2000;
const LONG_GAP_S = 6; // HLS begins at a keyframe: with rarer ones a stream is asked for that the box encodes
const LOOK_EVERY_MS = 2000;
const SHEET_WAIT_MS = 2000;
const HIDDEN_STOP_MS = 30000;
const RETRY_MS = 5000;
const BACK_MS = 3000; // a video that stands still for so long when the box is there again does not wait for its player

const tiles = new Map();
let isPaused = false;

const DOWN = { starting: "starting", connecting: "connecting", restarting: "restarting", unknown: "not known" };
const oldness = (ms) => (ms < 60000 ? age(ms) : lasting(ms));

class Tile {
  constructor(box) {
    this.box = box;
    this.still = box.querySelector("canvas.still");
    this.video = box.querySelector(".video");
    this.ageLine = box.querySelector(".tile-age");
    this.isSeen = false;
    this.player = null;
    this.isStarting = false;
    this.stillTs = null;
    this.why = ""; // why there are stills instead of video
    this.narrow = ""; // why the stream is encoded for this page
    this.nextStill = 0;
    this.retryAt = 0;
    this.standstill = new Standstill();
    this.stoodMs = 0; // how long its player has had nothing new
    this.isStuck = false;
    this.gapS = Number(box.dataset.gap) || 0;
    this.unchanged = new Unchanged();
    this.unchangedMs = 0;
    this.lookAt = 0;
    this.video?.addEventListener("playing", () => (this.video.hidden = false));
    const isMoving = () => this.player && !this.video.hidden;
    this.boxes = this.still && new Boxes(
      box.querySelector(".picture"),
      () => (isMoving() ? [this.video.videoWidth, this.video.videoHeight] : [this.still.width, this.still.height]),
      () => (isMoving() ? this.player.frameTime() : this.stillTs),
    );
    armRetry(box);
  }

  /** A tile is never empty: what the sheet did not have in time is asked for, and else the newest that was stored. */
  async fillEmpty() {
    if (!this.still || this.stillTs !== null) return;
    const isUp = isSeen(this.box.dataset.state, true);
    for (const isLast of isUp ? [false, true] : [true, false]) {
      const ts = await loadStill(this.still, this.box.dataset.camera, 640, isLast, () => this.stillTs).catch(() => null);
      if (ts === null) continue;
      this.stillTs = ts;
      this.box.dataset.painted = "1";
      return this.say();
    }
  }

  get canShow() {
    return this.video && this.isSeen && !isPaused && !isHiddenLong && isSeen(this.box.dataset.state, true);
  }

  update() {
    if (this.canShow && !this.player && !this.isStarting && !this.why && now() > this.retryAt) this.start();
    if (!this.canShow && this.player) this.stop();
    if (this.isStuck && awaySince() === null) this.beginAgain();
    if (this.canShow && this.why && !this.player) this.refreshStill();
    this.say();
  }

  async start() {
    if ([...tiles.values()].filter((tile) => tile.player || tile.isStarting).length >= MOST_PLAYERS) {
      this.refreshStill();
      return;
    }
    this.isStarting = true;
    this.standstill.reset();
    try {
      if (this.gapS > LONG_GAP_S) this.narrow = "small: keyframes are rare";
      if (this.box.querySelector("[data-cover]")) this.narrow = "small: part is private";
      const url = this.narrow ? this.box.dataset.hls.replace("index.", "narrow/index.") : this.box.dataset.hls;
      this.player = await play(this.video, url, { isLive: true, onFail: (why) => this.fail(why) });
      this.video.play().catch(() => {});
    } catch {
      this.fail("network");
    }
    this.isStarting = false;
  }

  fail(why) {
    this.stop();
    if (why === "codec" && !this.narrow) this.narrow = "small: this browser cannot play H.265";
    else if (why === "codec") this.why = "pictures one by one: this browser cannot play H.265";
    else this.retryAt = now() + RETRY_MS;
    this.nextStill = 0;
  }

  beginAgain() {
    this.stop();
    if (this.canShow) this.start();
  }

  /** Let the video go; its last picture stays, with its time. */
  stop() {
    const ts = this.player && !this.video.hidden ? this.player.frameTime() : null;
    if (ts !== null) this.show(this.video, [0, 0, this.video.videoWidth, this.video.videoHeight], ts);
    this.player?.stop();
    this.player = null;
    this.video.hidden = true;
    this.unchanged.reset();
    this.unchangedMs = 0;
    this.stoodMs = 0;
    this.isStuck = false;
  }

  /** Show part of a picture that was taken at `ts`, unless a newer one is there. */
  show(picture, part, ts) {
    if (!this.still || (this.stillTs ?? 0) > ts) return;
    paint(this.still, picture, part);
    this.stillTs = ts;
    this.box.dataset.painted = "1";
  }

  refreshStill() {
    if (now() < this.nextStill) return;
    this.nextStill = now() + STILL_EVERY_MS;
    loadStill(this.still, this.box.dataset.camera, 640, false, () => this.stillTs).then(
      (ts) => ts && (this.stillTs = ts),
      () => {},
    );
  }

  say() {
    const { state } = this.box.dataset;
    const isMoving = this.player && !this.video.hidden;
    const ts = isMoving ? this.player.frameTime() : this.stillTs;
    const behind = ts === null ? null : now() - ts;
    if (isMoving && now() > this.lookAt) {
      this.lookAt = now() + LOOK_EVERY_MS;
      this.unchangedMs = this.unchanged.look(this.video, now());
    }
    const isOld = behind !== null && behind > frozenMs(this.gapS);
    const isFresh = isMoving && behind !== null && !isOld;
    const isKnown = awaySince() === null && state === "live" && this.canShow;
    // Said until there is a newer one: a player that begins again shows the same picture meanwhile.
    if (isKnown && isOld && (isMoving || this.box.dataset.frozen)) this.box.dataset.frozen = String(ts);
    else delete this.box.dataset.frozen;
    const playsOf = isMoving ? ts : null;
    this.stoodMs = this.player ? this.standstill.look(playsOf) : 0;
    this.isStuck = this.player !== null && this.standstill.isStuck(playsOf);
    sayDown(this.box, isFresh);
    this.isLive = isSeen(state, isFresh) && !this.box.dataset.frozen;
    setText(this.ageLine, this.words(isSeen(state, isFresh) ? "live" : state, behind));
  }

  words(state, behind) {
    const old = behind === null ? "" : `, ${oldness(behind)} old`;
    if (awaySince() !== null) return `not reached${old}`;
    if (!isWell(state)) return `${DOWN[state] ?? "no picture"}${old}`;
    if (state === "off") return "switched off";
    if (this.box.dataset.frozen) return `stands still${old}`;
    if (isPaused) return `paused${old}`;
    if (this.unchangedMs) return `no change for ${lasting(this.unchangedMs)}`;
    if (this.player && !this.video.hidden) return [this.narrow, behind === null ? "live" : `live ${age(behind)}`].filter(Boolean).join(", ");
    return this.why ? `${this.why}${old}` : behind === null ? "opening" : `still${old}`;
  }
}

let isHiddenLong = false;
let hiddenTimer = null;
document.addEventListener("visibilitychange", () => {
  clearTimeout(hiddenTimer);
  for (const tile of tiles.values()) tile.standstill.reset(); // browsers halt what nobody sees
  if (document.hidden) hiddenTimer = setTimeout(() => setHidden(true), HIDDEN_STOP_MS);
  else setHidden(false);
});
async function setHidden(value) {
  const wasLong = isHiddenLong;
  isHiddenLong = value;
  if (wasLong && !value) await paintSheet();
  updateAll();
}
function updateAll() {
  for (const tile of tiles.values()) tile.update();
}

/** Paint every tile with its camera's newest picture: one request, however many cameras. */
async function paintSheet() {
  try {
    const answer = await fetch("/live/contact-sheet.jpg", { signal: AbortSignal.timeout(SHEET_WAIT_MS) });
    if (!answer.ok) throw new Error(String(answer.status));
    heard(Number(answer.headers.get("X-Sent")));
    const layout = JSON.parse(answer.headers.get("X-Sheet"));
    const sheet = await createImageBitmap(await answer.blob());
    for (const [index, [id, ts]] of layout.cameras.entries()) {
      const x = (index % layout.columns) * layout.tile[0];
      const y = Math.floor(index / layout.columns) * layout.tile[1];
      if (ts !== null) tiles.get(id)?.show(sheet, [x, y, ...layout.picture], ts);
    }
    sheet.close();
    updateAll();
  } catch {
    // It is late, or the box is busy: the tiles ask one by one, and the videos are tried anyway.
  }
  for (const tile of tiles.values()) tile.fillEmpty();
}

const seen = new IntersectionObserver(
  (entries) => {
    for (const entry of entries) tiles.get(entry.target.dataset.camera).isSeen = entry.isIntersecting;
    updateAll();
  },
  { rootMargin: "100px" },
);
for (const box of document.querySelectorAll(".tile")) tiles.set(box.dataset.camera, new Tile(box));

stream.addEventListener("health", ({ detail }) => {
  for (const health of detail.cameras) {
    const tile = tiles.get(health.camera_id);
    if (!tile || tile.box.dataset.state === "off") continue;
    takeHealth(tile.box, health);
    tile.gapS = health.keyframe_gap_s;
    tile.update();
  }
  saySentence();
});

armSwitch(document.getElementById("boxes"));
stream.addEventListener("objects", ({ detail }) => tiles.get(detail.camera_id)?.boxes?.put(detail.ts, detail.objects));

/** The sentence above the grid, as the server would say it, but for what the page sees itself. */
function saySentence() {
  if (!tiles.size) return;
  const away = awaySince();
  if (away !== null) {
    setText(document.getElementById("sentence"), `Not known: this box does not answer since ${clockText(away)}.`);
    return;
  }
  const all = [...tiles.values()];
  const boxes = all.map((tile) => tile.box.dataset);
  const live = all.filter((tile) => tile.isLive).length;
  const untold = all.filter((tile) => tile.box.dataset.state === "unknown" && !tile.isLive).map((tile) => tile.box.dataset.name);
  const still = boxes.filter((box) => box.frozen).map((box) => box.name);
  const isComing = (box) => box.state === "starting" || box.state === "connecting";
  const coming = boxes.filter(isComing).map((box) => box.name);
  const down = boxes.filter((box) => !isWell(box.state) && !isComing(box) && box.state !== "unknown").map((box) => box.name);
  const silent = boxes.filter((box) => box.state === "live" && box.notRecording).map((box) => box.name);
  const noun = boxes.length === 1 ? "camera" : "cameras";
  const words = [live === boxes.length ? `${live} ${noun} live.` : `${live} of ${boxes.length} ${noun} live.`];
  const some = (names) => names.slice(0, 3).join(", ") + (names.length > 3 ? " and others" : "");
  if (coming.length) words.push(`Starting: ${some(coming)}.`);
  if (down.length) words.push(`No picture: ${some(down)}.`);
  if (still.length) words.push(`Stands still: ${some(still)}.`);
  if (untold.length) words.push(`Not known: ${some(untold)}.`);
  if (silent.length) words.push(`Not recording: ${some(silent)}.`);
  setText(document.getElementById("sentence"), words.join(" "));
}

reach.addEventListener("away", sayAll);
reach.addEventListener("back", () => {
  for (const tile of tiles.values()) tile.say();
  for (const tile of tiles.values()) if (tile.stoodMs > BACK_MS) tile.beginAgain();
  sayAll();
});

function sayAll() {
  updateAll();
  saySentence(); // after them: it is what they show
}

const links = () => [...document.querySelectorAll(".tile:not([hidden]) .tile-link")];
const room = document.getElementById("room");
const full = document.getElementById("full");
const pause = document.getElementById("pause");

/** The grid alone; of a screen on the wall all of it. */
function toggleFull() {
  if (document.fullscreenElement) document.exitFullscreen();
  else (full ? room : document.documentElement).requestFullscreen?.();
}

/** The neighbour of the tile that has the focus, `step` places on. */
function move(step) {
  const all = links();
  const at = all.indexOf(document.activeElement.closest?.(".tile-link"));
  all[at < 0 ? 0 : Math.min(all.length - 1, Math.max(0, at + step))]?.focus();
}

if (tiles.size) {
  const columns = () => Number(document.getElementById("grid").dataset.columns) || 1;
  const steps = { ArrowLeft: () => -1, ArrowRight: () => 1, ArrowUp: () => -columns(), ArrowDown: columns };
  onKey("1|2|3|4|5|6|7|8|9", "open that camera", (event) => links()[Number(event.key) - 1]?.click());
  onKey("ArrowLeft|ArrowRight|ArrowUp|ArrowDown", "move among cameras, Enter opens", (event) => move(steps[event.key]()));
  onKey("f", "full screen", toggleFull);
  if (pause) onKey(" ", "pause all", () => pause.click());
  if (document.fullscreenEnabled && full) {
    full.hidden = false;
    full.addEventListener("click", toggleFull);
  }
  const layout = document.getElementById("layout-open");
  if (layout) {
    onKey("l", "layout", openLayout);
    layout.hidden = false;
    layout.addEventListener("click", openLayout);
    showGroups();
  }
}

if (pause) {
  pause.hidden = false;
  pause.addEventListener("click", () => {
    isPaused = !isPaused;
    pause.querySelector("span").textContent = isPaused ? "Play all" : "Pause all";
    setIcon(pause.querySelector("use"), isPaused ? "play" : "pause");
    updateAll();
  });
}
setInterval(() => {
  if (!document.hidden) sayAll();
}, 500);
addEventListener("pagehide", () => {
  for (const tile of tiles.values()) tile.stop();
});

// Before any video, which would take its turn on the line; and last, as what is told meanwhile is told once.
if (tiles.size) await paintSheet();
for (const { box } of tiles.values()) seen.observe(box);
