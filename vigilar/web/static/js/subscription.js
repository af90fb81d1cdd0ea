// This browser's own push subscription: made, ended, and kept true. Browsers change its address when they like; the house
// learns the new one from the worker, or from the next page that is opened.

import { askWorker, worker } from "./app.js";

const JSON_TYPE = { "Content-Type": "application/json", Accept: "application/json" };

/** What is wrong, in words for the person in front of it; `field`: with what was typed there. */
export class Refused extends Error {}

async function send(method, path, body) {
  let answer;
  try {
    answer = await fetch(path, { method, headers: JSON_TYPE, body: body && JSON.stringify(body) });
  } catch {
    throw new Refused("The box did not answer. Nothing was changed; try again.");
  }
  if (answer.ok || answer.status === 404) return answer;
  const { detail, field } = await answer.json().catch(() => ({}));
  throw Object.assign(new Refused(detail ?? "The box did not take it."), { field });
}

/** `{id, name, endpoint}` of this device as the house knows it; null if it is not told. */
export const ownDevice = async () => (await askWorker({ kind: "device?" }))?.device ?? null;
const keepDevice = (device) => askWorker({ kind: "device", device });

const bytesOf = (text) => Uint8Array.from(atob(text.replace(/-/g, "+").replace(/_/g, "/")), (char) => char.charCodeAt(0));

function isSameKey(subscription, key) {
  const made = new Uint8Array(subscription.options?.applicationServerKey ?? []);
  const wanted = bytesOf(key);
  return made.length === wanted.length && made.every((byte, index) => byte === wanted[index]);
}

/** Have this browser told under that name. Asks for the permission, so only after a click. Throws Refused. */
export async function subscribe(name) {
  if ((await Notification.requestPermission()) !== "granted") throw new Refused("This browser did not allow it.");
  return tell(await make(), name);
}

/** This browser's subscription with its push service. Throws Refused. */
async function make() {
  const registration = await worker;
  if (!registration) throw new Refused("This browser did not start the worker that shows pushes. Reload the page and try again.");
  await navigator.serviceWorker.ready;
  const { key } = await (await send("GET", "/api/v1/push/key")).json();
  let subscription = await registration.pushManager.getSubscription();
  if (subscription && !isSameKey(subscription, key)) {
    await subscription.unsubscribe(); // of a house that was set up anew
    subscription = null;
  }
  try {
    return subscription ?? (await registration.pushManager.subscribe({ userVisibleOnly: true, applicationServerKey: bytesOf(key) }));
  } catch (error) {
    if (error.name === "NotAllowedError") throw new Refused("This browser did not allow it.");
    throw new Refused("This browser could not reach its push service. Is this device on the internet?");
  }
}

async function tell(subscription, name, replaces) {
  const { endpoint, keys } = subscription.toJSON();
  const answer = await send("POST", "/api/v1/push/subscriptions", { endpoint, keys, name, replaces });
  if (answer.status === 404) return forget();
  const { id } = await answer.json();
  await keepDevice({ id, name, endpoint });
}

/** End it here and in the house. Throws Refused. */
export async function unsubscribe() {
  const device = await ownDevice();
  if (device) await send("DELETE", `/api/v1/push/subscriptions/${device.id}`);
  await forget();
}

/** End it here: the house has ended it already. */
export async function forget() {
  const registration = await worker;
  const subscription = await registration?.pushManager?.getSubscription();
  await subscription?.unsubscribe();
  await keepDevice(null);
}

/** Tell the house if the browser has another address than the house knows; what the house has ended stays so. */
export async function mend() {
  const device = await ownDevice();
  if (!device || Notification.permission !== "granted") return;
  const subscription = await (await worker).pushManager.getSubscription();
  if (subscription?.endpoint !== device.endpoint) await tell(subscription ?? (await make()), device.name, device.id);
}
