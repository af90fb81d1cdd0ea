// On every page: the health dot and the bar that says live updates are paused. What makes an app of the page is loaded
// from here, later; what is serious at once, before the stream opens: a page that listens to one hears the other.

import "./alerts.js";
import { announce } from "./announce.js";
import { questions } from "./fresh.js";
import { onKey } from "./keys.js";
import "./left_behind.js";
import { clockText } from "./clock.js";
import { house } from "./house_time.js";
import { awaySince, reach } from "./reach.js";
import { stream } from "./stream.js";

const health = document.getElementById("health");
const paused = document.getElementById("paused");
const PAUSED_AFTER_MS = 20000;

/** All times are the house's. Whoever's clock shows another one is told so, by how much. */
function tellOtherClock(now = Date.now()) {
  const line = document.getElementById("other-clock");
  if (!line || !house.differsHere(now)) return;
  const away = (-new Date(now).getTimezoneOffset() * 60000 - house.offset(now)) / 3600000;
  line.textContent = `House time (${house.zone}). Your clock is ${away > 0 ? "+" : "\u2212"}${Math.abs(away)} h.`;
  line.hidden = false;
  window.vigilarLayout?.apply(); // it may take room of the grid
}
tellOtherClock();

let pausedTimer = null; // null while the stream is there
let isPaused = false; // it was not there for a while
const pausedWords = paused.textContent;
function showPaused() {
  const since = awaySince();
  const words = since === null ? pausedWords : `This box does not answer since ${clockText(since)}. What stands here was true then.`;
  if (paused.textContent !== words) paused.textContent = words;
  paused.hidden = since === null && !isPaused;
}
stream.addEventListener("up", () => {
  clearTimeout(pausedTimer);
  pausedTimer = null;
  isPaused = false;
  showPaused();
});
stream.addEventListener("down", () => {
  pausedTimer ??= setTimeout(() => {
    isPaused = true;
    showPaused();
  }, PAUSED_AFTER_MS);
});
reach.addEventListener("away", () => {
  showPaused();
  if (health) showMark({ state: "unknown", symbol: "unknown", words: "Not known" });
});
reach.addEventListener("back", () => {
  isPaused = pausedTimer !== null; // the box answers, and tells nothing by itself yet
  showPaused();
  askSoon(0);
});

const askHealth = questions();
/** Ask the box how it is, and say so in the header: shape, word and colour. Not every member is shown that. */
async function showHealth() {
  if (!health) return;
  const mayTake = askHealth();
  try {
    const answer = await fetch("/api/v1/system", { headers: { Accept: "application/json" } });
    if (!answer.ok) return;
    const { mark } = await answer.json();
    if (mayTake()) showMark(mark);
  } catch {
    // The bar says it.
  }
}

function showMark({ state, symbol, words }) {
  health.dataset.state = state;
  health.querySelector("span").textContent = words;
  setIcon(health.querySelector("use"), symbol);
}

/** Show another symbol of the icon sheet. */
export function setIcon(use, name) {
  use.setAttribute("href", `${document.documentElement.dataset.assets}vendor/icons.svg#${name}`);
}

const chip = document.getElementById("arm-chip");
const alarmBar = document.getElementById("alarm-bar");
let armChange = -1;
let entryShown = null;
stream.addEventListener("arm", ({ detail }) => {
  if (!chip || detail.change < armChange) return;
  armChange = detail.change;
  if (chip.dataset.state !== detail.chip.state) {
    chip.dataset.state = detail.chip.state;
    chip.querySelector("span").textContent = detail.chip.words;
    setIcon(chip.querySelector("use"), detail.chip.symbol);
    announce(detail.chip.words);
  }
  const isUrgent = detail.alarm || detail.entry_until_ts !== null;
  if (isUrgent) alarmBar.querySelector("a").textContent = detail.alarm ? "Alarm" : "Somebody came in: disarm now";
  // Somebody came in, and has seconds to disarm: the pad is there without a search for it, on every open page. Not over
  // what somebody is typing, who reads the bar.
  const isNew = detail.entry_until_ts !== null && detail.entry_until_ts !== entryShown;
  entryShown = detail.entry_until_ts;
  if (alarmBar.hidden === isUrgent) alarmBar.hidden = !isUrgent;
  if (isNew && "disarms" in chip.dataset && isFree()) import("./arm_sheet.js").then(({ offer }) => offer(isFree)).catch(() => {});
});
/** Arm and disarm in a sheet over this page; on the page of arming there is nothing to open. */
function openArming(event) {
  const isOtherTab = event.ctrlKey || event.metaKey || event.shiftKey;
  if (document.querySelector("main #arm-now") || (event.type === "click" && isOtherTab)) return;
  event.preventDefault();
  showArming();
}
const showArming = () => import("./arm_sheet.js").then(({ open }) => open(), () => location.assign("/arm"));
chip?.addEventListener("click", openArming);
alarmBar?.querySelector("a").addEventListener("click", openArming);
if (chip) onKey("A", "arm or disarm", openArming);

const isFree = () => !isTyping() && !document.querySelector("main #arm-now, dialog[open]");
const isTyping = () => document.activeElement?.matches("input:not([type=checkbox]), textarea, select") ?? false;

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

import("./app.js");
