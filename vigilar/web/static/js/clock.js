// The box's clock, as near as messages tell it, and times in words. Ages on pages come from the box, never from here.

import { house } from "./house_time.js";

let behind = null;

/** Learn from a message that the box stamped with `boxMs` when it sent it. The quickest message tells best. */
export function heard(boxMs) {
  const difference = Date.now() - boxMs;
  behind = behind === null ? difference : Math.min(difference, behind + 2);
}

/** UTC ms by the box's clock; our own clock until a message has come. */
export const now = () => Date.now() - (behind ?? 0);

/** `14:03:11` of the house, `14:03` without seconds; with the name of the zone in the hour that comes twice. */
export const clockText = (ms, options) => house.clock(ms, options);

/** `00:42`, `2:03:11`. */
export function lasting(ms) {
  const seconds = Math.max(0, Math.floor(ms / 1000));
  const pad = (n) => String(n).padStart(2, "0");
  const hours = Math.floor(seconds / 3600);
  const rest = `${pad(Math.floor((seconds % 3600) / 60))}:${pad(seconds % 60)}`;
  return hours ? `${hours}:${rest}` : rest;
}

/** `0.08 s`, `2.4 s`, `12 s`. */
export function age(ms) {
  const seconds = Math.max(0, ms / 1000);
  return `${seconds.toFixed(seconds < 0.995 ? 2 : seconds < 9.95 ? 1 : 0)} s`;
}
