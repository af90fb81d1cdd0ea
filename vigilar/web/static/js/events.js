// The list of events: a new story arrives at the top, a known one grows in its place, the list does not jump.

import "./base.js"; // not a program of its own here: all listen before the stream begins
import { announce } from "./announce.js";
import { Deeds } from "./event_deeds.js";
import { armKeys } from "./event_keys.js";
import { armPreviews } from "./event_preview.js";
import { armSwipes } from "./event_swipe.js";
import { questions } from "./fresh.js";
import { parse } from "./parse.js";
import { stream } from "./stream.js";

const list = document.getElementById("events");
const empty = document.getElementById("empty");
const pill = document.getElementById("new-pill");
const more = document.getElementById("more");
const SUMMARY_AFTER_MS = 700;
const MOST_TRIES = 60; // a box that does not answer for a minute sends the list anew when it is back
const AGAIN_AFTER_MS = 1000;
const DRAWN_AT_ONCE = 6;
const IDLE_MS = 50; // where a browser does not say when it is idle
const pause = (ms) => new Promise((done) => setTimeout(done, ms));
const query = document.getElementById("list").dataset.query;
let unseen = 0;

document.documentElement.classList.add("has-script");

/** The day's list of cards, made if it is the first of its day. */
function dayOf(card) {
  const { day, dayWords } = card.dataset;
  const days = [...list.querySelectorAll(".day")];
  const found = days.find((one) => one.dataset.day === day);
  if (found) return found.querySelector(".cards");
  const section = document.createElement("section");
  section.className = "day";
  section.dataset.day = day;
  section.setAttribute("aria-labelledby", `day-${day}`);
  const head = document.createElement("h2");
  head.id = `day-${day}`;
  head.textContent = dayWords;
  const cards = document.createElement("div");
  cards.className = "cards";
  cards.setAttribute("role", "feed");
  cards.setAttribute("aria-labelledby", head.id);
  section.append(head, cards);
  list.insertBefore(section, days.find((one) => one.dataset.day < day) ?? null);
  return cards;
}

const numberOf = (card) => Number(card.dataset.key.slice(1));

/** Whether card `a` stands above card `b`: newer first, as the box sorts them. */
function isAbove(a, b) {
  if (a.dataset.from !== b.dataset.from) return Number(a.dataset.from) > Number(b.dataset.from);
  if (a.dataset.key[0] !== b.dataset.key[0]) return a.dataset.key[0] === "i";
  return numberOf(a) > numberOf(b);
}

const allCards = () => [...list.querySelectorAll("article")];
const cardOf = (key) => allCards().find((one) => one.dataset.key === key);
const changeIn = (card) => Number(card.dataset.version.split(".")[0]);
const changeOf = (key) => (cardOf(key) ? changeIn(cardOf(key)) : -1);
const eventsOf = (card) => card.dataset.events.split(" ");

let asked = 0; // questions for cards
const answered = new Map(); // key of a card -> the question whose answer stands there

/** Whether `card` is to stand in the place of `old`: by its version, numbers with dots, and where only what people did to
 * it differs, by which of the two was asked for later. */
function isNewer(card, old, question) {
  const [a, b] = [card, old].map((one) => one.dataset.version.split(".").map(Number));
  if (a[0] !== b[0]) return a[0] > b[0];
  return question > (answered.get(old.dataset.key) ?? 0) && a.some((part, index) => part !== b[index]);
}

/** What a person holds in hand stays as it is: focus, what is selected. */
function replace(old, card) {
  const focused = old.contains(document.activeElement) ? document.activeElement : null;
  const box = card.querySelector("input[type=checkbox]");
  if (box) box.checked = old.querySelector("input[type=checkbox]")?.checked ?? false;
  old.replaceWith(card);
  deeds.countPicked(); // its times may be others
  if (focused === old) card.focus({ preventScroll: true });
  else if (focused?.matches("input")) box?.focus({ preventScroll: true });
  else if (focused) (card.querySelector(`[data-do="${focused.dataset.do}"]`) ?? card.querySelector("h3 a, .divider > a") ?? card).focus({ preventScroll: true });
}

/** Lay out cards that the style has left for later, so many at most; what a person sees stays where it is. */
function draw(most = Infinity) {
  const late = [...list.querySelectorAll(".card-row:not(.is-drawn)")].slice(0, most);
  const anchor = allCards().find((one) => one.getBoundingClientRect().bottom > 56);
  const before = anchor?.getBoundingClientRect().top;
  for (const card of late) card.classList.add("is-drawn");
  if (scrollY > 0 && anchor) scrollBy({ top: anchor.getBoundingClientRect().top - before, behavior: "instant" });
  if (late.length < most) list.classList.remove("is-late");
}

