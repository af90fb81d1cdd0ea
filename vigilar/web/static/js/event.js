// One event: its clip plays at once, muted, from a second before the action on; what lies around it is one key away.
// The story grows while it goes on.

import { clockText } from "./clock.js";
import { setIcon } from "./base.js";
import { Boxes, armSwitch } from "./boxes.js";
import { putInPlace } from "./fresh.js";
import { onKey } from "./keys.js";
import { parse } from "./parse.js";
import { play } from "./player.js";
import { stream } from "./stream.js";

const video = document.getElementById("player");
const note = document.getElementById("player-note");
const calm = matchMedia("(prefers-reduced-motion: reduce)").matches;
const STEP_S = 5;

const words = {
  codec: "This browser cannot play the format of this camera (H.265). Save the clip and open it in another player.",
  network: "The recording could not be loaded. The box may be busy; reload to try again.",
  media: "Part of the recording could not be played.",
};

class EventClip {
  constructor() {
    const { ts, to, before, after, most, hls } = video.dataset;
    this.url = hls;
    this.ts = Number(ts);
    this.before = Number(before);
    this.after = Number(after);
    this.most = Number(most);
    this.end = Number(to) - this.after * 1000; // of an event that goes on: now
    this.turn = 0;
    this.player = null;
  }

  get from() {
    return this.ts - this.before * 1000;
  }

  get to() {
    return this.end + this.after * 1000;
  }

  /** UTC ms of the picture that is shown. */
  get shown() {
    return this.player?.frameTime() ?? this.startAt;
  }

  /** Open the clip as it is cut now, at `ms`. */
  async open(ms, plays) {
    const turn = ++this.turn;
    this.startAt = ms;
    this.player?.stop();
    this.player = null;
    this.say();
    // Not before there is something to play, and again until it really plays: a request is dropped when the player
    // takes the element over.
    const start = () => video.play().catch(() => {});
    video.addEventListener("timeupdate", () => !video.paused && video.removeEventListener("canplay", start));
    if (plays) video.addEventListener("canplay", start);
    const onFail = (why) => {
      note.textContent = words[why] ?? why;
      note.hidden = false;
    };
    const address = `${this.url}?before=${this.before}&after=${this.after}`;
    const isWanted = () => turn === this.turn;
    const player = await play(video, address, { startAt: ms, from: this.from, onFail, isWanted }).catch(() => null);
    if (!isWanted()) return player?.stop();
    this.player = player;
    if (!player) onFail("network");
  }

  /** To `ms`, with as much more of the recording as that needs. */
  goTo(ms, plays = true) {
    const lack = (s) => Math.min(this.most, Math.ceil(s));
    const before = ms < this.from ? lack((this.ts - ms) / 1000) : this.before;
    const after = ms >= this.to ? lack((ms - this.end) / 1000 + 0.001) : this.after;
    if (before === this.before && after === this.after) {
      const shown = this.shown;
      if (shown !== null) video.currentTime = Math.max(0, video.currentTime + (ms - shown) / 1000);
      if (plays) video.play().catch(() => {});
      return;
    }
    Object.assign(this, { before, after });
    this.open(Math.max(ms, this.from), plays);
  }

  say() {
    document.getElementById("clip-says").textContent =
      `Shown from ${clockText(this.from)} to ${clockText(this.to)}: ${this.before} s before it began to ${this.after} s after it ended.`;
    const span = document.getElementById("clip-span");
    const length = this.to - this.from;
    span.setAttribute("viewBox", `0 0 ${length} 10`);
    const set = (name, values) => Object.entries(values).forEach(([key, value]) => span.querySelector(name).setAttribute(key, value));
    set(".all", { width: length });
    set(".action", { x: this.ts - this.from, width: Math.max(length / 100, this.end - this.ts) });
    set(".now", { width: length / 200 });
  }

  /** The line on the bar where the player is. */
  follow() {
    const at = this.shown;
    const line = document.querySelector("#clip-span .now");
    if (at === null) return;
    line.removeAttribute("hidden");
    line.setAttribute("x", Math.max(0, Math.min(this.to - this.from, at - this.from)));
  }
}

let loadTracks = () => {};
let isArmed = false;
function armBoxes() {
  if (!isArmed) armSwitch(document.getElementById("boxes"));
  isArmed = true;
}

