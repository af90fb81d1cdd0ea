// What an alert and an alarm sound like: made of tones here, so that nothing has to be loaded when it matters. Browsers
// let a page sound only after somebody has touched it; whether this one may is asked, never assumed.

const SET = "vigilar.sound";
const MAY_WAIT_MS = 150;
const WAKE_MS = 10_000; // a busy machine takes its time to wake a sound that the browser allows
const ALARM_MS = 120_000; // then a house that nobody is in is quiet again; the bar stays
const GAP_S = 0.02;
const LOUD = 0.35;

const CHIME = [
  [659, 0.18],
  [880, 0.18],
  [1175, 0.42],
];
const SIREN = [
  [932, 0.45],
  [699, 0.45],
];

let context = null;
let playing = null;
let asking = 0; // how many wait to hear whether this page may sound

/** Dispatches `woke` when the sound is there after all: a busy machine may wake it after nobody waits any more. */
export const late = new EventTarget();

export const isOn = () => localStorage.getItem(SET) !== "off";
export const setOn = (on) => localStorage.setItem(SET, on ? "on" : "off");

/** How long it sounds at most, in ms. */
export const lasts = (severity) => (severity === "CRITICAL" ? ALARM_MS : 1000);

/** Whether the browser lets this page sound now, which is known after `waitMs` at the latest. Wakes the sound if so. */
export async function maySound(waitMs = MAY_WAIT_MS) {
  context ??= make();
  if (context.state === "running") return true;
  const woken = context.resume().catch(() => {});
  asking += 1;
  await Promise.race([woken, new Promise((resolve) => setTimeout(resolve, waitMs))]);
  asking -= 1;
  return context.state === "running";
}

function make() {
  const made = new AudioContext();
  made.addEventListener("statechange", () => made.state === "running" && late.dispatchEvent(new Event("woke")));
  return made;
}

/** Let go of the sound card until the next time, unless something sounds or is about to. One that is not awake holds none,
 * and may wake yet. */
export function rest() {
  if (playing || asking || context?.state !== "running") return;
  context.close().catch(() => {});
  context = null;
}

function tone(hertz, at, length) {
  const source = new OscillatorNode(context, { type: "triangle", frequency: hertz });
  const volume = new GainNode(context, { gain: 0 });
  volume.gain.setValueAtTime(0, at);
  volume.gain.linearRampToValueAtTime(LOUD, at + 0.015);
  volume.gain.setValueAtTime(LOUD, at + length - 0.05);
  volume.gain.linearRampToValueAtTime(0, at + length);
  source.connect(volume).connect(context.destination);
  source.start(at);
  source.stop(at + length);
  return source;
}

/** Play the tones; resolves with the last of them. */
function play(tones, stopped) {
  let at = context.currentTime + GAP_S;
  const sources = [];
  for (const [hertz, length] of tones) {
    sources.push(tone(hertz, at, length));
    at += length;
  }
  return new Promise((resolve) => {
    sources.at(-1).onended = resolve;
    stopped.addEventListener("abort", () => {
      for (const one of sources) one.stop();
      resolve();
    });
  });
}

/** Sound for `story` until it is over, or `silence` is called, or `until` (ms of Date.now) has come. An alarm that sounds
 * already is louder than an alert that comes to it. */
export async function sound(story, severity, until) {
  if (playing?.severity === "CRITICAL" && severity !== "CRITICAL") return;
  silence();
  const stop = new AbortController();
  const mine = (playing = { story, severity, stop }); // from here on nobody lets go of the sound card (`rest`)
  if ((await maySound(WAKE_MS)) && !stop.signal.aborted) {
    if (severity !== "CRITICAL") await play(CHIME, stop.signal);
    else while (!stop.signal.aborted && Date.now() < until) await play(SIREN, stop.signal);
  }
  if (playing === mine) {
    playing = null;
    rest();
  }
}

/** Be silent of `story`; without one, of all. */
export function silence(story) {
  if (!playing || (story && playing.story !== story)) return;
  playing.stop.abort();
  playing = null;
}
