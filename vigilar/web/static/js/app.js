// The house as an app: its worker, a new version that waits until it suits, the number on the icon, and the place a tap on
// a notification asks an open page to go to.

import { stream } from "./stream.js";

const LOOK_MS = 3600 * 1000;
const HANDOVER_MS = 10_000;
const root = document.documentElement;

/** Whether this page runs as an installed app, without the browser around it. */
export const isInstalled = () => matchMedia("(display-mode: standalone)").matches || navigator.standalone === true;
export const isApple = /iPhone|iPad/.test(navigator.userAgent) || (navigator.platform === "MacIntel" && navigator.maxTouchPoints > 1);

/** The registration of the worker; null where browsers have none (plain HTTP, a certificate that is not trusted). */
export const worker = window.isSecureContext && navigator.serviceWorker ? begin() : Promise.resolve(null);

async function begin() {
  if (document.readyState !== "complete") await new Promise((resolve) => addEventListener("load", resolve, { once: true }));
  try {
    const registration = await navigator.serviceWorker.register("/sw.js", { scope: "/", updateViaCache: "none" });
    await follow(registration);
    return registration;
  } catch {
    return null;
  }
}

/** Send a message to the worker; resolves with its answer. */
export async function askWorker(message) {
  const registration = await worker;
  const active = registration && (registration.active ?? (await navigator.serviceWorker.ready).active);
  return active ? ask(active, message) : null;
}

function ask(one, message) {
  return new Promise((resolve) => {
    const { port1, port2 } = new MessageChannel();
    port1.onmessage = ({ data }) => resolve(data);
    one.postMessage(message, [port2]);
  });
}

async function follow(registration) {
  const look = (found) => found?.state === "installed" && registration.active && meet(found);
  registration.addEventListener("updatefound", () => {
    const found = registration.installing;
    found?.addEventListener("statechange", () => look(found));
  });
  let asked = Date.now();
  const update = () => {
    if (document.hidden || Date.now() - asked < LOOK_MS) return;
    asked = Date.now();
    registration.update().catch(() => {});
  };
  document.addEventListener("visibilitychange", update);
  setInterval(update, LOOK_MS / 4);
  // A box that comes back may have been upgraded meanwhile.
  let wasDown = false;
  stream.addEventListener("down", () => (wasDown = true));
  stream.addEventListener("up", () => {
    if (wasDown) registration.update().catch(() => {});
    wasDown = false;
  });
  navigator.serviceWorker.addEventListener("message", ({ data }) => data?.kind === "go" && location.assign(data.path));
  await Promise.race([look(registration.waiting), new Promise((resolve) => setTimeout(resolve, HANDOVER_MS))]);
  registration.active?.postMessage({ kind: "report" });
  if (registration.pushManager) import("./subscription.js").then(({ mend }) => mend()).catch(() => {});
}

/** A worker that waits: of what this page is made of too, it may begin; a newer one is offered, never forced. Resolves once
 * it has begun: Chromium, told something for the old one while it ends that, begins it anew and lets the next one wait. */
async function meet(waiting) {
  const { assets } = await ask(waiting, { kind: "which" });
  if (assets === root.dataset.assets) {
    const begun = new Promise((resolve) => waiting.addEventListener("statechange", () => waiting.state === "activated" && resolve()));
    waiting.postMessage({ kind: "take over" });
    return begun;
  }
  const bar = document.getElementById("new-version");
  if (!bar.hidden) return;
  bar.hidden = false;
  bar.querySelector("button").addEventListener("click", () => location.reload());
}

/** The number on the icon: alerts of the last day that this member has not looked at. */
async function countUnseen() {
  if (!navigator.setAppBadge || !isInstalled()) return;
  let count = 0;
  for (const severity of ["ALERT", "CRITICAL"]) {
    const from = new Date(Date.now() - 24 * 3600 * 1000).toISOString();
    const answer = await fetch(`/api/v1/events?severity=${severity}&limit=100&from=${encodeURIComponent(from)}`).catch(() => null);
    if (!answer?.ok) return;
    count += (await answer.json()).events.filter((one) => !one.seen).length;
  }
  navigator.setAppBadge(count).catch(() => {});
  askWorker({ kind: "unseen", count });
}

stream.addEventListener("event", ({ detail }) => ["ALERT", "CRITICAL"].includes(detail.severity) && countUnseen());
countUnseen();

const hint = document.getElementById("install");
const isPhone = matchMedia("(pointer: coarse)").matches;
if (hint && isPhone && !isInstalled()) {
  // The browser offers it when it likes, perhaps before the rest is there.
  const offered = new Promise((resolve) => {
    addEventListener("beforeinstallprompt", (event) => {
      event.preventDefault(); // its own bar would come at a moment of its own
      resolve(event);
    });
  });
  import("./install.js").then(({ hintAt }) => hintAt(hint, offered));
}