if (video) {
  const clip = new EventClip();
  video.removeAttribute("src");
  video.load(); // lets go of the plain clip now, and not in the middle of the player's start
  video.muted = true;
  video.preload = "auto";
  video.addEventListener("timeupdate", () => clip.follow());
  clip.open(clip.from, !calm);
  const boxes = new Boxes(
    video.parentElement,
    () => [video.videoWidth, video.videoHeight],
    () => clip.player?.frameTime() ?? null,
  );
  loadTracks = async () => {
    const answer = await fetch(`/api/v1/events/${document.body.dataset.event}/tracks`).catch(() => null);
    if (!answer?.ok) return;
    const { tracks } = await answer.json();
    boxes.setTracks(tracks);
    if (tracks.length) armBoxes();
  };
  loadTracks();
  const before = () => clip.goTo(Math.min(clip.shown, clip.to) - STEP_S * 1000);
  const after = () => clip.goTo(clip.shown + STEP_S * 1000);
  const start = () => clip.goTo(clip.from);
  document.getElementById("clip-keys").hidden = false;
  document.getElementById("five-before").addEventListener("click", before);
  document.getElementById("five-after").addEventListener("click", after);
  document.getElementById("from-start").addEventListener("click", start);
  const keys = { ArrowLeft: before, ArrowRight: after, Home: start };
  addEventListener(
    "keydown",
    (event) => {
      if (!keys[event.key] || event.ctrlKey || event.altKey || event.metaKey || event.shiftKey) return;
      if (event.target.matches("input, select, textarea")) return;
      if (event.key === "Home" && event.target !== video && !event.target.closest("#clip-keys")) return; // scrolls
      event.preventDefault();
      event.stopPropagation();
      keys[event.key]();
    },
    { capture: true }, // before the player's own keys, which know nothing of what lies around
  );
}

// Two seconds of the clip, or the page itself where there is none, is having seen it. It can be taken back, and is then not
// noted again while the page is open.
const seen = document.getElementById("seen");
const says = document.getElementById("event-says");
const SEEN_AFTER_S = 2;
let mayNote = seen.value === "1";
async function noteSeen(isSeen) {
  mayNote = false;
  const body = new URLSearchParams({ one: document.body.dataset.story });
  const url = `/events/seen${isSeen ? "" : "?seen=0"}`;
  const answer = await fetch(url, { method: "POST", headers: { Accept: "application/json" }, body }).catch(() => null);
  if (!answer?.ok) return false;
  seen.value = isSeen ? "0" : "1";
  seen.lastElementChild.textContent = isSeen ? "Not seen" : "Seen";
  setIcon(seen.querySelector("use"), isSeen ? "undo" : "ok");
  return true;
}
if (video && !calm) video.addEventListener("timeupdate", () => mayNote && video.currentTime > SEEN_AFTER_S && noteSeen(true));
else if (mayNote) noteSeen(true);
seen.form.addEventListener("submit", async (event) => {
  event.preventDefault();
  const isNoted = await noteSeen(seen.value === "1");
  says.textContent = isNoted ? "" : "The box did not take it. Try again.";
  says.hidden = isNoted;
});

// The address of this page, for another member: whoever opens it signs in first. Over plain HTTP browsers offer neither
// way, and the address bar is there.
const share = document.getElementById("share");
const isPhone = matchMedia("(pointer: coarse)").matches;
share.hidden = !(navigator.share || navigator.clipboard);
share.addEventListener("click", async () => {
  const url = new URL(`/events/${document.body.dataset.event}`, location.origin).href;
  if (navigator.share && (isPhone || !navigator.clipboard)) {
    await navigator.share({ title: share.dataset.title, url }).catch(() => {}); // somebody thought better of it
    return;
  }
  const isCopied = await navigator.clipboard.writeText(url).then(() => true, () => false);
  says.textContent = isCopied ? "Link copied. Whoever opens it signs in first." : `The browser did not copy it. It is ${url}`;
  says.hidden = false;
});

onKey("p", "previous event", () => document.getElementById("older")?.click());
onKey("n", "next event", () => document.getElementById("newer")?.click());
onKey("s", "keep, or no longer", () => document.getElementById("keep")?.click());
if (document.getElementById("erase")) onKey("D", "delete its recording", () => document.getElementById("erase").click());
onKey("e", "seen, or not", () => seen.click());
onKey("Escape", "back to the list", () => document.querySelector(".back").click());

let isReading = false;
let mustRead = false;
/** The story grows while it goes on. */
async function renew() {
  mustRead = true;
  if (isReading) return;
  isReading = true;
  while (mustRead) {
    mustRead = false;
    const answer = await fetch(location.href, { headers: { Accept: "text/html" } }).catch(() => null);
    if (!answer?.ok) {
      mustRead = true; // when the stream is up again
      break;
    }
    const fresh = parse(await answer.text());
    putInPlace(document.getElementById("story"), fresh.getElementById("story"));
    for (const part of [".event-head h1", ".event-head .sentence"]) {
      document.querySelector(part).replaceWith(document.adoptNode(fresh.querySelector(part)));
    }
    document.title = fresh.title;
    document.body.dataset.events = fresh.body.dataset.events;
    loadTracks();
  }
  isReading = false;
}
const { story } = document.body.dataset;
const isOfStory = (event) => document.body.dataset.events.split(" ").includes(String(event.id)) || `i${event.incident_id}` === story;
stream.addEventListener("event", ({ detail }) => isOfStory(detail) && renew());
stream.addEventListener("incident", ({ detail }) => `i${detail.id}` === story && renew());
stream.addEventListener("refresh", renew); // more happened than is told one by one
stream.addEventListener("up", () => mustRead && renew());
