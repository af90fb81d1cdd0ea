// Live video over a WebSocket into a Media Source player: full quality, with sound if asked for, a little behind now.

import { heard } from "./clock.js";

const Source = window.ManagedMediaSource ?? window.MediaSource;

export const canPlay = () => Boolean(Source && "WebSocket" in window);

const HOLD_S = 0.2; // behind the newest picture: as much as arrival in a house shakes
const SKIP_S = 0.9; // further behind than this is skipped, less is played away a little faster
const KEEP_S = 20;
const LOOK_MS = 200;
const OPEN_MS = 6000;
const QUIET_MS = 4000;

/**
 * Play the live pictures of `url` (`/live/<id>/ws`). Hooks: `onStart(start)` with what the box sends, `onPlaying()`,
 * `onSkipped()`, `onEnd(why)` once: "codec", "quiet", "problem" (with its sentence), "closed".
 * Returns `{ stop, frameTime }`: `frameTime()` is UTC ms of the shown picture, or null.
 */
export function watch(video, url, hooks = {}) {
  const address = new URL(url, location.href);
  address.protocol = address.protocol === "https:" ? "wss:" : "ws:";
  const socket = new WebSocket(address);
  socket.binaryType = "arraybuffer";
  let source = null;
  let buffer = null;
  let queue = [];
  let anchor = null; // which moment of the video is which of the clock
  let isPlaying = false;
  let isEnded = false;
  let heardAt = performance.now();

  const end = (why, sentence = "") => {
    if (isEnded) return;
    isEnded = true;
    clearInterval(timer);
    socket.onmessage = socket.onclose = null;
    socket.close();
    hooks.onEnd?.(why, sentence);
    letGo();
  };

  /** The picture goes from the element: whoever wants to keep the last one has taken it by now. */
  function letGo() {
    video.removeEventListener("error", failed);
    if (video.src) URL.revokeObjectURL(video.src);
    video.removeAttribute("src");
    video.load();
  }
  const failed = () => end("media");

  /** A camera that begins anew has another clock and perhaps another format: a new source takes its pictures. */
  function begin(start) {
    heard(start.now);
    const type = `video/mp4; codecs="${start.codec}"`;
    if (!Source.isTypeSupported(type)) return end("codec", start.codec);
    if (source) hooks.onRestart?.();
    queue = [];
    anchor = null;
    buffer = null;
    isPlaying = false;
    const mine = (source = new Source());
    if (video.src) URL.revokeObjectURL(video.src);
    video.disableRemotePlayback = true; // Safari's managed source asks for it
    video.src = URL.createObjectURL(mine);
    mine.addEventListener(
      "sourceopen",
      () => {
        if (mine !== source || isEnded) return;
        mine.duration = Infinity;
        buffer = mine.addSourceBuffer(type);
        buffer.addEventListener("updateend", pump);
        pump();
      },
      { once: true },
    );
    hooks.onStart?.(start);
    video.play().catch(() => {}); // muted video may always play; with sound a click came before
  }

  function pump() {
    if (isEnded || !buffer || buffer.updating) return;
    chase();
    try {
      const ranges = buffer.buffered;
      if (ranges.length && video.currentTime - ranges.start(0) > KEEP_S * 2) return buffer.remove(0, video.currentTime - KEEP_S);
      if (!queue.length) return;
      const whole = new Uint8Array(queue.reduce((sum, one) => sum + one.byteLength, 0));
      let at = 0;
      for (const one of queue) {
        whole.set(new Uint8Array(one), at);
        at += one.byteLength;
      }
      queue = [];
      buffer.appendBuffer(whole);
    } catch {
      end("media");
    }
  }

  function chase() {
    const { buffered } = video;
    if (!buffered.length || video.seeking) return;
    const last = buffered.length - 1;
    const ahead = buffered.end(last) - video.currentTime;
    if (ahead > SKIP_S || ahead < 0 || video.currentTime < buffered.start(last)) {
      video.currentTime = Math.max(buffered.start(last), buffered.end(last) - HOLD_S);
      video.playbackRate = 1;
    } else video.playbackRate = ahead > HOLD_S + 0.15 ? 1.08 : ahead < HOLD_S / 3 ? 0.95 : 1;
    if (video.paused && !document.hidden) video.play().catch(() => {});
  }

  socket.onmessage = ({ data }) => {
    heardAt = performance.now();
    if (typeof data !== "string") {
      queue.push(data);
      return pump();
    }
    const said = JSON.parse(data);
    if (said.type === "start") begin(said);
    else if (said.type === "time") {
      heard(said.now);
      anchor = said;
    } else if (said.type === "skipped") hooks.onSkipped?.();
    else if (said.type === "problem") end("problem", said.error);
  };
  socket.onclose = () => end("closed");
  video.addEventListener("error", failed);

  const timer = setInterval(() => {
    const quiet = performance.now() - heardAt;
    if (quiet > (source ? QUIET_MS : OPEN_MS)) return end("quiet");
    chase();
    if (!isPlaying && video.readyState >= 2 && anchor) {
      isPlaying = true;
      hooks.onPlaying?.();
    }
  }, LOOK_MS);
  video.requestVideoFrameCallback?.(function shown() {
    if (isEnded) return;
    if (anchor && !isPlaying) {
      isPlaying = true;
      hooks.onPlaying?.();
    } else if (!isPlaying) video.requestVideoFrameCallback(shown);
  });

  return {
    stop: () => {
      hooks.onEnd = null;
      end("stopped");
    },
    frameTime: () => (anchor && video.readyState >= 2 ? anchor.utc + (video.currentTime - anchor.at) * 1000 : null),
  };
}
