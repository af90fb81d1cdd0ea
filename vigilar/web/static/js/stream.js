// One event stream for all tabs of a browser: browsers allow six connections to a host, and an idle tab must not eat
// one. One tab leads (Web Lock; on plain HTTP, where there are no locks, a lease in local storage) and tells the others.

import { heard } from "./clock.js";

const KEY = "vigilar.stream";
const LEASE_MS = 5000;
const SILENT_MS = 40_000; // the box says something every 15 s at least; a line whose other end is gone looks open
const LOOK_MS = 5000;
const me = Math.random().toString(36).slice(2);
const channel = new BroadcastChannel("vigilar");

/** Dispatches CustomEvents: `event`, `card` (before its event, where the leading page shows the list), `incident`, `alert`, `health`, `objects`, `job`, `noted` and `arm` (detail: what the box sent), `refresh`, `up`, `down`. */
export const stream = new EventTarget();

let source = null;
let saidAt = 0; // ms of the page's clock when the source last said something
let isUp = false;
let armNow = null; // the newest state that was told: whoever joins later was not there
// What the house knew when it wrote the page: the stream goes on from there, however long the page took to open it.
const written = document.body.dataset.change ?? document.documentElement.dataset.change;
let change = Number(written ?? 0);

const say = (name, detail) => stream.dispatchEvent(new CustomEvent(name, { detail }));

function take(message) {
  if (message.kind === "hello") {
    if (source && isUp) channel.postMessage({ kind: "up", change, now: null });
    if (source && armNow) channel.postMessage({ kind: "arm", data: armNow });
    return;
  }
  if (message.kind === "arm") armNow = message.data;
  if (message.now) heard(message.now);
  if (message.kind === "up") {
    isUp = true;
    say("up");
    if (message.change > change) say("refresh"); // the leader was told more between the writing of this page and its start
  } else if (message.kind === "down") {
    isUp = false;
    say("down");
  } else say(message.kind, message.data);
  if (message.change > change) change = message.change;
}

function tell(message) {
  channel.postMessage(message);
  take(message);
}

function lead() {
  if (source) return;
  const asks = new URLSearchParams(written !== undefined || change ? { after: change } : {});
  if (document.body.dataset.cards) asks.set("cards", "1");
  source = new EventSource(`/events/stream?${asks}`);
  saidAt = performance.now();
  const on = (name, use) =>
    source.addEventListener(name, (event) => {
      saidAt = performance.now();
      use(JSON.parse(event.data), event);
    });
  // Not `change`: what was missed since the last event follows as events, and only they may move it on.
  on("connected", (data) => {
    tell({ kind: "noted", data: data.noted }); // before what was missed follows
    tell({ kind: "up", change: written === undefined ? data.change : 0, now: data.now });
    tell({ kind: "arm", data: data.arm });
  });
  on("event", (data) => tell({ kind: "event", data, change: data.change }));
  on("card", (data) => tell({ kind: "card", data }));
  on("incident", (data) => tell({ kind: "incident", data }));
  on("refresh", (data) => tell({ kind: "refresh", data, change: data.change }));
  on("health", (data) => tell({ kind: "health", data, now: data.now }));
  on("objects", (data) => tell({ kind: "objects", data }));
  on("alert", (data) => tell({ kind: "alert", data }));
  on("job", (data) => tell({ kind: "job", data }));
  on("arm", (data) => tell({ kind: "arm", data }));
  on("alive", () => {});
  source.onerror = () => {
    tell({ kind: "down" });
    if (source && source.readyState === EventSource.CLOSED) {
      source = null;
      setTimeout(comeBack, 3000);
    }
  };
}

/** A line that says nothing any more is given up, and another one is asked for. */
setInterval(() => {
  if (!source || performance.now() - saidAt < SILENT_MS) return;
  tell({ kind: "down" });
  follow();
  lead();
}, LOOK_MS);

/** The stream was refused: signed out elsewhere, or the box is starting. */
async function comeBack() {
  try {
    const answer = await fetch("/api/v1/me", { headers: { Accept: "application/json" } });
    if (answer.status === 401) location.assign(`/login?next=${encodeURIComponent(location.pathname + location.search)}`);
    else if (mayLead()) lead(); // not on a page that was left meanwhile
  } catch {
    setTimeout(comeBack, 3000);
  }
}

function follow() {
  source?.close();
  source = null;
}

function readLease() {
  try {
    return JSON.parse(localStorage.getItem(KEY));
  } catch {
    return null;
  }
}

function renewLease() {
  const lease = readLease();
  if (lease && lease.id !== me && lease.until > Date.now()) return follow();
  localStorage.setItem(KEY, JSON.stringify({ id: me, until: Date.now() + LEASE_MS }));
  // Two tabs may write at once; the one that wrote last finds its own name.
  setTimeout(() => readLease()?.id === me && lead(), source ? 0 : 40);
}

let release = null;
let wish = null; // to have the lock
let timer = null;

const mayLead = () => (navigator.locks ? release !== null : readLease()?.id === me);

function begin() {
  if (navigator.locks) {
    wish = new AbortController();
    const led = navigator.locks.request(KEY, { signal: wish.signal }, () => {
      lead();
      return new Promise((resolve) => (release = resolve));
    });
    led.catch(() => {}); // the page was left before its turn came: it would keep all others from leading
  } else {
    renewLease();
    timer = setInterval(renewLease, 2000);
  }
  channel.postMessage({ kind: "hello" });
}

function end() {
  follow();
  wish?.abort();
  release?.();
  release = null;
  clearInterval(timer);
  timer = null;
  if (!navigator.locks && readLease()?.id === me) localStorage.removeItem(KEY);
}

addEventListener("storage", (event) => event.key === KEY && !event.newValue && timer && renewLease());
addEventListener("pagehide", end);
addEventListener("pageshow", (event) => event.persisted && begin());

/** Not before all programs of the page listen: what is told once would pass by one that is still loading. Those that run
 * behind the first picture of their page (`async`) may come after it was read, and never after it has loaded. */
function start() {
  if (channel.onmessage) return;
  channel.onmessage = (event) => take(event.data);
  begin();
}
if (document.readyState === "complete") start();
else for (const done of ["DOMContentLoaded", "load"]) addEventListener(done, start, { once: true });
