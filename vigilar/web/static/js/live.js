// The grid: stills at once, then moving pictures in the tiles on screen, each with the age of what it shows.

import { age, now } from "./clock.js";
import { play } from "./player.js";
import { stream } from "./stream.js";
import { hideBroken, isWell, loadStill, sayDown, setText, takeHealth } from "./tile.js";

const MOST_PLAYERS = matchMedia("(max-width: 767px)").matches ? 4 : 9;
// Above what HLS is ever behind: segments last from keyframe to keyframe, and the player holds up to three of them.
const frozenMs = (gapS) => Math.max(8000, 4000 * (gapS || 0));
const STILL_EVERY_MS = 2000;
const HIDDEN_STOP_MS = 30000;
const RETRY_MS = 5000;

const tiles = new Map();
let isPaused = false;

class Tile {
  constructor(box) {
    this.box = box;
    this.image = box.querySelector(".still");
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
    if (this.image) hideBroken(this.image);
    this.video?.addEventListener("playing", () => (this.video.hidden = false));
  }

  get canShow() {
    return this.video && this.isSeen && !isPaused && !isHiddenLong && this.box.dataset.state === "live";
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
    this.player?.stop();
    this.player = null;
    this.video.hidden = true;
    if (why === "codec") this.why = "pictures one by one: this browser cannot play H.265";
    else this.retryAt = now() + RETRY_MS;
    this.nextStill = 0;
  }

  stop() {
    this.player?.stop();
    this.player = null;
    this.video.hidden = true;
  }

  refreshStill() {
    if (now() < this.nextStill) return;
    this.nextStill = now() + STILL_EVERY_MS;
    loadStill(this.image, this.box.dataset.camera, 640).then(
      (ts) => ts && (this.stillTs = ts),
      () => {},
    );
  }

  say() {
    const { state } = this.box.dataset;
    const ts = this.player ? this.player.frameTime() : this.stillTs;
    const behind = ts === null ? null : now() - ts;
    if (state === "live" && this.player && behind !== null && behind > frozenMs(this.gapS)) this.box.dataset.frozen = "1";
    else delete this.box.dataset.frozen;
    sayDown(this.box);
    setText(this.ageLine, this.words(state, behind));
  }

  words(state, behind) {
    if (!isWell(state)) return { connecting: "connecting", unknown: "not known" }[state] ?? "no picture";
    if (state === "off") return "switched off";
    if (isPaused) return "paused";
    const old = behind === null ? "" : ` ${age(behind)}`;
    if (this.player && !this.video.hidden) return `live${old}`;
    return this.why ? `${this.why},${old} old` : behind === null ? "still picture" : `still,${old} old`;
  }
}

let isHiddenLong = false;
let hiddenTimer = null;
document.addEventListener("visibilitychange", () => {
  clearTimeout(hiddenTimer);
  if (document.hidden) hiddenTimer = setTimeout(() => setHidden(true), HIDDEN_STOP_MS);
  else setHidden(false);
});
function setHidden(value) {
  isHiddenLong = value;
  updateAll();
}
function updateAll() {
  for (const tile of tiles.values()) tile.update();
}

const seen = new IntersectionObserver(
  (entries) => {
    for (const entry of entries) tiles.get(entry.target.dataset.camera).isSeen = entry.isIntersecting;
    updateAll();
  },
  { rootMargin: "100px" },
);
for (const box of document.querySelectorAll(".tile")) {
  tiles.set(box.dataset.camera, new Tile(box));
  seen.observe(box);
}

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
  const noun = boxes.length === 1 ? "camera" : "cameras";
  const head = live === boxes.length ? `${live} ${noun} live.` : `${live} of ${boxes.length} ${noun} live.`;
  const names = down.slice(0, 3).join(", ") + (down.length > 3 ? " and others" : "");
  setText(document.getElementById("sentence"), down.length ? `${head} No picture: ${names}.` : head);
}

const pause = document.getElementById("pause");
if (pause) {
  pause.hidden = false;
  pause.addEventListener("click", () => {
    isPaused = !isPaused;
    pause.setAttribute("aria-pressed", String(isPaused));
    updateAll();
  });
}
setInterval(() => document.hidden || updateAll(), 500);
addEventListener("pagehide", () => {
  for (const tile of tiles.values()) tile.stop();
});
