// One camera, now: its own frames over a WebSocket with the least delay and sound if asked for; what a browser or a link
// cannot take is replaced by something smaller, which the page names, and tries again by itself.

import { age, clockText, lasting, now } from "./clock.js";
import { setIcon } from "./base.js";
import { onKey } from "./keys.js";
import { canPlay, watch } from "./mse.js";
import { watchJpegs } from "./mjpeg.js";
import { mayOpen, want } from "./one_socket.js";
import { play } from "./player.js";
import { awaySince, reach } from "./reach.js";
import { Boxes, armSwitch } from "./boxes.js";
import { stream } from "./stream.js";
import { Standstill, Unchanged, armRetry, hideBroken, isSeen, loadStill, paint, sayDown, setText, takeHealth } from "./tile.js";

const stage = document.getElementById("stage");
const canvas = stage.querySelector("canvas");
const video = stage.querySelector("video");
const image = stage.querySelector(".still");
const latency = document.getElementById("latency");
const how = document.getElementById("how");
const pause = document.getElementById("pause");
const sound = document.getElementById("sound");
const full = document.getElementById("full");
const quality = document.getElementById("quality");

const STALE_MS = 4000;
const RETRY_MS = 1500; // twice as long after each try without a picture
const RETRY_MOST_MS = 8000;
const RETRY_DOWN_MS = 15000; // its health says when it is back, unless the bus is away
const SLOW_WITHIN_MS = 20000; // told twice within this that pictures were left out: the link is too slow
const NARROW_FOR_MS = 120000;
const SKIP_SAID_MS = 6000;

let isPaused = false;
let view = null; // what shows pictures now: { kind, stop, frameTime }
let shown = null; // UTC ms of the last picture of a view that is gone, or of a JPEG
let lags = [];
let retryTimer = null;
let started = null; // what the box said of the stream
let lacks = new Set(); // streams whose codec this browser does not have
let skips = [];
let skippedAt = -Infinity;
let narrowUntil = 0;
let failures = 0; // in a row, before any picture
let tries = 0; // in a row without a picture
let problem = ""; // why there was none, as the box said it
let nextTryAt = null;
const unchanged = new Unchanged();
const standstill = new Standstill();

/** The stream to ask for, and why it is not the full one. */
function choose() {
  const forced = quality.value;
  const slow = now() < narrowUntil;
  const wanted = forced !== "auto" ? forced : slow ? "narrow" : "main";
  const order = ["main", "sub", "narrow"].slice(["main", "sub", "narrow"].indexOf(wanted));
  const name = order.find((one) => !lacks.has(one)) ?? null;
  return { name, slow: forced === "auto" && slow };
}

function open() {
  const { name } = choose();
  started = null;
  standstill.reset();
  if (mayOpen() && canPlay() && name && failures < 3) return openSocket(name);
  if (!mayOpen() || (!canPlay() && video.canPlayType("application/vnd.apple.mpegurl"))) return openHls();
  return openJpegs();
}

function openSocket(name) {
  const withSound = sound.getAttribute("aria-pressed") === "true";
  video.muted = !withSound;
  const mine = watch(video, `${stage.dataset.live}/ws?stream=${name}&sound=${withSound ? 1 : 0}`, {
    onStart: (start) => {
      started = start;
      say();
    },
    onRestart: () => keepPicture(mine),
    onPlaying: () => {
      failures = 0;
      showVideo();
    },
    onSkipped: noteSkip,
    onEnd: (why, detail) => {
      if (view !== mine) return;
      keepPicture(mine);
      view = null;
      problem = why === "problem" ? detail : "";
      if (why === "codec") lacks.add(started?.stream ?? name).add(name);
      else if (why !== "problem") failures++;
      if (why === "closed" && failures > 1) checkLogin();
      if (why === "codec") update();
      else again();
    },
  });
  view = mine;
  view.kind = "socket";
}

async function openHls() {
  const mine = { kind: "hls", stop() {}, frameTime: () => null };
  view = mine;
  video.muted = true;
  const played = await play(video, `${stage.dataset.live}/index.m3u8`, {
    isLive: true,
    isWanted: () => view === mine,
    onFail: (why) => {
      if (view !== mine) return;
      keepPicture(mine);
      view = null;
      if (why === "codec") openJpegs();
      else again();
    },
  }).catch(() => null);
  if (view !== mine) return played?.stop();
  if (!played) {
    view = null;
    return again();
  }
  mine.stop = played.stop;
  mine.frameTime = played.frameTime;
  video.addEventListener("playing", showVideo, { once: true });
  video.play().catch(() => {});
}

function openJpegs() {
  const mine = { kind: "jpegs", frameTime: () => null };
  mine.stop = watchJpegs(
    `${stage.dataset.live}/mjpeg`,
    async (picture, ts) => {
      if (view !== mine) return;
      await paint(canvas, picture);
      shown = ts;
      canvas.hidden = false;
      noteSeen();
      noteLag(now() - ts);
    },
    (why) => {
      if (view !== mine) return;
      view = null;
      problem = why;
      again();
    },
  );
  view = mine;
}

