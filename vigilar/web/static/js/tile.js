// What a tile or the single view says when there is no picture: the words, the hatch, the counter.

import { clockText, lasting, now } from "./clock.js";
import { awaySince } from "./reach.js";

const STATES = {
  live: "Live",
  starting: "Starting",
  connecting: "Connecting",
  restarting: "Restarting",
  "no-picture": "No picture",
  failed: "No picture",
  unknown: "State not known",
  off: "Switched off",
};

/** Whether a camera in this state shows pictures now. */
export const isWell = (state) => state === "live" || state === "off";

/** Whether a camera is as good as live: nobody reports of it, but its pictures come, and they say when they were taken. */
export const isSeen = (state, isFresh) => state === "live" || (state === "unknown" && isFresh);

/** Write the sentence of a camera that is down into its hatch. `box.dataset` holds state, last, next and reason, and
 * `frozen` when it stands still: UTC ms of the picture. */
export function sayDown(box, isFresh = false) {
  const { state, last, next, reason, frozen } = box.dataset;
  const hatch = box.querySelector(".hatch");
  const away = awaySince();
  hatch.hidden = away === null && (isWell(state) || isSeen(state, isFresh)) && !frozen;
  const again = box.querySelector(".again");
  if (again) again.hidden = away !== null || Boolean(frozen) || !["no-picture", "failed"].includes(state);
  if (hatch.hidden) return;
  const title = hatch.querySelector("strong");
  const why = hatch.querySelector(".why");
  if (away !== null) {
    setText(title, "This page does not reach the box");
    setText(why, `Not since ${clockText(away)}. How this camera is, is not known.`);
    return;
  }
  if (frozen) {
    setText(title, "Picture stands still");
    setText(why, `It is from ${clockText(Number(frozen))}. Newer ones do not arrive here.`);
    return;
  }
  const parts = [];
  if (last) parts.push(`No picture for ${lasting(now() - Number(last))}. Last frame ${clockText(Number(last))}.`);
  if (reason) parts.push(reason);
  const wait = Math.round((Number(next) - now()) / 1000);
  if (next && wait > 0) parts.push(`Next try in ${wait} s.`);
  setText(title, STATES[state]);
  setText(why, parts.join(" "));
}

/** Take the newest health of its camera. */
export function takeHealth(box, health) {
  box.dataset.state = health.state in STATES ? health.state : "unknown";
  box.dataset.last = health.last_frame_ts ?? box.dataset.last;
  box.dataset.next = health.next_try_ts ?? "";
  box.dataset.reason = health.reason ?? "";
  sayNotRecording(box, health.state === "live" ? (health.not_recording_text ?? "") : "");
  box.classList.toggle("is-moving", Boolean(health.is_moving) && health.state === "live");
}

/** Show, or hide, why a camera that is live is not recorded. */
function sayNotRecording(box, why) {
  const line = box.querySelector(".not-recording") ?? box.parentElement.querySelector(".not-recording");
  line.hidden = !why;
  setText(line.querySelector(".why-not"), why);
  box.dataset.notRecording = why;
}

/** The button "Try now" in a hatch: asks the camera's process to try at once. */
export function armRetry(box) {
  const button = box.querySelector(".again");
  button?.addEventListener("click", async (event) => {
    event.preventDefault();
    event.stopPropagation();
    button.disabled = true;
    const answer = await fetch(`/api/v1/cameras/${box.dataset.camera}/retry`, { method: "POST" }).catch(() => null);
    setText(button.querySelector("span"), answer?.ok ? "Trying…" : "Not told");
    setTimeout(() => {
      button.disabled = false;
      setText(button.querySelector("span"), "Try now");
    }, 3000);
  });
}

export function setText(element, text) {
  if (element.textContent !== text) element.textContent = text;
}

