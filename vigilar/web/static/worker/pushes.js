// Pushes: each is shown, at once and without asking anybody; what needs the house (picture, "it was shown") follows.
// One notification an incident: the next one takes its place without a sound, unless it is told louder than before. One
// that took in another closes that one's. What comes a second time (the house was cut off before it knew that the first
// had arrived) tells nobody anything again.

const TOLD_HOLDS_MS = 24 * 3600 * 1000;
const HOME_MS = 4000; // a phone that is out does not wait longer for the picture
const LOOKS = 4;
const LOOK_MS = 200;
const AGAIN_MS = 3000; // after the browser has counted what stands there
const MOST_SHOWN_NOTES = 50;
const MOST_PICTURE_BYTES = 400_000;
const RANK = { INFO: 0, WARNING: 1, ALERT: 2, CRITICAL: 3 };
// iPhones neither show buttons nor put a notification in the place of the one with the same tag.
const FOLDS_BY_TAG = "actions" in Notification.prototype;

self.addEventListener("push", (event) => event.waitUntil(inTurn(() => tell(read(event.data))).then((follow) => follow())));

/** The form is Declarative Web Push with a part of ours beside it (`docs/ref/http.md`). */
function read(data) {
  try {
    const { notification, vigilar = {} } = data.json();
    if (typeof notification.title === "string" && notification.title) return { notification, facts: vigilar };
  } catch {
    // A browser takes the permission away from who shows nothing.
  }
  return { notification: { title: house, body: "Something happened at home. Open Vigilar to see it.", navigate: "/events" }, facts: {} };
}

/** Show it. Returns what is to follow, which asks the house. */
async function tell({ notification, facts }) {
  const tag = notification.tag || `vigilar-${facts.incident_id ?? facts.event_id ?? Date.now()}`;
  const told = await recallTold();
  const story = String(facts.id ?? tag); // all that is told of one thing on one phone has one id
  const isFirst = !(story in told);
  const loudness = loudnessOf(facts);
  const isWorse = !isFirst && loudness > (told[story].loudness ?? 0);
  const isAgain = !isFirst && facts.revision <= (told[story].revision ?? 0);
  const stood = isAgain && (await standing(tag)).length > 0;
  if (stood && FOLDS_BY_TAG) return answerAgain(facts);
  const shown = {
    body: notification.body ?? "",
    lang: notification.lang ?? "en",
    tag,
    silent: notification.silent === true || !(isFirst || isWorse),
    renotify: isWorse && notification.silent !== true,
    requireInteraction: notification.requireInteraction ?? facts.severity === "CRITICAL",
    timestamp: facts.ts ?? Date.now(),
    actions: actionsOf(notification, facts),
    data: { path: pathOf(notification.navigate), facts, paths: pathsOf(notification) },
    ...(await ownIcons()),
  };
  if (isAgain) Object.assign(shown, { silent: true, renotify: false });
  if (!FOLDS_BY_TAG) for (const old of await self.registration.getNotifications({ tag })) old.close();
  await self.registration.showNotification(notification.title, shown);
  for (const other of facts.closes ?? []) {
    for (const old of await self.registration.getNotifications({ tag: other })) old.close();
  }
  if (isAgain) return answerAgain(facts, stood ? null : tag);
  told[story] = { at: Date.now(), loudness: isFirst || isWorse ? loudness : told[story].loudness, revision: facts.revision ?? 0 };
  await notes.set("told", told);
  await noteShown(facts);
  await countUnseen(isFirst, facts).catch(() => {});
  return () => Promise.allSettled([addPicture(notification.title, shown), reportShown()]);
}

/** The house does not know that this was shown: it is told once more, and nobody else. A browser wants to see something
 * for each push: what was swiped away stands there silently for the moment in which it looks (`tag`). */
async function answerAgain(facts, tag) {
  if (tag) setTimeout(() => inTurn(() => takeAway(tag, facts.revision)), AGAIN_MS);
  await noteShown(facts);
  return () => reportShown().catch(() => {});
}

async function takeAway(tag, revision) {
  const found = await self.registration.getNotifications({ tag });
  for (const one of found) if (one.data?.facts?.revision === revision) one.close();
}

/** As the house compares it: by the rule that told, not by how bad the event is. */
const loudnessOf = ({ is_critical, is_loud }) => (is_critical ? 2 : 0) + (is_loud ? 1 : 0);

