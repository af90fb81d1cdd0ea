// Parts of a page that are asked for anew while somebody is at it: no answer counts that is older than what is shown, and
// what a person opened, chose or is on stays.

import { parse } from "./parse.js";

const CAN_HOLD = "a[href], button, input, select, textarea, summary, [tabindex]";

/**
 * Tells answers apart by when they were asked for. Call what this returns when you ask; it returns what says whether the
 * answer may be taken: false when one to a later question was.
 */
export function questions() {
  let asked = 0;
  let taken = 0;
  return () => {
    const mine = ++asked;
    return () => {
      if (mine < taken) return false;
      taken = mine;
      return true;
    };
  };
}

/** By what the next drawing has the same again. */
function nameOf(one) {
  if (one.id) return `#${one.id}`;
  const isTyped = one.matches("input:not([type=checkbox], [type=radio]), textarea, select");
  return [one.tagName, one.getAttribute("href"), one.name, isTyped ? "" : one.value, isTyped ? "" : one.textContent.trim()].join("|");
}

const all = (part, selector) => [part, ...part.querySelectorAll(selector)].filter((one) => one.matches(selector));
const namesakes = (part, name) => all(part, CAN_HOLD).filter((one) => nameOf(one) === name);

/** Put `fresh`, of another document, in the place of `old`: what was opened is open, and who was on something is on it.
 * `carry(old, fresh)` takes over what else shall stay. */
export function putInPlace(old, fresh, carry = () => {}) {
  const held = old.contains(document.activeElement) ? document.activeElement : null;
  const name = held && nameOf(held);
  const index = held && namesakes(old, name).indexOf(held);
  const open = all(old, "details").map((one) => one.open);
  all(fresh, "details").forEach((one, at) => (one.open = open[at] ?? one.open));
  carry(old, fresh);
  old.replaceWith(document.adoptNode(fresh));
  if (held) namesakes(fresh, name)[index]?.focus({ preventScroll: true });
}

const isChosen = ({ options, selectedIndex }) => selectedIndex !== Math.max(0, [...options].findIndex((one) => one.defaultSelected));
const isInHand = (part) => part.contains(document.activeElement) || [...part.querySelectorAll("select")].some(isChosen);

/** Returns what puts the part `id` of the page `address` in its place as the box draws it now; never while somebody is on
 * it or has chosen something there. */
export function renewing(id, address) {
  const ask = questions();
  const part = () => document.getElementById(id);
  return async () => {
    if (document.hidden || isInHand(part())) return;
    const mayTake = ask();
    try {
      const answer = await fetch(address, { headers: { Accept: "text/html" } });
      if (!answer.ok) return;
      const fresh = parse(await answer.text()).getElementById(id);
      if (fresh && !isInHand(part()) && mayTake()) putInPlace(part(), fresh);
    } catch {
      // The bar says that the box does not answer; what stands here was true then.
    }
  };
}