/** Two of these soon after one another: the link is slow, and a smaller picture in time is better than a late one. */
function noteSkip() {
  skippedAt = performance.now();
  skips = skips.filter((at) => performance.now() - at < SLOW_WITHIN_MS);
  skips.push(performance.now());
  if (skips.length < 2 || quality.value !== "auto" || now() < narrowUntil) return;
  skips = [];
  narrowUntil = now() + NARROW_FOR_MS;
  restart();
  setTimeout(() => quality.value === "auto" && restart(), NARROW_FOR_MS + 100);
}

function noteLag(ms) {
  lags.push(ms);
  if (lags.length > 15) lags.shift();
}

function noteSeen() {
  tries = 0;
  problem = "";
}

function showVideo() {
  noteSeen();
  video.hidden = false;
  canvas.hidden = true;
  image.hidden = true;
  say();
}

/** The last picture stays, with its time, when its video goes. */
function keepPicture(of) {
  const ts = of.frameTime();
  if (video.hidden || !video.videoWidth || ts === null) return;
  paint(canvas, video, [0, 0, video.videoWidth, video.videoHeight]);
  shown = ts;
  canvas.hidden = false;
  video.hidden = true;
}

/** There is no picture of now: the newest that was stored stands in, with its time. */
async function showLast() {
  const known = () => (video.hidden ? shown : Infinity);
  const ts = await loadStill(canvas, stage.dataset.camera, 640, true, known).catch(() => null);
  if (ts === null) return;
  shown = ts;
  canvas.hidden = false;
  say();
}

const isPast = () => document.body.dataset.past !== undefined; // the recorded half of the page is shown
const isDown = () => ["no-picture", "failed"].includes(stage.dataset.state);

/** The next try: later each time, as one that asks without end helps nobody. */
function again() {
  clearTimeout(retryTimer);
  const delayMs = isDown() ? RETRY_DOWN_MS : Math.min(RETRY_MOST_MS, RETRY_MS * 2 ** tries++);
  nextTryAt = now() + delayMs;
  retryTimer = setTimeout(update, delayMs);
  say();
}

function stop() {
  clearTimeout(retryTimer);
  if (!view) return;
  const mine = view;
  keepPicture(mine);
  view = null;
  mine.stop();
  video.hidden = true;
  lags = [];
}

function restart() {
  stop();
  update();
}

function update() {
  clearTimeout(retryTimer);
  nextTryAt = null;
  const wanted = canvas && !isPaused && !isPast() && !document.hidden && stage.dataset.state !== "off";
  if (wanted && !view) open();
  if (!wanted) stop();
  say();
}

/** What stood in the way is gone. */
function atOnce() {
  tries = 0;
  update();
}

/** A socket that the box ends at once: perhaps somebody signed out in another window. */
async function checkLogin() {
  const answer = await fetch("/api/v1/me", { headers: { Accept: "application/json" } }).catch(() => null);
  if (answer?.status === 401) location.assign(`/login?next=${encodeURIComponent(location.pathname)}`);
}

function say() {
  if (!canvas) return;
  const ts = view && !video.hidden ? view.frameTime() : shown;
  const behind = ts === null ? null : now() - ts;
  if (view?.kind === "socket" && !video.hidden && behind !== null) noteLag(behind);
  const picture = video.hidden ? canvas : video;
  const isShowing = view?.kind === "jpegs" || !video.hidden;
  const isWanted = view && isSeen(stage.dataset.state, true) && awaySince() === null;
  if (isWanted && standstill.isStuck(isShowing ? ts : null)) return restart();
  const unchangedMs = ts === null || isPaused || picture.hidden ? 0 : unchanged.look(picture, now());
  const isFresh = behind !== null && behind <= (view?.kind === "hls" ? 2 * STALE_MS : STALE_MS);
  const away = awaySince();
  const isStale = behind !== null && !isFresh;
  stage.toggleAttribute("data-seen", isSeen(stage.dataset.state, isFresh)); // what acts on the picture is there with it
  if (away !== null) setText(latency, `Not known: this box does not answer since ${clockText(away)}`);
  else if (isPaused) setText(latency, behind === null ? "Paused" : `Paused, ${age(behind)} old`);
  else if (!isSeen(stage.dataset.state, isFresh)) setText(latency, DOWN[stage.dataset.state] ?? "No picture");
  else if (behind === null) setText(latency, "Still picture, opening…");
  else if (isStale) setText(latency, `Picture is ${behind < 60000 ? age(behind) : lasting(behind)} old. Trying again…`);
  else if (unchangedMs) setText(latency, `No change in the picture for ${lasting(unchangedMs)}`);
  else {
    const middle = lags.length ? [...lags].sort((a, b) => a - b)[Math.floor(lags.length / 2)] : behind;
    setText(latency, `Live, ${age(middle)} behind`);
  }
  setText(how, away !== null || isPaused ? "" : (isSeen(stage.dataset.state, isFresh) && words()) || waiting());
  if (!isPaused && away === null && isStale && stage.dataset.state === "live") stage.dataset.frozen = String(ts);
  else delete stage.dataset.frozen;
  sayDown(stage, isFresh);
}

