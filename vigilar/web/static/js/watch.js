// One camera with the least delay: JPEG pictures read with fetch, so that the connection ends for sure when the page
// is left, and each picture's own time is known. Drawn on a canvas; the delay stands there in numbers.

import { age, heard, lasting, now } from "./clock.js";
import { setIcon } from "./base.js";
import { stream } from "./stream.js";
import { Unchanged, hideBroken, isSeen, paint, sayDown, setText, takeHealth } from "./tile.js";

const stage = document.getElementById("stage");
const canvas = stage.querySelector("canvas");
const image = stage.querySelector(".still");
const latency = document.getElementById("latency");
const pause = document.getElementById("pause");
const STALE_MS = 4000;
const RETRY_MS = 2000;
const RETRY_DOWN_MS = 15000; // its health says when it is back, unless the bus is away

let abort = null;
let isPaused = false;
let shown = null; // UTC ms of the picture on the canvas
let lags = [];
let retryTimer = null;
const unchanged = new Unchanged();

const find = (bytes, from) => {
  for (let i = from; i + 3 < bytes.length; i++) {
    if (bytes[i] === 13 && bytes[i + 1] === 10 && bytes[i + 2] === 13 && bytes[i + 3] === 10) return i;
  }
  return -1;
};

/** Parts of a multipart body: `{ headers, data }`. Each part says its length. */
async function* parts(body) {
  const reader = body.getReader();
  let held = new Uint8Array(0);
  const more = async () => {
    const { done, value } = await reader.read();
    if (done) return false;
    const joined = new Uint8Array(held.length + value.length);
    joined.set(held);
    joined.set(value, held.length);
    held = joined;
    return true;
  };
  for (;;) {
    let end;
    while ((end = find(held, 0)) < 0) if (!(await more())) return;
    const text = new TextDecoder().decode(held.subarray(0, end));
    const headers = new Map(
      text.split("\r\n").filter((row) => row.includes(":")).map((row) => {
        const at = row.indexOf(":");
        return [row.slice(0, at).toLowerCase(), row.slice(at + 1).trim()];
      }),
    );
    const size = Number(headers.get("content-length"));
    while (held.length < end + 4 + size) if (!(await more())) return;
    yield { headers, data: held.slice(end + 4, end + 4 + size) };
    held = held.slice(end + 4 + size);
  }
}

async function draw(part) {
  await paint(canvas, new Blob([part.data], { type: "image/jpeg" }));
  canvas.hidden = false;
  shown = Number(part.headers.get("x-timestamp"));
  lags.push(now() - shown);
  if (lags.length > 15) lags.shift();
}

async function run() {
  abort = new AbortController();
  const mine = abort;
  try {
    const answer = await fetch(stage.dataset.mjpeg, { signal: mine.signal, headers: { Accept: "multipart/x-mixed-replace" } });
    if (!answer.ok) throw new Error(String(answer.status));
    for await (const part of parts(answer.body)) {
      heard(Number(part.headers.get("x-sent")));
      await draw(part);
    }
  } catch {
    // Ended by us, by the camera or by the network: said below, and tried again.
  }
  if (abort === mine) abort = null;
  if (!mine.signal.aborted) retryTimer = setTimeout(update, isDown() ? RETRY_DOWN_MS : RETRY_MS);
}

const isDown = () => ["no-picture", "failed"].includes(stage.dataset.state);

function stop() {
  clearTimeout(retryTimer);
  abort?.abort();
  abort = null;
}

function update() {
  clearTimeout(retryTimer);
  const isPast = document.body.dataset.past !== undefined; // the recorded half of the page is shown
  const wanted = canvas && !isPaused && !isPast && !document.hidden && stage.dataset.state !== "off";
  if (wanted && !abort) run();
  if (!wanted) stop();
  say();
}

function say() {
  const behind = shown === null ? null : now() - shown;
  const unchangedMs = shown === null || isPaused ? 0 : unchanged.look(canvas, now());
  const isFresh = behind !== null && behind <= STALE_MS;
  if (isPaused) setText(latency, behind === null ? "Paused" : `Paused, ${age(behind)} old`);
  else if (!isSeen(stage.dataset.state, isFresh)) setText(latency, stage.dataset.state === "off" ? "Switched off" : "No picture");
  else if (behind === null) setText(latency, "Still picture, opening…");
  else if (behind > STALE_MS) setText(latency, `Picture is ${age(behind)} old. Trying again…`);
  else if (unchangedMs) setText(latency, `No change in the picture for ${lasting(unchangedMs)}`);
  else {
    const middle = [...lags].sort((a, b) => a - b)[Math.floor(lags.length / 2)];
    setText(latency, `Live, ${age(middle)} behind`);
  }
  if (!isPaused && behind !== null && behind > STALE_MS && stage.dataset.state === "live") stage.dataset.frozen = String(shown);
  else delete stage.dataset.frozen;
  sayDown(stage, isFresh);
}

stream.addEventListener("health", ({ detail }) => {
  const health = detail.cameras.find((one) => one.camera_id === stage.dataset.camera);
  if (!health || stage.dataset.state === "off") return;
  const wasDown = isDown();
  takeHealth(stage, health);
  if (wasDown && !isDown()) update();
  else say();
});

if (canvas) {
  hideBroken(image);
  pause.hidden = false;
  pause.addEventListener("click", () => {
    isPaused = !isPaused;
    pause.querySelector("span").textContent = isPaused ? "Play" : "Pause";
    setIcon(pause.querySelector("use"), isPaused ? "play" : "pause");
    update();
  });
  document.addEventListener("visibilitychange", update);
  document.addEventListener("past", update);
  addEventListener("pagehide", stop);
  addEventListener("pageshow", update);
  setInterval(say, 500);
  update();
}
