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
    made.querySelector(".visit-state").textContent = detail.payload.is_open ? "now" : "";
    while (strip.children.length > MOST) strip.lastElementChild.remove();
    strip.closest("section").hidden = false;
  });
}

function draw({ id, ts, payload }) {
  const item = document.createElement("li");
  item.id = `visit-${id}`;
  const link = Object.assign(document.createElement("a"), { href: `/events/${id}`, className: "visit" });
  if (payload.has_still) {
    link.append(Object.assign(document.createElement("img"), { src: `/events/${id}/still.jpg`, alt: "", width: 64, height: 36 }));
  }
  const words = Object.assign(document.createElement("span"), { className: "visit-words" });
  const title = Object.assign(document.createElement("span"), { textContent: payload.title ?? "Motion" });
  const at = Object.assign(document.createElement("span"), { className: "second", textContent: clockText(ts).slice(0, 5) });
  const state = Object.assign(document.createElement("span"), { className: "visit-state" });
  words.append(title, at, state);
  link.append(words);
  item.append(link);
  return item;
}
