// Phones on the page of notifications: whether this device can be told, and if not why and what to do; a test that says
// how long it took; and the sound of open pages.

import { isApple, isInstalled } from "./app.js";
import { isOn, maySound, rest, setOn, sound } from "./alarm_sound.js";
import { age } from "./clock.js";
import { Refused, forget, ownDevice, subscribe, unsubscribe } from "./subscription.js";

const WAIT_MS = 20_000;
const LOOK_MS = 700;

const panel = document.getElementById("this-phone");
const says = document.getElementById("this-phone-says");
says.textContent = "One moment…"; // until the browser has said what it can
const steps = document.getElementById("this-phone-steps");
const form = document.getElementById("this-phone-add");
const trust = document.getElementById("this-phone-trust");
const stop = document.getElementById("this-phone-stop");
const wrong = document.getElementById("this-phone-wrong");
const { house, member } = panel.dataset;
const isAndroid = /Android/.test(navigator.userAgent);

function show(words, { ways = [], canAdd = false, canStop = false, wantsTrust = false } = {}) {
  says.textContent = words;
  steps.replaceChildren(...ways.map((way) => Object.assign(document.createElement("li"), { textContent: way })));
  steps.hidden = !ways.length;
  form.hidden = !canAdd;
  stop.hidden = !canStop;
  trust.hidden = !wantsTrust;
}

function complain(error) {
  if (!(error instanceof Refused)) console.error(error);
  wrong.textContent = error instanceof Refused ? error.message : "Something went wrong here. Reload the page and try again.";
  wrong.hidden = false;
}

/** How to take back a refusal: a page cannot ask again. */
function howToAllow() {
  if (isApple) return ["Open the Settings of this device, then Notifications.", `Choose ${house}, and switch on Allow Notifications.`, "Come back and reload this page."];
  if (isAndroid) return ["Tap the symbol left of the address (in the app: press its icon long, then App info).", "Tap Permissions or Notifications, and allow notifications.", "Come back and reload this page."];
  return ["Click the symbol left of the address.", "Set Notifications to Allow.", "Reload this page."];
}

async function look() {
  wrong.hidden = true;
  if (!window.isSecureContext)
    return show("It cannot be told of events: browsers take pushes only from a house they trust, over HTTPS.", { wantsTrust: true });
  if (isApple && !isInstalled())
    return show("An iPhone or iPad is told of events only once the house is on its Home Screen.", {
      ways: ["In Safari, tap Share.", "Tap Add to Home Screen, then Add.", `Open ${house} from the Home Screen, sign in, and come back to this page.`],
    });
  if (!("serviceWorker" in navigator && "PushManager" in window && "Notification" in window))
    return show("This browser cannot be told of events. Chrome, Edge, Firefox and Safari can; an iPhone from iOS 16.4 on.");
  if (Notification.permission === "denied") return show("Notifications of this house are not allowed in this browser.", { ways: howToAllow() });
  const device = await ownDevice();
  if (!device) {
    const field = document.getElementById("this-phone-name");
    field.value ||= `${member}'s ${isApple ? "iPhone" : isAndroid ? "phone" : "computer"}`;
    return show("It is not told of events.", { canAdd: true });
  }
  const row = document.querySelector(`[data-phone="${device.id}"]`);
  if (!row) {
    await forget(); // removed elsewhere, or signed out meanwhile
    return look();
  }
  row.querySelector("[data-this]").hidden = false;
  return show(`It is told of events, as ${row.querySelector("strong").textContent}.`, { canStop: true });
}

form.addEventListener("submit", async (event) => {
  event.preventDefault();
  const button = form.querySelector("button");
  button.disabled = true;
  try {
    await subscribe(new FormData(form).get("name"));
    location.assign("/settings/notifications?phone=added#phones");
    if (location.search.includes("phone=added")) location.reload();
  } catch (error) {
    await look();
    complain(error);
    const field = document.getElementById("this-phone-name");
    field.toggleAttribute("aria-invalid", error.field === "name");
    if (error.field === "name") field.focus();
  }
  button.disabled = false;
});

stop.addEventListener("click", async () => {
  try {
    await unsubscribe();
    location.assign("/settings/notifications?phone=removed#phones");
    if (location.search.includes("phone=removed")) location.reload();
  } catch (error) {
    complain(error);
  }
});

// A test, and what came of it

const wait = (ms) => new Promise((resolve) => setTimeout(resolve, ms));

async function phoneNow(id) {
  const answer = await fetch("/api/v1/push/subscriptions", { headers: { Accept: "application/json" } });
  if (!answer.ok) throw new Error(String(answer.status));
  return (await answer.json()).subscriptions.find((one) => one.id === id);
}

/** Says on the line of a phone how it is. */
function sayOn(row) {
  const line = row.querySelector("[data-state]");
  return (words, mark) => {
    line.className = `state state-${{ ok: "live", bad: "failed" }[mark] ?? "unknown"}`;
    const use = line.querySelector("use");
    use.setAttribute("href", use.getAttribute("href").replace(/#.*/, `#${mark}`));
    line.querySelector("span").textContent = words;
  };
}

async function test(id, say) {
  say("Sending a test…", "unknown");
  const before = await phoneNow(id);
  const answer = await fetch("/api/v1/push/test", {
    method: "POST",
    headers: { "Content-Type": "application/json", Accept: "application/json" },
    body: JSON.stringify({ id }),
  });
  if (!answer.ok) return say((await answer.json()).detail, "bad");
  for (const end = performance.now() + WAIT_MS; performance.now() < end; await wait(LOOK_MS)) {
    const now = await phoneNow(id);
    if (!now) return say("This phone is not told any more: its push service does not know it.", "bad");
    if (now.state !== "ok") return say(now.sentence, "bad");
    if (now.shown_ts !== before.shown_ts) return say(`Shown after ${age(now.delay_ms ?? 0)}.`, "ok");
    if (now.accepted_ts !== before.accepted_ts) say("Its push service took it; waiting for the phone to show it…", "unknown");
  }
  const last = await phoneNow(id);
  if (last?.accepted_ts === before.accepted_ts) return say("Not sent yet: the internet may be away. It is tried again by itself.", "unknown");
  return say("Sent, but the phone does not say that it showed it. If you did see it, the phone cannot reach home from where it is.", "unknown");
}

for (const one of document.querySelectorAll("[data-test]")) {
  one.addEventListener("submit", async (event) => {
    event.preventDefault();
    const button = one.querySelector("button");
    const row = one.closest("[data-phone]");
    const say = sayOn(row);
    button.disabled = true;
    await test(Number(row.dataset.phone), say).catch(() => say("The box did not answer. What came of the test is not known; try again.", "bad"));
    button.disabled = false;
  });
}

// The sound of open pages

const box = document.getElementById("page-sound-on");
const heard = document.getElementById("page-sound-says");
document.getElementById("page-sound").hidden = false;
box.checked = isOn();
box.addEventListener("change", () => setOn(box.checked));
document.getElementById("page-sound-try").addEventListener("click", async () => {
  const may = await maySound();
  heard.textContent = may ? "This is how an alert sounds. An alarm goes on until somebody acknowledges it." : "This browser holds the sound back. Look at the sound symbol of its tab or address.";
  if (may) await sound("test", "ALERT", 0);
  rest();
});

look().catch(complain);
