// The grid: all stills at once out of one picture, then moving ones in the tiles on screen, each with its age.

import { age, heard, lasting, now } from "./clock.js";
import { setIcon } from "./base.js";
import { play } from "./player.js";
import { stream } from "./stream.js";
import { Unchanged, isSeen, isWell, loadStill, paint, sayDown, setText, takeHealth } from "./tile.js";

const MOST_PLAYERS = matchMedia("(max-width: 767px)").matches ? 4 : 9;
// Above what HLS is behind: 2 to 3 s, and more at its start, which is at a keyframe.
const frozenMs = (gapS) => Math.max(8000, 2000 * (gapS || 0));
const STILL_EVERY_MS = 2000;
const LOOK_EVERY_MS = 2000;
const SHEET_WAIT_MS = 2000;
const HIDDEN_STOP_MS = 30000;
const RETRY_MS = 5000;

const tiles = new Map();
let isPaused = false;

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
    this.nextStill = 0;
    this.retryAt = 0;
    this.gapS = 0;
    this.unchanged = new Unchanged();
    this.unchangedMs = 0;
    this.lookAt = 0;
    this.video?.addEventListener("playing", () => (this.video.hidden = false));
  }

  get canShow() {
    return this.video && this.isSeen && !isPaused && !isHiddenLong && isSeen(this.box.dataset.state, true);
  }

  update() {
    if (this.canShow && !this.player && !this.isStarting && !this.why && now() > this.retryAt) this.start();
    if (!this.canShow && this.player) this.stop();
    if (this.canShow && this.why && !this.player) this.refreshStill();
    this.say();
  }

  async start() {
    if ([...tiles.values()].filter((tile) => tile.player || tile.isStarting).length >= MOST_PLAYERS) {
      this.refreshStill();
      return;
    }
    this.isStarting = true;
    try {
      this.player = await play(this.video, this.box.dataset.hls, { isLive: true, onFail: (why) => this.fail(why) });
      this.video.play().catch(() => {});
    } catch {
      this.fail("network");
    }
    this.isStarting = false;
  }

  fail(why) {
    this.stop();
    if (why === "codec") this.why = "pictures one by one: this browser cannot play H.265";
    else this.retryAt = now() + RETRY_MS;
    this.nextStill = 0;
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
    loadStill(this.still, this.box.dataset.camera, 640).then(
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
    const isFresh = isMoving && behind !== null && behind <= frozenMs(this.gapS);
    if (state === "live" && isMoving && behind !== null && !isFresh) this.box.dataset.frozen = String(ts);
    else delete this.box.dataset.frozen;
    sayDown(this.box, isFresh);
    setText(this.ageLine, this.words(isSeen(state, isFresh) ? "live" : state, behind));
  }

  words(state, behind) {
    if (!isWell(state)) return { connecting: "connecting", restarting: "restarting", unknown: "not known" }[state] ?? "no picture";
    if (state === "off") return "switched off";
    if (this.box.dataset.frozen) return "stands still";
    const old = behind === null ? "" : `, ${age(behind)} old`;
    if (isPaused) return `paused${old}`;
    if (this.unchangedMs) return `no change for ${lasting(this.unchangedMs)}`;
    if (this.player && !this.video.hidden) return behind === null ? "live" : `live ${age(behind)}`;
    return this.why ? `${this.why}${old}` : behind === null ? "opening" : `still${old}`;
  }
}

let isHiddenLong = false;
let hiddenTimer = null;
document.addEventListener("visibilitychange", () => {
  clearTimeout(hiddenTimer);
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
    if (!answer.ok) return;
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
    // Each tile says what it shows; the videos are tried anyway.
  }
}

const seen = new IntersectionObserver(
  (entries) => {
    for (const entry of entries) tiles.get(entry.target.dataset.camera).isSeen = entry.isIntersecting;
    updateAll();
  },
  { rootMargin: "100px" },
);
for (const box of document.querySelectorAll(".tile")) tiles.set(box.dataset.camera, new Tile(box));
if (tiles.size) await paintSheet(); // before any video, which would take its turn on the line
for (const { box } of tiles.values()) seen.observe(box);

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

/** The sentence above the grid, as the server would say it. */
function saySentence() {
  if (!tiles.size) return;
  const boxes = [...tiles.values()].map((tile) => tile.box.dataset);
  const live = boxes.filter((box) => box.state === "live").length;
  const down = boxes.filter((box) => !isWell(box.state)).map((box) => box.name);
  const silent = boxes.filter((box) => box.state === "live" && box.notRecording).map((box) => box.name);
  const noun = boxes.length === 1 ? "camera" : "cameras";
  const words = [live === boxes.length ? `${live} ${noun} live.` : `${live} of ${boxes.length} ${noun} live.`];
  const some = (names) => names.slice(0, 3).join(", ") + (names.length > 3 ? " and others" : "");
  if (down.length) words.push(`No picture: ${some(down)}.`);
  if (silent.length) words.push(`Not recording: ${some(silent)}.`);
  setText(document.getElementById("sentence"), words.join(" "));
}

const pause = document.getElementById("pause");
if (pause) {
  pause.hidden = false;
  pause.addEventListener("click", () => {
    isPaused = !isPaused;
    pause.querySelector("span").textContent = isPaused ? "Play all" : "Pause all";
    setIcon(pause.querySelector("use"), isPaused ? "play" : "pause");
    updateAll();
  });
}
setInterval(() => document.hidden || updateAll(), 500);
addEventListener("pagehide", () => {
  for (const tile of tiles.values()) tile.stop();
});
