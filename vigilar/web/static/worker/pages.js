// Pages: what is kept is our own style, symbols and the page that says that home cannot be reached, all of them public.
// No answer of the house is ever kept, so nothing of it is left on a phone that is lost or lent.

const { version, assets, house, offline, shell } = self.VIGILAR;
const KEPT = `vigilar-${version}`;
const PLACES = /^\/(live|watch|events|kept|exports|sensors|system|arm)(\/|$)/;
const SIGNED_OUT = /^\/(login|setup)(\/|$)/;
const PLACE_HOLDS_MS = 12 * 3600 * 1000; // after a night the front page says more than yesterday's event
const AT_DOOR = [502, 503, 504];

self.addEventListener("install", (event) => {
  event.waitUntil(goPast(event));
  event.waitUntil(keep());
});

/** Only pages need a worker in between: the rest browsers that can take from what is kept, or ask the house, past it. That
 * is sooner there; and Chromium, asked for a file in the moment in which it ends a worker for the next one, begins the old one
 * anew and lets the next one wait. */
async function goPast(event) {
  try {
    await event.addRoutes([
      { condition: { or: shell.map((path) => ({ urlPattern: path })) }, source: { cacheName: KEPT } },
      { condition: { not: { requestMode: "navigate" } }, source: "network" },
    ]);
  } catch {
    // One that cannot asks the worker, which lets it pass.
  }
}

self.addEventListener("activate", (event) => event.waitUntil(takeOver()));

async function keep() {
  const cache = await caches.open(KEPT);
  for (const path of [...shell, offline]) {
    const answer = await fetch(path, { credentials: "omit", cache: path === offline ? "no-store" : "default" });
    if (!answer.ok || !/\bpublic\b/.test(answer.headers.get("Cache-Control") ?? "")) throw new Error(`${path} is not to be kept`);
    await cache.put(path, answer);
  }
}

async function takeOver() {
  for (const name of await caches.keys()) if (name.startsWith("vigilar-") && name !== KEPT) await caches.delete(name);
  await self.registration.navigationPreload?.enable();
  await self.clients.claim();
}

self.addEventListener("fetch", (event) => {
  const { request } = event;
  const url = new URL(request.url);
  if (url.origin !== self.location.origin) return;
  if (request.mode === "navigate") event.respondWith(open(event, url));
  else if (request.method === "GET" && shell.includes(url.pathname)) event.respondWith(fromShell(request, url.pathname));
});

async function fromShell(request, path) {
  return (await caches.match(path, { cacheName: KEPT })) ?? fetch(request);
}

/** A page of the house, or the one that says that it does not answer. */
async function open(event, url) {
  const { request } = event;
  if (url.pathname === "/" && url.searchParams.has("start")) {
    const place = await notes.get("place", null);
    if (place && Date.now() - place.at < PLACE_HOLDS_MS) return Response.redirect(place.path, 302);
  }
  let answer;
  try {
    answer = (await event.preloadResponse) ?? (await fetch(request));
  } catch {
    return sayOffline("away");
  }
  if (AT_DOOR.includes(answer.status) && answer.headers.has("X-Vigilar-Door")) return sayOffline("starting");
  if (request.method === "GET" && answer.ok) event.waitUntil(notePlace(url));
  return answer;
}

async function notePlace(url) {
  if (SIGNED_OUT.test(url.pathname)) await notes.set("place", null);
  else if (PLACES.test(url.pathname) && !url.pathname.includes(".")) await notes.set("place", { path: url.pathname + url.search, at: Date.now() });
}

async function sayOffline(why) {
  const page = await caches.match(offline, { cacheName: KEPT });
  const body = page ? (await page.text()).replace('data-why=""', `data-why="${why}"`) : "Can't reach home. Try again.";
  const type = page ? "text/html; charset=utf-8" : "text/plain; charset=utf-8";
  const policy = page?.headers.get("Content-Security-Policy") ?? "default-src 'none'";
  return new Response(body, { status: 503, headers: { "Content-Type": type, "Content-Security-Policy": policy, "Cache-Control": "no-store" } });
}

self.addEventListener("message", ({ data, ports }) => {
  if (data?.kind === "which") ports[0]?.postMessage({ assets });
  if (data?.kind === "take over") self.skipWaiting();
});
