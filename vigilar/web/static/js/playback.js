// The recorded player: opens an hour around a moment, knows which moment it shows, and goes on into the next hour.

import { fileOf, filePieces, loadHls, hasNative, watchRefused } from "./player.js";
import { momentAt, piecesOf, secondsAt } from "./timeline.js";

const HALF_MS = 30 * 60000; // before and after the moment; an hour is cut into segments of 2 s
const FILE_HALF_MS = 3 * 60000; // of one file, which the box reads whole before it sends the first of it
const EDGE_MS = 4000; // what is recorded now is on the disk, and the list of it final, this much later
const FAR_MS = 60000; // a gap that is jumped for who chose a moment in it; who plays is taken over any
const NEAR_MS = 6000; // less than this before the present, live shows more than another list would
const JUMP_MS = 1500; // a longer step between two pictures is a gap
const GUESS_S = 1 / 30; // a frame's length until one was seen
const STEP_WAIT_MS = 500; // for a jump that is on its way when a step is asked for
const SEEK_WAIT_MS = 60;
const MAX_TRIES = 45;
const MAX_SKIPS = 5;

export class Playback {
  /**
   * `actions`: `time(ms)` while it moves; `state("opening"|"ready"|"none"|"codec"|"network")`; `jump(from, to)` over a gap;
   * `skip(from, to)` over what cannot be read; `end(ms, known, isGoingOn)` when nothing is recorded from `ms` to
   * `known`, or nothing near enough for who chose `ms` and did not play up to it; `edge()` at the present.
   */
  constructor(video, camera, clock, actions) {
    Object.assign(this, { video, camera, clock, actions });
    this.pieces = () => [];
    this.shown = null; // UTC ms
    this.range = null;
    this.turn = 0;
    this.skips = 0;
    this.frameS = null;
    this.wantsFile = false; // this browser keeps nothing of the camera's pictures in pieces
    video.addEventListener("timeupdate", () => this.look());
    video.addEventListener("seeked", () => this.look());
    video.addEventListener("ended", () => this.ended());
    video.addEventListener("ratechange", () => (this.rate = video.playbackRate || this.rate));
    this.rate = 1;
    if (video.requestVideoFrameCallback) this.watchFrames();
  }

  get isPlaying() {
    return !this.video.paused && !this.video.ended;
  }

  /** Show `ms`, and go on from there if it `plays`. Within what is open that is a jump, else another hour is opened. */
  open(ms, { plays }) {
    this.wantsPlay = plays;
    this.skips = 0;
    this.isGoingOn = false;
    const seconds = this.range && ms >= this.range.from && ms < this.range.to ? secondsAt(this.pieces(), ms) : null;
    if (seconds !== null && this.isReady && !this.isFar(ms, seconds)) {
      this.shown = null;
      this.video.currentTime = seconds;
      if (plays) this.start();
      else this.video.pause();
      return;
    }
    this.load(ms);
  }

  async load(ms) {
    this.stop();
    const turn = ++this.turn;
    const half = this.wantsFile ? FILE_HALF_MS : HALF_MS;
    const from = Math.max(0, Math.round(ms - half));
    const to = Math.round(Math.min(ms + half, this.clock() - EDGE_MS));
    if (to <= ms) return this.actions.edge();
    this.range = { from, to };
    this.actions.state("opening");
    const url = `/footage/${this.camera}/index.m3u8?from=${from}&to=${to}`;
    if (this.wantsFile || hasNative(this.video)) return this.loadNative(url, ms, turn);
    const Hls = await loadHls().catch(() => null);
    if (turn !== this.turn) return;
    if (!Hls) return this.giveUp("network");
    if (!Hls.isSupported()) return this.actions.state("codec");
    const hls = new Hls({ enableWorker: false, autoStartLoad: false, maxBufferLength: 20, backBufferLength: 60, startFragPrefetch: true });
    this.hls = hls;
    hls.on(Hls.Events.LEVEL_LOADED, (_name, { details }) => {
      const isFirst = !this.details;
      this.details = details;
      if (!isFirst) return;
      this.pieces = () => this.details.fragments.map((one) => ({ start: one.start, duration: one.duration, at: one.programDateTime }));
      const seconds = secondsAt(this.pieces(), ms);
      if (seconds === null || this.isFar(ms, seconds)) return this.nothingBehind(ms);
      this.noteJump(ms, seconds);
      hls.startLoad(seconds);
      if (this.wantsPlay) this.start();
    });
    watchRefused(Hls, hls, this.video, () => turn === this.turn && this.useFile(ms));
    hls.on(Hls.Events.FRAG_BUFFERED, () => turn === this.turn && this.ready());
    hls.on(Hls.Events.ERROR, (_name, data) => data.fatal && turn === this.turn && this.failed(Hls, data));
    hls.loadSource(url);
    hls.attachMedia(this.video);
  }

  /** As one file from now on, from where it is. */
  useFile(ms) {
    this.wantsFile = true;
    this.load(this.shown ?? ms);
  }

  /** By the browser alone: the list, or the file of what it lists. */
  async loadNative(url, ms, turn) {
    try {
      const answer = await fetch(url);
      if (turn !== this.turn) return;
      if (answer.status === 404) return this.nothingBehind(ms);
      const text = await answer.text();
      const pieces = this.wantsFile ? filePieces(text, this.range.from) : piecesOf(text);
      if (turn !== this.turn) return;
      this.pieces = () => pieces;
    } catch {
      return turn === this.turn && this.actions.state("network");
    }
    const seconds = secondsAt(this.pieces(), ms);
    if (seconds === null || this.isFar(ms, seconds)) return this.nothingBehind(ms);
    this.noteJump(ms, seconds);
    this.video.preload = "auto"; // the page says "none", and so nothing would be asked for before somebody presses Play
    this.video.src = this.wantsFile ? fileOf(url) : url;
    this.video.addEventListener("error", () => turn === this.turn && this.actions.state(this.video.error?.code === 4 ? "codec" : "network"), { once: true });
    this.video.addEventListener("loadedmetadata", () => {
      this.video.currentTime = seconds;
      this.ready();
      if (this.wantsPlay) this.start();
    }, { once: true });
  }