/** What was told within a day: an incident that was swiped away does not sound again either. */
async function recallTold() {
  const told = await notes.get("told", {});
  return Object.fromEntries(Object.entries(told).filter(([, one]) => Date.now() - one.at < TOLD_HOLDS_MS));
}

function actionsOf(notification, { camera }) {
  if (Array.isArray(notification.actions)) return notification.actions.map(({ action, title }) => ({ action, title }));
  return [...(camera ? [{ action: "watch", title: "Watch live" }] : []), { action: "snooze", title: "Snooze 1 h" }];
}

function pathsOf(notification) {
  if (!Array.isArray(notification.actions)) return {};
  return Object.fromEntries(notification.actions.filter((one) => one.navigate).map((one) => [one.action, pathOf(one.navigate)]));
}

/** Where to go on this house, whatever name it was given in the push: it has many, this page's is the one that works. */
function pathOf(address) {
  try {
    const url = new URL(address ?? "/events", self.location.origin);
    return url.pathname + url.search;
  } catch {
    return "/events";
  }
}

/** Our icon, out of what is kept: the house may be out of reach, and browsers wait long for a picture before they show. */
async function ownIcons() {
  const [icon, badge] = await Promise.all([self.VIGILAR.icon, self.VIGILAR.mark].map((path) => kept(path).catch(() => null)));
  return { ...(icon && { icon }), ...(badge && { badge }) };
}

async function kept(path) {
  const answer = await caches.match(path, { cacheName: KEPT });
  return answer ? dataAddress(await answer.arrayBuffer(), "image/png") : null;
}

function dataAddress(buffer, type) {
  const bytes = new Uint8Array(buffer);
  let text = "";
  for (let from = 0; from < bytes.length; from += 8192) text += String.fromCharCode(...bytes.subarray(from, from + 8192));
  return `data:${type};base64,${btoa(text)}`;
}

/** The still from the house, if it can be reached, into the notification that stands there; gone means seen. */
async function addPicture(title, shown) {
  const { still } = shown.data.facts;
  if (!("image" in Notification.prototype) || !still?.startsWith("/")) return;
  const answer = await askHome(still);
  if (!answer.ok || answer.headers.get("Content-Type") !== "image/jpeg") return;
  const jpeg = await answer.arrayBuffer();
  if (jpeg.byteLength > MOST_PICTURE_BYTES) return;
  await inTurn(async () => {
    if (!(await stands(shown))) return;
    await self.registration.showNotification(title, { ...shown, image: dataAddress(jpeg, "image/jpeg"), silent: true, renotify: false });
  });
}

/** Whether that notification is still there, and no newer one in its place. */
async function stands({ tag, data: { facts } }) {
  const isIt = (other) => other?.event_id === facts.event_id && other.revision === facts.revision;
  return (await standing(tag)).some((one) => isIt(one.data?.facts));
}

/** What is there by that tag. Browsers list one a moment after they have shown it. */
async function standing(tag) {
  for (let look = 0; look < LOOKS; look++) {
    const found = await self.registration.getNotifications({ tag });
    if (found.length) return found;
    await new Promise((resolve) => setTimeout(resolve, LOOK_MS));
  }
  return [];
}

const askHome = (path, options = {}) => fetch(path, { ...options, cache: "no-store", signal: AbortSignal.timeout(HOME_MS) });

const sendHome = (path, method, body) =>
  askHome(path, { method, headers: { "Content-Type": "application/json", Accept: "application/json" }, body: JSON.stringify(body) });

async function noteShown({ id, token, revision }) {
  if (!id || !token) return;
  const waiting = (await notes.get("shown", [])).filter((one) => one.id !== id);
  await notes.set("shown", [...waiting, { id, token, revision, shown_ts: Date.now() }].slice(-MOST_SHOWN_NOTES));
}

const inReportTurn = makeTurns(); // each is told once

/** Tell the house which pushes were shown here, and when. Those of a day away from home are told when it is there again. */
function reportShown() {
  return inReportTurn(async () => {
    for (const one of await notes.get("shown", [])) {
      const answer = await sendHome("/api/v1/push/shown", "POST", one);
      if (answer.status === 429 || answer.status >= 500) return; // later
      await inTurn(() => forgetShown(one));
    }
  });
}

