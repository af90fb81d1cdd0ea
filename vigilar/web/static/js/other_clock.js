// All times are the house's. Whoever's clock shows another one is told so, by how much.

import { house } from "./house_time.js";

const HOUR = 3600000;

export function tellOtherClock() {
  const line = document.getElementById("other-clock");
  const now = Date.now();
  line.hidden = !house.differsHere(now);
  if (line.hidden) return;
  const away = (-new Date(now).getTimezoneOffset() * 60000 - house.offset(now)) / HOUR;
  line.textContent = `House time (${house.zone}). Your clock is ${away > 0 ? "+" : "\u2212"}${Math.abs(away)} h.`;
}
