// Pictures under the finger: sheets of small stored pictures, fetched for what the strip shows, and the exact one for
// where the finger rests. What is in memory is drawn at once.

const COUNT = 100; // pictures of a sheet: 0.4 MB at most
const BUCKETS = [600_000, 3_600_000, 21_600_000, 86_400_000]; // what a sheet covers, ms
const KEPT = 12; // sheets
const ASKED_AGAIN_MS = 20_000; // a sheet that reaches into the present grows
const FAILED_AGAIN_MS = 3000; // one that a busy box did not answer, when it is wanted again
const EXACT = 40; // pictures kept of those fetched one by one
const STALE_MS = 60_000;

export class Thumbs {
  constructor(camera, clock) {
    this.camera = camera;
    this.clock = clock; // UTC ms by the box
    this.sheets = new Map();
    this.exact = new Map();
    this.wanted = null;
    this.isAsking = false;
    this.hasNone = false;
  }

  /** Have sheets for what is in sight. */
  want(from, to) {
    const bucket = BUCKETS.find((one) => one >= (to - from) / 2) ?? BUCKETS.at(-1);
    for (let at = Math.floor(from / bucket) * bucket; at < Math.min(to, this.clock()); at += bucket) this.ask(at, bucket);
  }

  async ask(from, length) {
    const key = `${from}+${length}`;
    const known = this.sheets.get(key);
    const againMs = known?.hasFailed ? FAILED_AGAIN_MS : from + length > this.clock() ? ASKED_AGAIN_MS : Infinity;
    if (known && this.clock() - known.asked <= againMs) return;
    const sheet = known ?? { taken: [] };
    sheet.asked = this.clock();
    sheet.hasFailed = false;
    this.sheets.delete(key);
    this.sheets.set(key, sheet);
    for (const old of this.sheets.keys()) {
      if (this.sheets.size <= KEPT) break;
      this.sheets.delete(old);
    }
    try {
      const answer = await fetch(`/footage/${this.camera}/thumbs.jpg?from=${from}&to=${from + length}&n=${COUNT}`);
      sheet.hasFailed = answer.status >= 500;
      if (!answer.ok) return;
      const layout = JSON.parse(answer.headers.get("X-Sheet"));
      sheet.image = await createImageBitmap(await answer.blob());
      Object.assign(sheet, layout);
    } catch {
      sheet.hasFailed = true;
    }
  }

  /** The nearest picture in memory at or before `ms`: `{ taken, draw(pen) }`, null without one. */
  near(ms) {
    let best = null;
    for (const [taken, image] of this.exact) {
      if (taken <= ms && (!best || taken > best.taken)) best = { taken, image, from: [0, 0], size: [image.width, (image.width * 9) / 16] };
    }
    for (const sheet of this.sheets.values()) {
      let index = -1;
      for (let one = 0; one < sheet.taken.length && sheet.taken[one] <= ms; one++) index = one;
      if (index < 0 || (best && best.taken >= sheet.taken[index])) continue;
      const [wide, high] = sheet.tile;
      const from = [(index % sheet.columns) * wide, Math.floor(index / sheet.columns) * high];
      best = { taken: sheet.taken[index], image: sheet.image, from, size: sheet.picture };
    }
    return best;
  }

  /** Draw the nearest at or before `ms` into `canvas`; the time it was taken, null when there is none. */
  draw(canvas, ms) {
    const found = this.near(ms);
    if (!found) return null;
    const pen = canvas.getContext("2d");
    const [wide, high] = found.size;
    pen.drawImage(found.image, ...found.from, wide, high, 0, 0, canvas.width, canvas.height);
    return found.taken;
  }

  /** Fetch the exact picture of `ms`, then call `done()`. One is on its way at a time; the newest wish counts. */
  async sharpen(ms, done) {
    this.wanted = { ms, done };
    if (this.isAsking) return;
    this.isAsking = true;
    while (this.wanted) {
      const { ms: at, done: tell } = this.wanted;
      this.wanted = null;
      if (await this.fetchExact(at)) tell();
    }
    this.isAsking = false;
  }

  async fetchExact(ms) {
    const known = this.near(ms);
    if (known && ms - known.taken < 1000) return false;
    try {
      const answer = await fetch(`/footage/${this.camera}/thumb.jpg?at=${Math.round(ms)}`);
      this.hasNone = answer.status === 404;
      if (!answer.ok) return false;
      const taken = Number(answer.headers.get("X-Timestamp"));
      this.exact.set(taken, await createImageBitmap(await answer.blob()));
      if (this.exact.size > EXACT) this.exact.delete(this.exact.keys().next().value);
      return true;
    } catch {
      return false;
    }
  }
}

/** Whether a picture is too old to stand for `ms` without saying so. */
export const isStale = (taken, ms) => ms - taken > STALE_MS;
