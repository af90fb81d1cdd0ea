// The list by keyboard: from card to card, and what is done to the one that has the focus.

import { onKey } from "./keys.js";

export function armKeys(list, deeds) {
  const cards = () => [...list.querySelectorAll("article")];
  const here = () => document.activeElement?.closest?.("#events article") ?? null;
  /** The card that a key is for: the one that has the focus, else the first that is in sight. */
  const target = () => here() ?? cards().find((card) => card.getBoundingClientRect().bottom > 60) ?? null;

  const go = (step) => {
    const all = cards();
    const at = all.indexOf(here());
    const next = at < 0 ? target() : all[at + step];
    if (next) next.focus();
    else if (step > 0) document.getElementById("more")?.focus();
  };
  const onCard = (run) => () => {
    const card = target();
    if (!card) return;
    card.focus();
    run(card);
  };
  const level = (name) => document.querySelector(`[data-level="${name}"]`)?.click();

  onKey("j", "next", () => go(1));
  onKey("k", "previous", () => go(-1));
  onKey("Enter", "open", () => here()?.querySelector("h3 a, .divider > a, a[id]")?.click());
  onKey(" ", "preview", onCard((card) => card.dispatchEvent(new Event("preview"))));
  onKey("e", "seen, or not", onCard((card) => deeds.press(card, "seen", "unseen")));
  onKey("s", "keep, or no longer", onCard((card) => deeds.press(card, "kept", "release")));
  onKey("x", "select", onCard((card) => deeds.pick(card)));
  onKey("X", "select from the last one to here", onCard((card) => deeds.pickRange(card)));
  if (document.querySelector('[data-bulk="delete"]')) onKey("D", "delete recordings", onCard((card) => deeds.erase(card)));
  onKey("1", "alerts alone", () => level("alert"));
  onKey("2", "notable alone", () => level("notable"));
  onKey("3", "background alone", () => level("background"));
  onKey("u", "undo", () => deeds.takeBack());
  onKey("/", "find", () => document.getElementById("find").focus());
  // In a feed Page Down and Page Up go from article to article (WAI-ARIA, feed pattern).
  list.addEventListener("keydown", (event) => {
    if (event.target.tagName !== "ARTICLE" || !["PageDown", "PageUp"].includes(event.key)) return;
    event.preventDefault();
    go(event.key === "PageDown" ? 1 : -1);
  });
}
