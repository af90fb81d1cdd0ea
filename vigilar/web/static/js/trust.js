// The ticks of the trust page, as they come true: asked again every few seconds while somebody looks.

const EVERY_MS = 3000;

const root = document.getElementById("trust");

function tick(name) {
  const line = root.querySelector(`[data-tick="${name}"]`);
  if (!line || "done" in line.dataset) return;
  line.dataset.done = "";
  const use = line.querySelector("use");
  use.setAttribute("href", use.getAttribute("href").replace(/#.*/, "#ok"));
}

async function isTrusted(address) {
  try {
    const answer = await fetch(`${address}/check`, { cache: "no-store", credentials: "omit" });
    return answer.ok;
  } catch {
    return false;
  }
}

async function hasWorker() {
  if (!window.isSecureContext || !navigator.serviceWorker) return false;
  try {
    await navigator.serviceWorker.register("/sw.js", { scope: "/" });
    return Boolean(await navigator.serviceWorker.ready);
  } catch {
    return false;
  }
}

async function look() {
  if (root.dataset.secure && (await isTrusted(root.dataset.secure))) {
    tick("trusted");
    const way = root.querySelector(".actions a");
    if (location.protocol !== "https:" && way) way.textContent = "Go on securely";
  }
  if (location.protocol === "https:") tick("secure");
  if (location.protocol === "https:" && (await hasWorker())) tick("worker");
  if (root.querySelector("[data-tick]:not([data-done])")) setTimeout(look, EVERY_MS);
}

if (root && root.querySelector("[data-tick]")) look();