/** Draw a picture (blob, or the part `[x, y, width, height]` of a bitmap) so that it fills the canvas' own pixels. */
export async function paint(canvas, picture, part = null) {
  const bitmap = part ? picture : await createImageBitmap(picture);
  const [x, y, width, height] = part ?? [0, 0, bitmap.width, bitmap.height];
  if (canvas.width !== width || canvas.height !== height) {
    canvas.width = width;
    canvas.height = height;
  }
  canvas.getContext("2d").drawImage(bitmap, x, y, width, height, 0, 0, width, height);
  if (!part) bitmap.close();
}

/** Load the newest still of a camera into a canvas, or with `isLast` the newest that was stored, unless what the canvas
 * shows by then, of `known()`, is as new. UTC ms of the picture, null without a new one. */
export async function loadStill(canvas, cameraId, width, isLast, known) {
  const path = `/cameras/${cameraId}/${isLast ? "last.jpg" : `snapshot.jpg?width=${width}`}`;
  const answer = await fetch(path, { headers: { Accept: "image/jpeg" } });
  if (!answer.ok) return null;
  const ts = Number(answer.headers.get("X-Timestamp")) || null;
  const bitmap = await createImageBitmap(await answer.blob());
  const isNew = known() === null || ts > known();
  if (isNew) paint(canvas, bitmap, [0, 0, bitmap.width, bitmap.height]);
  bitmap.close();
  return isNew ? ts : null;
}

/** A player that has had nothing new for so long does not always find to what there is now by itself, a new one does. hls.js
 * waits up to 8 s between two tries. */
const STUCK_MS = 10000;
const BEGIN_MS = 20000; // with nothing at all yet: a slow link may need as long for the first piece

/** Notices a player that shows nothing new. */
export class Standstill {
  constructor() {
    this.reset();
  }

  reset() {
    this.ts = null;
    this.since = now();
  }

  /** What it shows now is of `ts` (UTC ms; null: nothing yet). For how many ms it has stood still. */
  look(ts) {
    if (ts !== this.ts) {
      this.ts = ts;
      this.since = now();
    }
    return now() - this.since;
  }

  /** Whether a new player should take its place. */
  isStuck(ts) {
    return this.look(ts) > (ts === null ? BEGIN_MS : STUCK_MS);
  }
}

const SAMPLES = [160, 90];
const CHANGED_LEVELS = 10; // a sensor's noise passes it in some pixel within seconds, even after coding
const CHANGED_PIXELS = 4;
const UNCHANGED_MS = 30000;

/** Notices a picture that never changes: cameras hang, and cables are fed with a loop, while new frames still come. */
export class Unchanged {
  constructor() {
    const canvas = document.createElement("canvas");
    [canvas.width, canvas.height] = SAMPLES;
    this.brush = canvas.getContext("2d", { willReadFrequently: true });
    this.brush.imageSmoothingEnabled = false; // single pixels: a mean would hide their noise
    this.reset();
  }

  reset() {
    this.seen = null;
    this.since = 0;
  }

  /** Look at a video or canvas. For how many ms it has shown the same; 0 below UNCHANGED_MS. */
  look(source, ms) {
    this.brush.drawImage(source, 0, 0, ...SAMPLES);
    const { data } = this.brush.getImageData(0, 0, ...SAMPLES);
    if (!this.seen || differs(this.seen, data)) {
      this.seen = data;
      this.since = ms;
    }
    return ms - this.since < UNCHANGED_MS ? 0 : ms - this.since;
  }
}

function differs(a, b) {
  let count = 0;
  for (let i = 1; i < a.length; i += 4) if (Math.abs(a[i] - b[i]) > CHANGED_LEVELS && ++count >= CHANGED_PIXELS) return true; // green
  return false;
}

/** A still that cannot be loaded shows nothing, not the browser's broken picture. */
export function hideBroken(image, then = () => {}) {
  const hide = () => {
    image.setAttribute("data-broken", "");
    then();
  };
  image.addEventListener("error", hide);
  if (image.complete && !image.naturalWidth) hide();
}
