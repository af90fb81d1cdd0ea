// HLS in a video element: the browser's own where it has it, else hls.js (loaded only then).

import { momentAt, piecesOf, secondsAt } from "./timeline.js";

const assets = document.documentElement.dataset.assets;

export const hasNative = (video) => video.canPlayType("application/vnd.apple.mpegurl") !== "" && !("MediaSource" in window);

let loading = null;
let failures = 0;
/** hls.js. Rejects when the box does not answer with it; asked again later, it is loaded then. */
export function loadHls() {
  // Browsers keep that an address could not be loaded as long as the page is open: another try needs another address.
  loading ??= import(`${assets}vendor/hls.light.min.mjs${failures ? `?try=${failures}` : ""}`).then(
    (module) => module.default,
    (error) => {
      loading = null;
      failures += 1;
      throw error;
    },
  );
  return loading;
}

/**
 * Calls `onRefused` when what hls.js put into `video` is not there. Of pictures that are never whole (a camera that renews
 * them by and by) browsers keep nothing that comes in pieces, and say nothing; the same as one file they do play.
 */
export function watchRefused(Hls, hls, video, onRefused) {
  hls.on(Hls.Events.FRAG_BUFFERED, (_name, { frag }) => {
    if (frag.sn === "initSegment") return;
    const { buffered } = video;
    for (let index = 0; index < buffered.length; index++) {
      if (buffered.start(index) < frag.start + frag.duration && buffered.end(index) > frag.start) return;
    }
    onRefused();
  });
}

/** The address of the file that has what a playlist of ours lists. */
export const fileOf = (url) => url.replace("index.m3u8", "clip.mp4");

/** What a player of the file shows when: the file begins at `from` (UTC ms), and with the picture before it. */
export function filePieces(playlist, from) {
  const pieces = piecesOf(playlist);
  const lead = pieces.length ? Math.max(0, from - pieces[0].at) / 1000 : 0;
  return pieces.map((one) => ({ ...one, start: one.start - lead }));
}

const LIVE = {
  liveSyncDuration: 1.5,
  liveMaxLatencyDuration: 8,
  backBufferLength: 2,
  maxBufferLength: 8,
};
const CLIP = { startPosition: 0, backBufferLength: 120, maxBufferLength: 20 };

const SPARE_S = 1; // with 0.8 a video halts for a moment every ten seconds: playlist and segments drift through one another
const SPARE_OVER_MS = 3000; // more than a segment and a look at the playlist
const SKIP_S = 2;

/**
 * Keeps a live video near its edge, whatever the length of its segments: the least that lay ready ahead during the last
 * seconds was never needed, so it is played away a little faster, or skipped when it is much. Returns a function to end it.
 */
function stayNear(video) {
  let seen = [];
  const timer = setInterval(() => {
    const { buffered, currentTime } = video;
    if (video.paused && !document.hidden) video.play().catch(() => {}); // some browsers halt one to save power
    if (video.paused || video.seeking || !buffered.length) return (seen = []);
    const now = performance.now();
    seen = seen.filter((one) => now - one.at < SPARE_OVER_MS);
    seen.push({ at: now, ahead: buffered.end(buffered.length - 1) - currentTime });
    const spare = Math.min(...seen.map((one) => one.ahead));
    const isSure = now - seen[0].at > SPARE_OVER_MS - 500;
    video.playbackRate = isSure && spare > SPARE_S ? 1.1 : 1;
    if (isSure && spare > SKIP_S) {
      video.currentTime = currentTime + spare - SPARE_S;
      seen = [];
    }
  }, 250);
  return () => clearInterval(timer);
}

/**
 * Play `url` in `video`, from the moment `startAt` (UTC ms) on if it is told; then the range begins at `from`. `onFail(words)`
 * is called once, when it cannot go on. `isWanted()` is asked once hls.js is there: by then the element may be another
 * one's, and is left alone.
 * Returns `{ stop, frameTime }`, null when it was not wanted any more: `frameTime()` is UTC ms of the shown frame by the
 * box's stamps, or null.
 */
export async function play(video, url, { isLive = false, startAt = null, from = null, onFail = () => {}, isWanted = () => true } = {}) {
  if (hasNative(video)) return playNative(video, url, startAt, onFail);
  const Hls = await loadHls();
  if (!isWanted()) return null;
  if (!Hls.isSupported()) {
    onFail("This browser cannot play it.");
    return { stop() {}, frameTime: () => null };
  }
  const hls = new Hls({ enableWorker: false, ...(isLive ? LIVE : CLIP), autoStartLoad: startAt === null });
  let repairs = 0;
  let stopped = false;
  const letGo = isLive ? stayNear(video) : () => {};
  const stop = () => {
    if (stopped) return;
    stopped = true;
    letGo();
    hls.destroy();
    video.removeAttribute("src");
    video.load();
  };
  const fail = (words) => {
    onFail(words); // first: whoever keeps the last picture takes it out of the element now
    stop();
  };
  hls.on(Hls.Events.ERROR, (_name, data) => {
    if (!data.fatal || stopped) return;
    if (data.type === Hls.ErrorTypes.MEDIA_ERROR && isCodec(data.details)) return fail("codec");
    if (data.type === Hls.ErrorTypes.MEDIA_ERROR && repairs++ < 2) return hls.recoverMediaError();
    fail(data.type === Hls.ErrorTypes.NETWORK_ERROR ? "network" : "media");
  });
  let file = null;
  if (from !== null) {
    watchRefused(Hls, hls, video, () => {
      if (stopped) return;
      stop();
      file = playFile(video, url, from, startAt, onFail);
    });
  }
  if (startAt !== null) {
    hls.once(Hls.Events.LEVEL_LOADED, (_name, { details }) => {
      const pieces = details.fragments.map((one) => ({ start: one.start, duration: one.duration, at: one.programDateTime }));
      hls.startLoad(secondsAt(pieces, startAt) ?? 0);
    });
  }
  hls.loadSource(url);
  hls.attachMedia(video);
  return {
    stop: () => (file ? file.stop() : stop()),
    frameTime: () => (file ? file.frameTime() : (hls.playingDate?.getTime() ?? null)),
  };
}

function playFile(video, url, from, startAt, onFail) {
  let pieces = [];
  let stopped = false;
  const failed = () => onFail(video.error?.code === 4 ? "codec" : "network");
  const stop = () => {
    stopped = true;
    video.removeEventListener("error", failed);
    video.removeAttribute("src");
    video.load();
  };
  const begin = async () => {
    pieces = filePieces(await (await fetch(url)).text(), from);
    if (stopped) return;
    video.addEventListener("error", failed, { once: true });
    video.src = fileOf(url);
    video.currentTime = secondsAt(pieces, startAt) ?? 0; // before its head is there: then it begins so
  };
  begin().catch(() => stopped || onFail("network"));
  return { stop, frameTime: () => momentAt(pieces, video.currentTime) };
}

const isCodec = (details) => /codec/i.test(details);

function playNative(video, url, startAt, onFail) {
  video.src = url;
  const toStart = () => {
    const began = video.getStartDate?.().getTime();
    if (startAt !== null && began) video.currentTime = Math.max(0, (startAt - began) / 1000);
  };
  video.addEventListener("loadedmetadata", toStart, { once: true });
  const failed = () => onFail(video.error?.code === 4 ? "codec" : "network");
  video.addEventListener("error", failed, { once: true });
  const stop = () => {
    video.removeEventListener("error", failed);
    video.removeAttribute("src");
    video.load();
  };
  return { stop, frameTime: () => (video.getStartDate ? video.getStartDate().getTime() + video.currentTime * 1000 : null) };
}
