// The list of events: new ones arrive at the top, changed ones change in place, the list does not jump.

import { announce } from "./base.js";
import { stream } from "./stream.js";

const list = document.getElementById("events");
const empty = document.getElementById("empty");
const pill = document.getElementById("new-pill");
const wanted = list.dataset;
let unseen = 0;

const parse = (html) => new DOMParser().parseFromString(html, "text/html");

function fits(event) {
  return (
    (!wanted.camera || wanted.camera === event.source_id) &&
    (!wanted.kind || wanted.kind === event.kind || document.getElementById(`event-${event.id}`)) &&
    (!wanted.type || wanted.type === event.type) &&
    (!wanted.severity || wanted.severity === event.severity) &&
    (!wanted.search || document.getElementById(`event-${event.id}`))
  );
}

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
  const cards = document.createElement("ol");
  cards.className = "cards";
  cards.reversed = true;
  section.append(head, cards);
  list.insertBefore(section, days.find((one) => one.dataset.day < day) ?? null);
  return cards;
}

/** Whether card `a` stands above card `b`: newer first. */
function isAbove(a, b) {
  if (a.dataset.ts !== b.dataset.ts) return Date.parse(a.dataset.ts) > Date.parse(b.dataset.ts);
  return Number(a.dataset.id) > Number(b.dataset.id);
}

/** Put a card where it belongs; true if it was not there before. */
function place(card) {
  const old = document.getElementById(card.id);
  if (old) {
    if (Number(old.dataset.change) >= Number(card.dataset.change)) return false;
    const hadFocus = old.contains(document.activeElement);
    old.replaceWith(card);
    if (hadFocus) card.querySelector("a:not([tabindex])")?.focus();
    return false;
  }
  const cards = dayOf(card);
  const below = [...cards.children].find((one) => isAbove(card, one)) ?? null;
  // Measured on the element that is pushed down: what a person reads must stay under the eye.
  const anchor = below ?? cards.lastElementChild;
  const before = anchor?.getBoundingClientRect().top;
  cards.insertBefore(card, below);
  empty.hidden = true;
  if (anchor && scrollY > 0) {
    const moved = anchor.getBoundingClientRect().top - before;
    if (moved > 0 && card.getBoundingClientRect().top < innerHeight) scrollBy({ top: moved, behavior: "instant" });
  }
  return true;
}

async function show(event) {
  const answer = await fetch(`/events/${encodeURIComponent(event.id)}/card${location.search}`, { headers: { Accept: "text/html" } });
  if (!answer.ok) return;
  document.getElementById("sentence").textContent = answer.headers.get("X-Sentence");
  const card = parse(await answer.text()).querySelector("li");
  if (!card || !place(document.adoptNode(card))) return;
  announce(card.dataset.title);
  if (card.getBoundingClientRect().bottom < 56) {
    unseen += 1;
    pill.querySelector("span").textContent = `${unseen} new`;
    pill.hidden = false;
  }
}

stream.addEventListener("event", ({ detail }) => fits(detail) && show(detail));

/** Load the first page again and merge it: after a long pause, or when told to. */
stream.addEventListener("refresh", async () => {
  const answer = await fetch(location.href, { headers: { Accept: "text/html" } });
  if (!answer.ok) return;
  const page = parse(await answer.text());
  for (const card of [...page.querySelectorAll("#events li")].reverse()) place(document.adoptNode(card));
  document.getElementById("sentence").textContent = page.getElementById("sentence").textContent;
});

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

document.getElementById("more")?.addEventListener("click", async (click) => {
  click.preventDefault();
  const link = click.currentTarget;
  link.setAttribute("aria-busy", "true");
  try {
    const answer = await fetch(link.href, { headers: { Accept: "text/html" } });
    if (!answer.ok) throw new Error(answer.statusText);
    const page = parse(await answer.text());
    const fresh = [...page.querySelectorAll("#events li")];
    for (const card of fresh) place(document.adoptNode(card));
    const next = page.getElementById("more");
    if (next) link.href = next.getAttribute("href");
    else link.parentElement.remove();
    document.getElementById(fresh[0]?.id)?.querySelector("a:not([tabindex])")?.focus({ preventScroll: true });
  } catch {
    link.textContent = "Could not load more. Try again";
  }
  link.removeAttribute("aria-busy");
});