/** A few cards at a time, so that a finger that comes meanwhile is answered. */
const whenIdle = self.requestIdleCallback ?? ((act) => setTimeout(act, IDLE_MS));
function drawWhenIdle() {
  if (!list.classList.contains("is-late")) return;
  draw(DRAWN_AT_ONCE);
  whenIdle(drawWhenIdle);
}

/** Put a card, the answer to `question`, where it belongs; true if its story was not there before. */
function place(card, question) {
  if (list.classList.contains("is-late")) draw(); // the heights of all are needed
  const events = new Set(eventsOf(card));
  const same = cardOf(card.dataset.key);
  // An event may turn out to belong to another story: what it leaves behind is asked for, and an empty card goes.
  for (const other of allCards().filter((one) => one !== same && eventsOf(one).some((event) => events.has(event)))) {
    const left = eventsOf(other).find((event) => !events.has(event));
    if (left) showCard(left);
    else {
      other.remove();
      deeds.countPicked();
    }
  }
  const { key } = card.dataset;
  if (same && isNewer(card, same, question)) replace(same, card);
  answered.set(key, Math.max(question, answered.get(key) ?? 0));
  if (same) return false;
  const cards = dayOf(card);
  const below = [...cards.children].find((one) => isAbove(card, one)) ?? null;
  // Measured on the element that is pushed down: what a person reads must stay under the eye.
  // At the top nothing can be: then nothing is measured, as the whole list would be laid out before the card is shown.
  const anchor = scrollY > 0 ? (below ?? cards.lastElementChild) : null;
  const before = anchor?.getBoundingClientRect().top;
  cards.insertBefore(card, below);
  empty.hidden = true;
  document.getElementById("all-seen").hidden = false;
  if (anchor) {
    const moved = anchor.getBoundingClientRect().top - before;
    if (moved > 0 && card.getBoundingClientRect().top < innerHeight) scrollBy({ top: moved, behavior: "instant" });
  }
  return true;
}

/**
 * Ask for the card of a story that changed. What is told after a change is in every answer to a question asked after it,
 * so of several notices of one change one question is enough, and of many changes meanwhile the newest.
 */
const stories = new Map(); // key -> { change: asked up to, next: the notice to ask for next, isBusy }
async function show(key, id, change) {
  if (changeOf(key) >= change) return; // it was written after that: the newest one is told again at the start of a line
  const story = stories.get(key) ?? { change: -1, next: null, isBusy: false };
  stories.set(key, story);
  if (change <= story.change) return;
  story.change = change;
  story.next = id;
  if (story.isBusy) return;
  story.isBusy = true;
  while (story.next !== null) {
    const { next } = story;
    story.next = null;
    for (let tries = 0; tries < MOST_TRIES && !(await showCard(next).catch(() => false)); tries++) await pause(AGAIN_AFTER_MS);
  }
  story.isBusy = false;
}

/** True when the box has answered, whatever it said. */
async function showCard(id) {
  const question = ++asked;
  const answer = await fetch(`/events/${encodeURIComponent(id)}/card${query}`, { headers: { Accept: "text/html" } });
  sumUpSoon();
  if (answer.status === 204) {
    // It fits no longer, or never did. One that somebody looks at stays until the page is opened again.
    return true;
  }
  if (!answer.ok) return answer.status < 500;
  takeCard(parse(await answer.text()).querySelector("article"), question);
  return true;
}

/** The box sends the card of what is new with its news; what a person did to one that is there as new is newer. */
stream.addEventListener("card", ({ detail }) => {
  if (query) return; // whether it fits the filters, the box has to be asked
  const card = parse(detail.html).querySelector("article");
  const events = new Set(eventsOf(card));
  const others = allCards().filter((one) => one.dataset.key !== card.dataset.key && eventsOf(one).some((id) => events.has(id)));
  if (others.some((one) => changeIn(one) > changeIn(card))) return; // they went over to another story since
  takeCard(card, 0);
  sumUpSoon();
});

