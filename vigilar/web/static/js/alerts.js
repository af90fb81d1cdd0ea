// Open pages hear of what is serious without any push: a bar with the words on all of them, and one sound an incident, in
// one window of a browser. It works with the internet cut, since it comes over the page's own stream.

import { announce } from "./announce.js";
import { isOn, late, lasts, maySound, rest, silence, sound } from "./alarm_sound.js";
import { clockText, now } from "./clock.js";
import { parse } from "./parse.js";
import { steady } from "./steady_tap.js";
import { stream } from "./stream.js";

const KEY = `vigilar.alerts.${document.documentElement.dataset.user}`; // another member may not see the same
const WORDS_MS = 1000; // so long the bar waits for its words, where the box does not answer
const SOUNDING = "vigilar.sounding";
const RANK = { ALERT: 1, CRITICAL: 2 };
const FRESH_MS = 5 * 60_000; // what a page hears of later, after its line was cut, it shows and does not sound
const SHOWN_MS = 60 * 60_000;
const LEASE_MS = 2500;
const OTHERS_MS = 300;
const BEAT_MS = 20_000; // phones wait a moment for somebody at an open page that can sound

const me = `page-${Math.random().toString(36).slice(2)}`;
const channel = new BroadcastChannel("vigilar-alerts");
const mouth = new BroadcastChannel(SOUNDING);
const ear = new BroadcastChannel(SOUNDING); // a channel does not hear what it says itself
const claims = new Map(); // what is to be sounded: whose claim came first, and when
const waiting = new Map(); // our claims that we have not heard yet
const leases = new Set();
const heard = new Map(); // what another window sounds: this one may write over what that wrote into local storage
const bar = document.getElementById("alert-bar"); // null: this member sees no events
const link = bar?.querySelector("a");
const note = document.getElementById("alert-note");
const button = document.getElementById("alert-ack");
const standsFor = bar && steady(button, acknowledge);

// What happened, by the id of its event: in this page alone, and not in the browser's storage (ASVS 5, 14.3.3).
const titles = new Map();
const asked = new Set();

let held = null; // the alert whose sound the browser holds back until somebody touches the page
const failed = new Set();

const rank = (severity) => RANK[severity] ?? 0;

const all = () => {
  try {
    return JSON.parse(localStorage.getItem(KEY)) ?? {};
  } catch {
    return {};
  }
};

function change(story, facts) {
  const kept = Object.entries(all()).filter(([, one]) => Date.now() - one.at < SHOWN_MS);
  const alerts = new Map(kept);
  alerts.set(story, { ...alerts.get(story), ...facts });
  localStorage.setItem(KEY, JSON.stringify(Object.fromEntries(alerts)));
}

/** The alerts that wait for somebody, the worst and newest first: [story, facts]. */
function open() {
  const found = Object.entries(all()).filter(([, one]) => !one.seen && Date.now() - one.at < SHOWN_MS);
  return found.sort(([, a], [, b]) => RANK[b.severity] - RANK[a.severity] || b.ts - a.ts);
}

/** Have the words of what another page was told. */
async function askTitle(event) {
  if (asked.has(event)) return;
  asked.add(event);
  const found = await fetchTitle(event).catch(() => "");
  if (!titles.has(event)) titles.set(event, found);
  show();
}

async function fetchTitle(event) {
  const ask = (path) => fetch(path, { headers: { Accept: "application/json" }, signal: AbortSignal.timeout(WORDS_MS) });
  const answer = await ask(`/api/v1/events/${encodeURIComponent(event)}`);
  if (answer.ok) return (await answer.json()).title;
  const page = answer.status === 404 && (await ask(`/events/${encodeURIComponent(event)}`)); // of a danger where one may not look
  return page.ok ? parse(await page.text()).querySelector("h1").textContent.trim() : "";
}

function show() {
  const [first, ...others] = open();
  if (first && !titles.has(first[1].event)) return askTitle(first[1].event);
  bar.hidden = !first;
  standsFor(first ? { story: first[0], severity: first[1].severity } : null);
  if (!first) return;
  const [story, alert] = first;
  bar.dataset.severity = alert.severity;
  link.href = `/events/${encodeURIComponent(alert.event)}`;
  const title = titles.get(alert.event) || (alert.severity === "CRITICAL" ? "Alarm" : "Alert");
  link.textContent = `${title}, ${clockText(alert.ts, { seconds: false })}`;
  const more = others.length ? `${others.length} more ${others.length === 1 ? "waits" : "wait"}.` : "";
  const says = failed.has(story)
    ? "Silent here, but the box could not be told. Try again."
    : held === story
      ? "This browser holds the sound back until you tap this page."
      : "";
  note.textContent = `${says} ${more}`.trim();
}

