// On every page: the health dot, the bar that says live updates are paused, and one polite line for screen readers.

import { stream } from "./stream.js";

const health = document.getElementById("health");
const paused = document.getElementById("paused");
const PAUSED_AFTER_MS = 20000;

let pausedTimer = null;
stream.addEventListener("up", () => {
  clearTimeout(pausedTimer);
  pausedTimer = null;
  paused.hidden = true;
});
stream.addEventListener("down", () => {
  pausedTimer ??= setTimeout(() => (paused.hidden = false), PAUSED_AFTER_MS);
});

/** Ask the box how it is, and say so in the header: shape, word and colour. Not every member is shown that. */
async function showHealth() {
  if (!health) return;
  try {
    const answer = await fetch("/api/v1/system", { headers: { Accept: "application/json" } });
    if (!answer.ok) return;
    const { problems } = await answer.json();
    const isBad = problems.length > 0;
    health.dataset.state = isBad ? "bad" : "ok";
    health.querySelector("span").textContent = isBad ? `${problems.length} to look at` : "All well";
    setIcon(health.querySelector("use"), isBad ? "alert" : "ok");
  } catch {
    // The paused bar says it.
  }
}

/** Show another symbol of the icon sheet. */
export function setIcon(use, name) {
  use.setAttribute("href", `${document.documentElement.dataset.assets}vendor/icons.svg#${name}`);
}

const states = new Map();
let asked = null;
function askSoon(delayMs) {
  asked ??= setTimeout(() => {
    asked = null;
    showHealth();
  }, delayMs);
}
stream.addEventListener("health", ({ detail }) => {
  for (const { camera_id: id, state, not_recording: why } of detail.cameras) {
    const now = `${state} ${why ?? ""}`;
    if (states.has(id) && states.get(id) !== now) askSoon(300);
    states.set(id, now);
  }
});
setInterval(() => document.hidden || askSoon(0), 30000);

/** One polite line, at most every ten seconds. */
const line = document.getElementById("announce");
let waiting = [];
let lineTimer = null;
export function announce(words) {
  waiting.push(words);
  lineTimer ??= setTimeout(speak, 400);
}
function speak() {
  line.textContent = waiting.length > 1 ? `${waiting.length} new: ${waiting.slice(0, 3).join(", ")}` : waiting[0];
  waiting = [];
  lineTimer = setTimeout(() => {
    lineTimer = null;
    if (waiting.length) announce(waiting.pop());
  }, 10000);
}