function takeCard(card, question) {
  const wasDown = scrollY > 0;
  if (!card || isBelowPage(card) || !place(document.adoptNode(card), question)) return;
  announce(card.dataset.title);
  if (wasDown && card.getBoundingClientRect().bottom < 56) {
    unseen += 1;
    pill.querySelector("span").textContent = `${unseen} new`;
    pill.hidden = false;
  }
}

/** Whether a card belongs below the last one that is loaded: it comes with "Show more". */
function isBelowPage(card) {
  if (!document.getElementById("more") || cardOf(card.dataset.key)) return false;
  const last = allCards().at(-1);
  return last !== undefined && isAbove(last, card);
}

stream.addEventListener("event", ({ detail }) => show(detail.incident_id ? `i${detail.incident_id}` : `e${detail.id}`, detail.id, detail.change));
stream.addEventListener("incident", ({ detail }) => {
  if (!detail.is_gone) return show(`i${detail.id}`, detail.events.at(-1), detail.change);
  const card = cardOf(`i${detail.id}`); // its events went over to another one
  if (card) show(`i${detail.into}`, eventsOf(card)[0], detail.change);
});

let summary = null;
const askSum = questions();
function sumUpSoon() {
  summary ??= setTimeout(async () => {
    summary = null;
    const mayTake = askSum();
    const answer = await fetch(`/events/summary${query}`, { headers: { Accept: "application/json" } }).catch(() => null);
    if (!answer?.ok) return;
    const { sentence, levels } = await answer.json();
    if (!mayTake()) return;
    document.getElementById("sentence").textContent = sentence;
    for (const [name, count] of Object.entries(levels ?? {})) {
      const shown = document.querySelector(`[data-level="${name}"] b`);
      if (shown) shown.textContent = count;
    }
  }, SUMMARY_AFTER_MS);
}

const states = new Map();
stream.addEventListener("health", ({ detail }) => {
  for (const { camera_id: id, state } of detail.cameras) {
    if (states.has(id) && states.get(id) !== state) sumUpSoon();
    states.set(id, state);
  }
});

/** Load the first page again and merge it: after a long pause, or when told to. */
let mustLoad = false; // until the box has answered
async function loadAnew() {
  mustLoad = true;
  const question = ++asked;
  const mayTake = askSum();
  const answer = await fetch(location.href, { headers: { Accept: "text/html" } }).catch(() => null);
  if (!answer?.ok) return;
  mustLoad = false;
  const page = parse(await answer.text());
  for (const card of [...page.querySelectorAll("#events article")].reverse()) place(document.adoptNode(card), question);
  if (mayTake()) document.getElementById("sentence").textContent = page.getElementById("sentence").textContent;
}
stream.addEventListener("refresh", loadAnew);
stream.addEventListener("up", () => mustLoad && loadAnew());

pill.addEventListener("click", () => {
  scrollTo({ top: 0 });
  document.getElementById("main").focus({ preventScroll: true });
});
addEventListener("scroll", () => {
  if (scrollY < 80 && unseen) {
    unseen = 0;
    pill.hidden = true;
  }
});

more?.addEventListener("click", async (click) => {
  click.preventDefault();
  const link = click.currentTarget;
  link.setAttribute("aria-busy", "true");
  link.textContent = "Show more";
  const question = ++asked;
  try {
    const answer = await fetch(link.href, { headers: { Accept: "text/html" } });
    if (!answer.ok) throw new Error(answer.statusText);
    const page = parse(await answer.text());
    const fresh = [...page.querySelectorAll("#events article")];
    for (const card of fresh) place(document.adoptNode(card), question);
    const next = page.getElementById("more");
    if (next) link.href = next.getAttribute("href");
    else link.parentElement.remove();
    document.getElementById(fresh[0]?.id)?.querySelector("h3 a, .divider > a")?.focus({ preventScroll: true });
  } catch {
    link.textContent = "Could not load more. Try again";
  }
  link.removeAttribute("aria-busy");
});

// Links of the filters are enough; what was opened closes when somebody turns elsewhere.
document.addEventListener("click", ({ target }) => {
  for (const one of document.querySelectorAll(".pick[open]")) if (!one.contains(target)) one.open = false;
});
document.addEventListener("keydown", (event) => {
  const open = document.querySelector(".pick[open]");
  if (event.key !== "Escape" || !open) return;
  open.open = false;
  open.querySelector("summary").focus();
});

const deeds = new Deeds({ list, showCard, sumUpSoon });
armPreviews(list, deeds);
armSwipes(list, deeds);
armKeys(list, deeds);
whenIdle(drawWhenIdle);
