// The strip of the last visits above the grid: the page came with them, newer ones are put in front.

import { clockText } from "./clock.js";
import { putInPlace, questions } from "./fresh.js";
import { parse } from "./parse.js";
import { stream } from "./stream.js";

const MOST = 12;

let strip = document.getElementById("just-now");
const ask = questions();
let asking = 0;
const meanwhile = []; // what was told while an answer was on its way that does not know it
let isBehind = false; // more happened than was told, and the box could not be asked

if (strip) {
  stream.addEventListener("event", ({ detail }) => {
    if (detail.type !== "motion") return;
    if (asking) meanwhile.push(detail);
    take(detail);
  });
  stream.addEventListener("refresh", loadAgain);
  stream.addEventListener("up", () => isBehind && loadAgain());
}

function take(visit) {
  const made = document.getElementById(`visit-${visit.id}`) ?? draw(visit);
  if (!made.isConnected) {
    // An old one that only changed is not the newest: it stands where its time puts it, or has no place any more.
    const next = [...strip.children].find((one) => Number(one.dataset.ts) <= visit.ts);
    strip.insertBefore(made, next ?? null);
  }
  made.querySelector(".visit-words > :first-child").textContent = visit.title || "Motion";
  showStill(made.querySelector("a"), visit.still);
  made.querySelector(".visit-state").textContent = visit.payload.is_open ? "now" : "";
  while (strip.children.length > MOST) strip.lastElementChild.remove();
  showWhether();
}

const showWhether = () => (strip.closest("section").hidden = !strip.children.length);

/** More happened than the stream tells one by one. */
async function loadAgain() {
  const mayTake = ask();
  asking += 1;
  try {
    const answer = await fetch("/live", { headers: { Accept: "text/html" } });
    const fresh = answer.ok && parse(await answer.text()).getElementById("just-now");
    if (fresh && mayTake()) {
      putInPlace(strip, fresh);
      strip = fresh;
      meanwhile.forEach(take);
      showWhether();
    }
    isBehind = !fresh;
  } catch {
    isBehind = true;
  }
  asking -= 1;
  if (!asking) meanwhile.length = 0;
}

/** Its picture, which may become a better one. */
function showStill(link, still) {
  if (!still) return;
  let image = link.querySelector("img");
  if (!image) {
    image = Object.assign(document.createElement("img"), { alt: "", width: 64, height: 36 });
    link.prepend(image);
  }
  if (image.getAttribute("src") !== still) image.src = still;
}

function draw({ id, ts }) {
  const item = document.createElement("li");
  item.id = `visit-${id}`;
  item.dataset.ts = ts;
  const link = Object.assign(document.createElement("a"), { href: `/events/${id}`, className: "visit" });
  const words = Object.assign(document.createElement("span"), { className: "visit-words" });
  const title = document.createElement("span");
  const at = Object.assign(document.createElement("span"), { className: "second", textContent: clockText(ts, { seconds: false }) });
  const state = Object.assign(document.createElement("span"), { className: "visit-state" });
  words.append(title, at, state);
  link.append(words);
  item.append(link);
  return item;
}
