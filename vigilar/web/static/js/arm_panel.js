// Arming and disarming without a reload: the pad, the countdown, and the state as it is now. One of it in a document, as
// the page `/arm` or in the sheet that opens from the chip of any page.

import { now } from "./clock.js";
import { putInPlace, questions } from "./fresh.js";
import { parse } from "./parse.js";
import { stream } from "./stream.js";

const SPOKEN_S = new Set([60, 30, 10, 5]);
const isStill = matchMedia("(prefers-reduced-motion: reduce)");
const line = document.getElementById("announce");
const region = () => document.getElementById("arm-now");

/** The page as the box has it now. Rejects when the box does not answer, or answers with something else. */
export async function fetchPage() {
  const answer = await fetch("/arm", { headers: { Accept: "text/html" } });
  const page = parse(await answer.text());
  if (!answer.ok || !page.getElementById("arm-now")) throw new Error(`${answer.status}`);
  return page;
}

let heardChange = 0; // of the newest state that the stream told
const ask = questions();
const drawn = new Map(); // id of a part -> how the box drew it, before anything here changed it

/**
 * Put the box's newest state in place of the one shown; what stands as the box would draw it now stays untouched. What
 * somebody is typing, has chosen or is on stays, and why something was refused until the state is another: the stream
 * may come up, or come back, right after those words were said.
 */
async function refresh() {
  if (!region()) return;
  const mayTake = ask();
  const page = await fetchPage().catch(() => null);
  if (!page) return; // The bar says that the box does not answer; what stands here was true then.
  // Of two answers on their way the older one may come last, and somebody may have closed the sheet meanwhile.
  const change = Number(page.getElementById("arm-now").dataset.change);
  if (!region() || change < Number(region().dataset.change) || !mayTake()) return;
  replace(document.getElementById("arm-history"), page.getElementById("arm-history"));
  if (!replace(region(), page.getElementById("arm-now"))) return;
  if (!region().closest("dialog")) document.title = page.title;
  liven();
}

/** True if `fresh`, as the box drew it, is in the place of `old` now: it is another. */
function replace(old, fresh) {
  if (!fresh || !old || drawn.get(old.id) === fresh.outerHTML) return false;
  drawn.set(old.id, fresh.outerHTML);
  putInPlace(old, fresh, keepChosen);
  return true;
}

function keepChosen(old, fresh) {
  for (const field of ["#pin", "#delay"]) {
    const [was, is] = [old.querySelector(field), fresh.querySelector(field)];
    if (was && is) is.value = was.value;
  }
  // Who said "anyway" saw a list of what is not ready, and meant no other.
  const [was, is] = [old, fresh].map((part) => part.querySelector("[name=override]"));
  const listOf = (part) => part.querySelector(".todo")?.textContent;
  if (was && is && listOf(old) === listOf(fresh)) is.checked = was.checked;
  const told = old.querySelector("#arm-problem");
  if (told && fresh.dataset.change === old.dataset.change) fresh.querySelector("#arm-problem").replaceWith(document.adoptNode(told));
}

function say(words) {
  const problem = document.getElementById("arm-problem");
  if (!problem) return;
  problem.querySelector("span").textContent = words;
  problem.querySelector("button")?.remove();
  problem.hidden = !words;
}

/** Why not. How long to wait stands below the pad, where it counts down. */
function refusal(told) {
  if (told.type === "pin.wait") return "Too many wrong PINs.";
  return told.tries_left === 0 ? "Wrong PIN, for the third time." : told.detail;
}

/** Beside what is not ready stands the button that arms all the same: one tap, and no box to find and tick first. */
function offerAnyway(body) {
  const problem = document.getElementById("arm-problem");
  if (!problem) return; // the sheet was closed meanwhile
  const button = Object.assign(document.createElement("button"), {
    type: "button",
    id: "arm-anyway",
    className: "btn btn-outline",
    textContent: "Arm anyway",
  });
  button.addEventListener("click", () => post({ ...body, override: true }));
  problem.append(button);
  button.focus();
}

function send(form, submitter) {
  if (form.id === "longer") return void post({}, "/api/v1/arm/longer");
  const body = { mode: submitter?.name === "mode" ? submitter.value : form.elements.mode.value };
  const pin = form.querySelector("#pin");
  if (pin) {
    body.pin = pin.value;
    pin.value = "";
  }
  const anyway = form.querySelector("[name=override]");
  if (anyway?.checked) {
    body.override = true;
    anyway.checked = false;
  }
  const delay = form.querySelector("#delay");
  if (delay?.value) {
    body.delay_s = Number(delay.value);
    delay.value = "";
  }
  post(body);
}