  ready() {
    if (this.isReady) return;
    this.isReady = true;
    this.video.playbackRate = this.rate;
    this.actions.state("ready");
  }

  /** Whether what is recorded next begins so long after `ms` that who chose `ms` would not know where they are. */
  isFar(ms, seconds) {
    return !this.isGoingOn && momentAt(this.pieces(), seconds) - ms > FAR_MS;
  }

  noteJump(ms, seconds) {
    const at = momentAt(this.pieces(), seconds);
    if (at - ms > JUMP_MS) this.actions.jump(ms, at);
  }

  failed(Hls, data) {
    const isCodec = data.type === Hls.ErrorTypes.MEDIA_ERROR && /codec/i.test(data.details);
    if (isCodec) return this.giveUp("codec");
    if (data.response?.code === 404 && !this.details) return this.nothingBehind(this.range.from + HALF_MS);
    const { frag } = data;
    if (frag?.programDateTime && this.skips++ < MAX_SKIPS) {
      const behind = frag.programDateTime + frag.duration * 1000;
      this.actions.skip(frag.programDateTime, behind);
      this.isGoingOn = true;
      return this.load(behind + 1);
    }
    if (data.type === Hls.ErrorTypes.MEDIA_ERROR && this.skips++ < MAX_SKIPS) return this.hls.recoverMediaError();
    this.giveUp("network");
  }

  giveUp(state) {
    this.stop();
    this.actions.state(state);
  }

  nothingBehind(ms) {
    const { to } = this.range;
    const { isGoingOn } = this;
    this.stop();
    this.actions.end(ms, to, isGoingOn);
  }

  /** Let go of everything; the last picture goes with it. */
  stop() {
    this.turn++;
    this.hls?.destroy();
    this.hls = this.details = this.range = this.shown = null;
    this.isReady = false;
    this.pieces = () => [];
    if (this.video.hasAttribute("src")) {
      this.video.removeAttribute("src");
      this.video.load();
    }
  }

  start() {
    this.wantsPlay = true;
    this.video.play().catch(() => {}); // until there is something to play: then `canplay` follows
  }

  toggle() {
    this.wantsPlay = !this.isPlaying;
    if (this.isPlaying) this.video.pause();
    else this.start();
  }

  speed(rate) {
    this.rate = rate;
    this.video.playbackRate = rate;
  }

  /** The next picture (1) or the one before (-1), paused. */
  async step(direction) {
    const { video } = this;
    video.pause();
    this.wantsPlay = false;
    await this.frameOf(STEP_WAIT_MS);
    const before = this.mediaTime ?? video.currentTime;
    if (direction < 0) return this.seek(before - 0.001);
    let away = this.frameS ?? GUESS_S;
    for (let tries = 0; tries < MAX_TRIES; tries++, away += GUESS_S / 2) {
      await this.seek(before + away + 0.001);
      if (this.mediaTime === undefined) return;
      if (this.isFrameSeen && this.mediaTime > before + 0.0005) break;
    }
    // To its very start, so that the next step is a whole one: a player may show a picture a little early.
    if (Math.abs(this.mediaTime + 0.001 - video.currentTime) > 0.002) await this.seek(this.mediaTime + 0.001);
  }

  seek(seconds) {
    const { video } = this;
    return new Promise((resolve) => {
      video.addEventListener("seeked", () => this.frameOf(SEEK_WAIT_MS).then(resolve), { once: true });
      video.currentTime = Math.max(0, seconds);
    });
  }

  /** The picture of a seek comes a little after its event, if it is another one at all: wait for it so long. */
  async frameOf(waitMs) {
    const until = performance.now() + waitMs;
    while ((!this.isFrameSeen || this.video.seeking) && performance.now() < until) await new Promise((resolve) => setTimeout(resolve, 5));
  }

  watchFrames() {
    const { video } = this;
    video.addEventListener("seeking", () => (this.isFrameSeen = false));
    const seen = (_now, { mediaTime }) => {
      const apart = Math.abs(mediaTime - (this.mediaTime ?? mediaTime));
      if (this.isPlaying && apart > 0.002 && apart < 1.1) this.frameS = Math.min(this.frameS ?? apart, apart);
      this.mediaTime = mediaTime;
      this.isFrameSeen = true;
      video.requestVideoFrameCallback(seen);
    };
    video.requestVideoFrameCallback(seen);
  }

  look() {
    if (!this.isReady || this.video.seeking) return;
    const at = momentAt(this.pieces(), this.video.currentTime);
    if (at === null) return;
    if (this.isPlaying && this.shown !== null && at - this.shown > JUMP_MS + 1000 * this.rate) this.actions.jump(this.shown, at);
    this.shown = at;
    this.actions.time(at);
  }

  /** UTC ms of the picture that is shown; null while there is none. */
  frameMoment() {
    return this.isReady ? momentAt(this.pieces(), this.video.currentTime) : null;
  }

  ended() {
    const behind = (this.range?.to ?? this.clock()) + 1;
    if (behind > this.clock() - EDGE_MS - NEAR_MS) this.actions.edge();
    else {
      this.isGoingOn = true;
      this.load(behind);
    }
  }
}
