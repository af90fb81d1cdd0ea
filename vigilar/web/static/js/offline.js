// Can't reach home: when it was last heard, what may be the cause, and a try every few seconds. Imports nothing: it must
// run when there is nobody to ask for anything.

const EVERY_MS = 3000;
const ANSWER_MS = 2500;
const zone = document.documentElement.dataset.zone;
const { why } = document.body.dataset;

const guess = document.getElementById("guess");
const trying = document.getElementById("trying");
const again = document.getElementById("again");
const isItself = location.pathname === "/offline"; // somebody typed it
again.href = isItself ? "/" : location.href;

function lastWord() {
  let heard = 0;
  try {
    heard = Number(localStorage.getItem("vigilar.heard"));
  } catch {
    // Storage is switched off.
  }
  if (!heard) return;
  const clock = new Intl.DateTimeFormat("en-GB", { timeStyle: "short", hourCycle: "h23", timeZone: zone });
  const day = new Intl.DateTimeFormat("en-GB", { day: "numeric", month: "long", timeZone: zone });
  const isToday = day.format(heard) === day.format(Date.now());
  document.getElementById("last-word").textContent = `Last word was ${isToday ? "" : `on ${day.format(heard)} at `}${clock.format(heard)}.`;
}

function say() {
  const kind = navigator.connection?.type;
  if (why === "starting") guess.textContent = "The box is there and still starting. This page goes on by itself.";
  else if (!navigator.onLine) guess.textContent = "This device has no network: no Wi-Fi and no mobile data.";
  else if (kind === "cellular") guess.textContent = "This device is on mobile data. Not at home? Turn on your VPN. At home: switch on its Wi-Fi.";
  else guess.textContent = "Not at home? Turn on your VPN. At home: is the box on, and this device in its network?";
}

async function isBack() {
  try {
    const answer = await fetch("/healthz", { cache: "no-store", signal: AbortSignal.timeout(ANSWER_MS) });
    return answer.ok;
  } catch {
    return false;
  }
}

let isGoing = false;
async function look() {
  if (isGoing) return;
  say();
  if (await isBack()) {
    isGoing = true;
    trying.textContent = "Home answers again.";
    if (isItself) location.replace("/");
    else location.reload();
  } else trying.textContent = "Trying again every few seconds.";
}

lastWord();
look();
setInterval(() => document.hidden || look(), EVERY_MS);
addEventListener("online", look);
document.addEventListener("visibilitychange", () => document.hidden || look());
again.addEventListener("click", (event) => {
  event.preventDefault();
  trying.textContent = "Trying…";
  look();
});
