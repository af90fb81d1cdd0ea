// What a tile or the single view says when there is no picture: the words, the hatch, the counter.

import { clockText, lasting, now } from "./clock.js";

const STATES = {
  live: "Live",
  connecting: "Connecting",
  "no-picture": "No picture",
  failed: "No picture",
  unknown: "State not known",
  off: "Switched off",
};

/** Whether a camera in this state shows pictures now. */
export const isWell = (state) => state === "live" || state === "off";

/** Write the sentence of a camera that is down into its hatch. `box.dataset` holds state, last, next and reason. */
export function sayDown(box) {
  const { state, last, next, reason } = box.dataset;
  const hatch = box.querySelector(".hatch");
  hatch.hidden = isWell(state) && !box.dataset.frozen;
  if (hatch.hidden) return;
  const parts = [];
  if (last) parts.push(`No picture for ${lasting(now() - Number(last))}. Last frame ${clockText(Number(last))}.`);
  if (reason) parts.push(reason);
  const wait = Math.round((Number(next) - now()) / 1000);
  if (next && wait > 0) parts.push(`Next try in ${wait} s.`);
  const title = box.dataset.frozen ? "Picture stands still" : STATES[state];
  setText(hatch.querySelector("strong"), title);
  setText(hatch.querySelector(".why"), parts.join(" "));
}

/** Take the newest health of its camera. */
export function takeHealth(box, health) {
  box.dataset.state = health.state in STATES ? health.state : "unknown";
  box.dataset.last = health.last_frame_ts ?? box.dataset.last;
  box.dataset.next = health.next_try_ts ?? "";
  box.dataset.reason = health.reason ?? "";
  box.classList.toggle("is-moving", Boolean(health.is_moving) && health.state === "live");
}

export function setText(element, text) {
  if (element.textContent !== text) element.textContent = text;
}

/** Load the newest still of a camera into an image, without a flash. UTC ms of the picture, or null. */
export async function loadStill(image, cameraId, width) {
  const answer = await fetch(`/cameras/${cameraId}/snapshot.jpg?width=${width}`, { headers: { Accept: "image/jpeg" } });
  if (!answer.ok) return null;
  const url = URL.createObjectURL(await answer.blob());
  const old = image.src;
  image.src = url;
  image.removeAttribute("data-broken");
  await image.decode().catch(() => {});
  if (old.startsWith("blob:")) URL.revokeObjectURL(old);
  return Number(answer.headers.get("X-Timestamp")) || null;
}

/** A still that cannot be loaded shows nothing, not the browser's broken picture. */
export function hideBroken(image) {
  const hide = () => image.setAttribute("data-broken", "");
  image.addEventListener("error", hide);
  if (image.complete && !image.naturalWidth) hide();
}