function take(detail) {
  if (!(detail.severity in RANK)) return;
  const story = String(detail.incident_id ?? `event-${detail.id}`);
  const known = all()[story];
  const isWorse = known && rank(detail.severity) > rank(known.severity);
  if (known?.seen && !isWorse) return;
  const isNew = !known || isWorse;
  const event = String(detail.id);
  if (!titles.get(event)) titles.set(event, detail.title);
  change(story, {
    event: isNew ? event : known.event,
    severity: isNew ? detail.severity : known.severity,
    ts: isNew ? detail.ts : known.ts,
    at: isNew ? Date.now() : known.at,
    seen: false,
    ...heard.get(story),
  });
  show();
  if (now() - (detail.end_ts ?? detail.ts) < FRESH_MS) tryToSound(story);
}

/** More happened than the stream tells one by one: ask for what was serious of late. */
async function catchUp() {
  const from = new Date(now() - SHOWN_MS).toISOString();
  for (const severity of Object.keys(RANK)) {
    const answer = await fetch(`/api/v1/events?severity=${severity}&limit=20&from=${encodeURIComponent(from)}`).catch(() => null);
    if (!answer?.ok) continue;
    const { events } = await answer.json();
    events.filter((one) => !one.seen).reverse().forEach(take);
  }
}

const wasSounded = (story) => RANK[all()[story]?.sounded ?? ""] >= RANK[all()[story]?.severity];

/** Sound once an incident, and again only if an alert has become an alarm. */
async function tryToSound(story) {
  if (!isOn() || wasSounded(story)) return;
  if (await maySound()) {
    held = null;
    await alone(story, all()[story].severity, () => {
      if (wasSounded(story) || all()[story].seen) return null;
      const alert = all()[story];
      const until = Date.now() + lasts(alert.severity);
      const facts = { sounded: alert.severity, until };
      change(story, facts);
      channel.postMessage({ story, ...facts });
      return sound(story, alert.severity, until);
    });
    show();
    return;
  }
  await new Promise((resolve) => setTimeout(resolve, OTHERS_MS)); // another window may be allowed to
  if (wasSounded(story)) return;
  held = story;
  if (await maySound()) return touched(); // it woke while nothing was held that could be heard then
  show();
}

function noteSounded(story, facts) {
  heard.set(story, facts);
  if (story in all()) change(story, facts);
}

/** Run in one window at a time: a Web Lock, or, on plain HTTP where there is none, a lease in local storage. An alarm does
 * not wait for the sound of the alert that it was. */
async function alone(story, severity, run) {
  const name = `${SOUNDING}.${story}.${severity}`;
  if (navigator.locks) return navigator.locks.request(name, { ifAvailable: true }, (lock) => lock && run());
  if (Number(localStorage.getItem(name)) > Date.now() || !(await isFirst(name))) return null;
  const renew = () => localStorage.setItem(name, String(Date.now() + LEASE_MS));
  renew();
  leases.add(name);
  const beat = setInterval(renew, LEASE_MS / 3);
  try {
    return await run();
  } finally {
    clearInterval(beat);
    release(name);
  }
}

function release(name) {
  leases.delete(name);
  localStorage.removeItem(name);
}

/** Whether this window's claim is the first. What one window writes into local storage reaches another late, and two would
 * sound, or none; but all hear the claims in one order, their own among them. */
function isFirst(name) {
  return new Promise((resolve) => {
    waiting.set(name, () => resolve(claims.get(name).id === me));
    mouth.postMessage({ name, id: me });
  });
}

ear.onmessage = ({ data: { name, id } }) => {
  for (const [one, { at }] of claims) if (Date.now() - at > LEASE_MS) claims.delete(one);
  if (!claims.has(name)) claims.set(name, { id, at: Date.now() });
  if (id === me) waiting.get(name)?.();
};

/** Go on with an alarm that sounded on the page before this one. */
async function goOn() {
  for (const [story, alert] of open()) {
    if (alert.severity !== "CRITICAL" || alert.sounded !== "CRITICAL" || Date.now() >= alert.until || !isOn()) continue;
    if (await maySound()) await alone(story, alert.severity, () => !all()[story].seen && sound(story, alert.severity, alert.until));
    else {
      held = story;
      show();
    }
  }
}

