// Keeps the list of sensors fresh: the box draws it, we put the new one in place of the old.

import { stream } from "./stream.js";

const EVERY_MS = 10000;

async function refresh() {
  const old = document.getElementById("sensors");
  if (document.hidden || old.contains(document.activeElement)) return; // never move what somebody is on
  try {
    const answer = await fetch("/sensors", { headers: { Accept: "text/html" } });
    if (!answer.ok) return;
    const page = new DOMParser().parseFromString(await answer.text(), "text/html");
    const fresh = page.getElementById("sensors");
    if (fresh) old.replaceWith(document.adoptNode(fresh));
  } catch {
    // The bar says that the box does not answer.
  }
}

setInterval(refresh, EVERY_MS);
stream.addEventListener("event", ({ detail }) => detail.source_id.startsWith("sensor/") && refresh());
