// One live socket a browser, whatever the number of its windows: the window somebody turned to last has it, the others
// show the same pictures by short requests. Beside it only the event stream is long-lived (stream.js).

const me = Math.random().toString(36).slice(2);
const channel = new BroadcastChannel("vigilar-live");

let owner = null; // the window that has the socket, as far as is known
// The newest claim that is known. Two that cross on their way are told apart by it: else each window yields to the other.
let newest = { at: 0, id: "" };
const isNewer = ({ at, id }) => at > newest.at || (at === newest.at && id > newest.id);
let onChange = () => {};
let wanted = false;

export const mayOpen = () => owner === me;

function set(next) {
  const had = owner === me;
  owner = next;
  if (had !== (owner === me)) onChange();
}

/** Want the socket; `changed` is called when it comes or goes. */
export function want(changed) {
  onChange = changed;
  wanted = true;
  if (!document.hidden) claim();
}

export function claim() {
  if (!wanted || owner === me) return;
  newest = { at: Math.max(Date.now(), newest.at + 1), id: me };
  channel.postMessage({ kind: "claim", ...newest });
  set(me);
}

/** Let it go, so that another window may have it. */
export function release() {
  if (owner !== me) return;
  channel.postMessage({ kind: "free" });
  set(null);
}

channel.onmessage = ({ data }) => {
  if (data.kind === "claim" && isNewer(data)) {
    newest = { at: data.at, id: data.id };
    set(data.id);
  }
  if (data.kind === "free" && wanted && !document.hidden) {
    owner = null;
    setTimeout(() => owner === null && !document.hidden && claim(), 50 + Math.random() * 250);
  }
};
addEventListener("focus", claim);
document.addEventListener("visibilitychange", () => (document.hidden ? release() : claim()));
addEventListener("pagehide", release);
addEventListener("pageshow", (event) => event.persisted && claim());
