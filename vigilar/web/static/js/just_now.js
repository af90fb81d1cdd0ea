// The strip of the last visits above the grid: the page came with them, newer ones are put in front.

import { clockText } from "./clock.js";
import { stream } from "./stream.js";

const strip = document.getElementById("just-now");
const MOST = 12;

if (strip) {
  stream.addEventListener("event", ({ detail }) => {
    if (detail.type !== "motion") return;
    const old = document.getElementById(`visit-${detail.id}`);
    const made = old ?? draw(detail);
    if (!old) strip.prepend(made);
    made.querySelector(".visit-words > :first-child").textContent = detail.title || "Motion";
    showStill(made.querySelector("a"), detail.still);
    made.querySelector(".visit-state").textContent = detail.payload.is_open ? "now" : "";
    while (strip.children.length > MOST) strip.lastElementChild.remove();
    strip.closest("section").hidden = false;
  });
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