const DOWN = { off: "Switched off", starting: "Starting", connecting: "Connecting", restarting: "Restarting" };
const CODECS = { avc1: "H.264", hvc1: "H.265", hev1: "H.265" };

/** Why there is no picture of now though the camera is said to be well, and when the next try is. */
function waiting() {
  if (!problem || !["live", "unknown"].includes(stage.dataset.state)) return "";
  return nextTryAt === null ? problem : `${problem} Next try in ${Math.max(1, Math.ceil((nextTryAt - now()) / 1000))} s.`;
}

/** Which picture this is, and why it is not the full one. */
function words() {
  if (view?.kind === "hls") return "About 2 s behind: the window you turned to last has the quicker picture.";
  if (view?.kind === "jpegs") return `Pictures one by one: ${lacks.size ? "this browser cannot play the camera's format" : "a live connection cannot be had here"}.`;
  if (!started || view?.kind !== "socket") return "";
  const size = `${CODECS[started.codec.slice(0, 4)] ?? started.codec}, ${started.width}×${started.height}`;
  const why = lacks.has("main") ? "this browser cannot play the camera's full one" : choose().slow ? "the link is slow; the full one is tried again soon" : "";
  if (performance.now() - skippedAt < SKIP_SAID_MS) return `Some pictures were left out: the link is slow. ${size}.`;
  if (started.stream === "main") return `Full quality. ${size}.`;
  if (started.stream === "covered") return `Encoded for this view, as part of the picture is private${why ? `; ${why}` : ""}. ${size}.`;
  if (started.stream === "sub") return `Small stream${why ? `: ${why}` : ""}. ${size}.`;
  return `Narrow, encoded for this view${why ? `: ${why}` : ""}. ${size}.`;
}

stream.addEventListener("health", ({ detail }) => {
  const health = detail.cameras.find((one) => one.camera_id === stage.dataset.camera);
  if (!health || stage.dataset.state === "off") return;
  const wasDown = isDown();
  takeHealth(stage, health);
  sound.hidden = !health.audio_codec || !canPlay();
  if (wasDown && !isDown()) atOnce();
  else say();
});

function toggleSound() {
  if (sound.hidden) return;
  const isOn = sound.getAttribute("aria-pressed") !== "true";
  sound.setAttribute("aria-pressed", String(isOn));
  setIcon(sound.querySelector("use"), isOn ? "sound" : "mute");
  restart();
}

/** A key of this half: it does nothing while the recorded one is shown. */
function onLiveKey(keys, words, run) {
  onKey(keys, words, () => isPast() || run());
}

function toggleFull() {
  if (document.fullscreenElement) document.exitFullscreen();
  else if (stage.requestFullscreen) stage.requestFullscreen();
  else video.webkitEnterFullscreen?.(); // iPhone: only the video itself may
}

if (canvas) {
  const isVideo = () => view && !video.hidden;
  const boxes = new Boxes(
    stage,
    () => (isVideo() ? [video.videoWidth, video.videoHeight] : [canvas.width, canvas.height]),
    () => (isVideo() ? view.frameTime() : canvas.hidden ? null : shown),
  );
  stream.addEventListener("objects", ({ detail }) => detail.camera_id === stage.dataset.camera && boxes.put(detail.ts, detail.objects));
  armSwitch(document.getElementById("boxes"));
  hideBroken(image, showLast);
  armRetry(stage);
  const isSideways = matchMedia("(orientation: landscape) and (max-height: 500px)");
  const toPicture = () => isSideways.matches && stage.scrollIntoView({ block: "start", behavior: "instant" });
  isSideways.addEventListener("change", toPicture);
  toPicture();
  pause.hidden = false;
  pause.addEventListener("click", () => {
    isPaused = !isPaused;
    pause.querySelector("span").textContent = isPaused ? "Play" : "Pause";
    setIcon(pause.querySelector("use"), isPaused ? "play" : "pause");
    update();
  });
  sound.hidden = !stage.dataset.sound || !canPlay();
  sound.addEventListener("click", toggleSound);
  full.hidden = !(document.fullscreenEnabled || video.webkitEnterFullscreen);
  full.addEventListener("click", toggleFull);
  quality.closest("label").hidden = !canPlay();
  quality.addEventListener("change", () => {
    narrowUntil = 0;
    restart();
  });
  onLiveKey("f", "full screen", toggleFull);
  onLiveKey("m", "sound", toggleSound);
  onLiveKey("q", "quality", () => quality.focus());
  onLiveKey("p| ", "pause and play", () => pause.click());
  onKey("Escape", "back to all cameras", () => location.assign("/live"));
  document.addEventListener("visibilitychange", update);
  document.addEventListener("past", update);
  for (const kind of ["away", "back"]) reach.addEventListener(kind, say);
  reach.addEventListener("back", atOnce);
  addEventListener("pagehide", stop);
  addEventListener("pageshow", update);
  setInterval(say, 500);
  want(restart);
  update();
}