const asking = questions();
async function post(body, address = "/api/v1/arm") {
  const mayTell = asking();
  let words = "";
  let isUnready = false;
  let state = null;
  try {
    const answer = await fetch(address, {
      method: "POST",
      headers: { "Content-Type": "application/json", Accept: "application/json" },
      body: JSON.stringify(body),
    });
    const told = await answer.json();
    if (answer.ok) state = told;
    else {
      words = refusal(told);
      isUnready = told.type === "arm.not_ready";
    }
  } catch {
    words = "This box did not answer. Nothing is known to have changed: look again.";
  }
  await refresh();
  if (!mayTell()) return; // what was sent after it has been answered
  say(words);
  if (state && address !== "/api/v1/arm") line.textContent = "A minute more to leave.";
  if (isUnready) offerAnyway(body);
  else if (words) document.getElementById("pin")?.focus();
  region()?.dispatchEvent(new CustomEvent("arm-sent", { bubbles: true, detail: state }));
}

/** Disarm with the phone's own unlock, in place of a PIN that has to be remembered. */
async function usePasskey() {
  try {
    const headers = { "Content-Type": "application/json", Accept: "application/json" };
    const answer = await fetch("/api/v1/arm/passkey", { method: "POST", headers, body: "{}" });
    const told = await answer.json();
    if (!answer.ok) return say(told.detail);
    const { prove } = await import("./passkey_wire.js");
    await post({ mode: "disarmed", passkey: { challenge: told.challenge, credential: await prove(told.options) } });
  } catch (error) {
    // A person who changed their mind is no error.
    say(error.name === "NotAllowedError" ? "No passkey was given." : "That did not work. Use your PIN.");
  }
}

/** Bring the region to life, which the box has just drawn. */
export function begin() {
  for (const id of ["arm-now", "arm-history"]) drawn.set(id, document.getElementById(id)?.outerHTML);
  liven();
  if (Number(region().dataset.change) < heardChange) refresh(); // another state was told while this one was on its way
}

function liven() {
  for (const form of region().querySelectorAll("form")) {
    form.addEventListener("submit", (event) => {
      event.preventDefault();
      send(form, event.submitter);
    });
  }
  const passkey = document.getElementById("arm-passkey");
  if (passkey && window.isSecureContext && window.PublicKeyCredential) {
    passkey.hidden = false;
    passkey.addEventListener("click", usePasskey);
  }
  const pad = document.getElementById("pad");
  const pin = document.getElementById("pin");
  if (pad && pin) {
    pad.hidden = false;
    document.getElementById("disarm-button").hidden = true;
    pad.addEventListener("click", ({ target }) => {
      const { digit, clear } = target.dataset;
      if (digit !== undefined && pin.value.length < pin.maxLength) pin.value += digit;
      if (clear !== undefined) pin.value = "";
    });
    pin.addEventListener("keydown", (event) => {
      if (event.key === "Escape") pin.value = "";
    });
  }
  tick();
}

/** The ring around a countdown: what is left of it. Whole and still for who wants no motion: the number says it all. */
function draw(shown) {
  const ring = shown.closest(".ring");
  ring.classList.add("is-counting");
  const from = Number(shown.dataset.from);
  const until = Number(shown.dataset.until);
  const gone = isStill.matches || !from ? 0 : Math.min(1, Math.max(0, (now() - from) / (until - from)));
  ring.querySelector(".ring-left").setAttribute("stroke-dashoffset", gone.toFixed(4));
}

let spoken = null;
function tick() {
  for (const shown of document.querySelectorAll("#arm-now [data-until]")) {
    const left = Math.max(0, Math.ceil((Number(shown.dataset.until) - now()) / 1000));
    shown.textContent = `${left} s`;
    if (!shown.classList.contains("countdown")) {
      shown.parentElement.hidden = left === 0;
      continue;
    }
    draw(shown);
    if (SPOKEN_S.has(left) && spoken !== left) {
      spoken = left;
      line.textContent = `${left} seconds`;
    }
  }
}

setInterval(tick, 250);
stream.addEventListener("arm", ({ detail }) => {
  heardChange = Math.max(heardChange, detail.change);
  if (region() && detail.change !== Number(region().dataset.change)) refresh();
});
stream.addEventListener("up", refresh);