async function forgetShown({ id, revision }) {
  const rest = (await notes.get("shown", [])).filter((other) => other.id !== id || other.revision !== revision);
  await notes.set("shown", rest);
}

/** Which phone this is to the house: `{id, name}`, as the page that subscribed it left it here; null: none. */
const ownDevice = () => notes.get("device", null);

async function countUnseen(isFirst, { severity }) {
  if (!isFirst || !(RANK[severity] >= RANK.ALERT) || !self.navigator.setAppBadge) return;
  const unseen = (await notes.get("unseen", 0)) + 1;
  await notes.set("unseen", unseen);
  await self.navigator.setAppBadge(unseen);
}

self.addEventListener("notificationclick", (event) => {
  event.notification.close();
  const { path = "/events", facts = {}, paths = {} } = event.notification.data ?? {};
  if (event.action === "snooze") event.waitUntil(snooze(event.notification, facts));
  else if (event.action === "watch" && facts.camera) event.waitUntil(show(`/watch/${encodeURIComponent(facts.camera)}`));
  else event.waitUntil(show(paths[event.action] ?? path));
});

/** One tap: the page that is open already goes there, else a new one. */
async function show(path) {
  const pages = await self.clients.matchAll({ type: "window", includeUncontrolled: true });
  const isThere = (page) => new URL(page.url).pathname + new URL(page.url).search === path;
  const page = pages.find(isThere) ?? pages.find((one) => one.focused) ?? pages.find((one) => one.visibilityState === "visible") ?? pages[0];
  if (!page) return self.clients.openWindow(path);
  const front = await page.focus().catch(() => page);
  if (isThere(front)) return front;
  return front.navigate(path).catch(() => front.postMessage({ kind: "go", path }));
}

async function snooze(notification, { camera, incident_id: incident }) {
  const answer = await sendHome("/api/v1/snoozes", "POST", { camera: camera || null, minutes: 60 }).catch(() => null);
  const until = answer?.ok ? (await answer.json().catch(() => ({}))).until : null; // by the house's clock
  const words = answer?.ok
    ? { title: "Snoozed for 1 h", body: `${until ? `Until ${until}. ` : ""}Alarms still come. End it under Settings, Notifications.` }
    : answer
      ? { title: "Not snoozed", body: "The house did not take it. Open Vigilar and try there." }
      : { title: "Not snoozed", body: "Can't reach home from here. Pushes go on as before." };
  await self.registration.showNotification(words.title, {
    body: words.body,
    tag: `snooze-${incident ?? ""}`,
    silent: true,
    data: { path: "/settings/notifications" },
    ...(await ownIcons()),
  });
}

// A browser may change the address it is reached by at any time. The house learns the new one here, or, if it is out of
// reach, from the next page that is opened (`js/subscription.js`).
self.addEventListener("pushsubscriptionchange", (event) => event.waitUntil(subscribeAgain(event)));

async function subscribeAgain(event) {
  const device = await ownDevice();
  if (!device) return;
  let fresh = event.newSubscription ?? (await self.registration.pushManager.getSubscription());
  if (!fresh) {
    const { key } = await (await askHome("/api/v1/push/key")).json();
    fresh = await self.registration.pushManager.subscribe({ userVisibleOnly: true, applicationServerKey: key });
  }
  const { endpoint, keys } = fresh.toJSON();
  const answer = await sendHome("/api/v1/push/subscriptions", "POST", { endpoint, keys, name: device.name, replaces: device.id });
  if (answer.status === 404) {
    await fresh.unsubscribe(); // removed from the house meanwhile
    return notes.set("device", null);
  }
  if (!answer.ok) return;
  const { id } = await answer.json();
  await notes.set("device", { id, name: device.name, endpoint });
}

self.addEventListener("message", (event) => {
  const { data, ports } = event;
  if (data?.kind === "device") event.waitUntil(notes.set("device", data.device).then(() => ports[0]?.postMessage({})));
  if (data?.kind === "device?") event.waitUntil(ownDevice().then((device) => ports[0]?.postMessage({ device })));
  if (data?.kind === "unseen") event.waitUntil(notes.set("unseen", data.count));
  if (data?.kind === "report") event.waitUntil(reportShown().catch(() => {}));
});