/** Somebody took note of it when it was as bad as `severity`: silent here, unless it is worse by now. Returns whether it
 * still stood here. What this page has not heard of yet, it will not show. */
function quieten(story, severity) {
  const known = all()[story];
  if (known && rank(known.severity) > rank(severity)) return false;
  failed.delete(story);
  if (held === story) held = null;
  silence(story);
  // Another window of this browser may have written it already.
  if (!known?.seen || known.severity !== severity) change(story, { at: Date.now(), ...known, severity, seen: true });
  show();
  return known !== undefined && !known.seen;
}

/** Another window of this browser wrote: what was seen there is silent here with its bar. */
function takeOver() {
  for (const [story, one] of Object.entries(all())) if (one.seen) silence(story);
  show();
}

/** Somebody has seen it: silent here and on the other windows at once, and then everywhere by the box. */
async function acknowledge({ story, severity }) {
  if (!quieten(story, severity)) return; // it became worse under the finger
  channel.postMessage({ story, noted: severity });
  if (story.startsWith("event-")) return; // of no incident: there is nothing to tell the box
  const headers = { Accept: "application/json", "Content-Type": "application/json" };
  const body = JSON.stringify({ severity });
  const answer = await fetch(`/api/v1/alerts/${encodeURIComponent(story)}/ack`, { method: "POST", headers, body }).catch(() => null);
  if (answer?.ok || answer?.status === 404) return;
  failed.add(story);
  change(story, { seen: false, sounded: "CRITICAL", until: 0 }); // shown again, and silent
  show();
}

/** The first touch lets the page sound: what was held back is heard now. */
function touched() {
  tellThatWeSound();
  const story = held;
  if (!story || all()[story]?.seen) return;
  if (wasSounded(story)) goOn();
  else tryToSound(story);
}

// The box is told that this browser can make itself heard, by the first of its windows that can; and when it goes.
let isTelling = false;
let ending = null;
async function tellThatWeSound() {
  if (isTelling || !isOn() || !(await canSound()) || isTelling) return;
  isTelling = true;
  const beat = async () => {
    say(true);
    const timer = setInterval(() => say(isOn()), BEAT_MS);
    await new Promise((resolve) => (ending = resolve));
    clearInterval(timer);
    isTelling = false;
    say(false);
  };
  if (navigator.locks) navigator.locks.request("vigilar.heard", beat);
  else beat();
}

function say(sounds) {
  if ("wall" in document.body.dataset) return; // nobody in particular stands there: no phone waits for that
  const body = JSON.stringify({ page: me, sounds });
  fetch("/api/v1/alerts/pages", { method: "POST", headers: { "Content-Type": "application/json" }, body, keepalive: true }).catch(() => {});
}

async function canSound() {
  const can = await maySound();
  rest();
  return can;
}

/** Called while the stream is not open yet: no message of it comes before the end of this. */
function listen() {
  stream.addEventListener("event", ({ detail }) => take(detail));
  stream.addEventListener("refresh", catchUp);
  stream.addEventListener("alert", ({ detail }) => {
    if (quieten(String(detail.incident_id), detail.severity)) announce(`${detail.by} has seen it`);
  });
  // While the line was cut nobody heard of what was acknowledged elsewhere: the box says it when it is back.
  stream.addEventListener("noted", ({ detail }) => detail.forEach((one) => quieten(one.incident_id, one.severity)));
  channel.onmessage = ({ data: { story, noted, ...facts } }) => (noted ? quieten(story, noted) : noteSounded(story, facts));
  addEventListener("storage", (event) => event.key === KEY && takeOver());
  for (const kind of ["pointerdown", "keydown"]) {
    addEventListener(kind, () => setTimeout(touched, 0), { passive: true });
  }
  late.addEventListener("woke", () => {
    if (held) return touched();
    tellThatWeSound(); // what could not yet when the page was opened
    rest();
  });
  addEventListener("pagehide", () => {
    ending?.();
    silence(); // the page that comes goes on
    leases.forEach(release);
  });
  addEventListener("pageshow", (event) => event.persisted && begin());
}

function begin() {
  show();
  goOn();
  tellThatWeSound();
}

if (bar) {
  listen();
  begin();
}
