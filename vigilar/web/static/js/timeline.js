// Where moments lie on the strip, and what is there. Pure: no page, no drawing, times in UTC ms, places in pixels.

const SECOND = 1000;
const MINUTE = 60 * SECOND;
const HOUR = 60 * MINUTE;

export const SHORTEST = 10 * SECOND;
export const LONGEST = 25 * HOUR; // the longest day of a house
const TICK_PX = 64; // room for `02:15 CEST`, and for a finger to tell two apart
const STEPS = [1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 10800, 21600].map((s) => s * SECOND);

/** What a strip of `width` pixels shows: [from, to). Never changed, always made anew. */
export class View {
  constructor(from, to, width) {
    this.from = from;
    this.to = to;
    this.width = Math.max(1, width);
  }

  get span() {
    return this.to - this.from;
  }

  xOf(ms) {
    return ((ms - this.from) / this.span) * this.width;
  }

  msOf(x) {
    return this.from + (x / this.width) * this.span;
  }

  /** Times `factor` as much time is shown, within the limits; `about` stays at the pixel where it is. */
  zoomed(factor, about) {
    const span = Math.min(LONGEST, Math.max(SHORTEST, this.span * factor));
    const share = (about - this.from) / this.span;
    const from = about - share * span;
    return new View(from, from + span, this.width);
  }

  /** `span` is shown, `about` in the place where it is, or in the middle if it is out of sight. */
  spanning(span, about) {
    if (about >= this.from && about <= this.to) return this.zoomed(span / this.span, about);
    return new View(about - span / 2, about + span / 2, this.width);
  }

  moved(byMs) {
    return new View(this.from + byMs, this.to + byMs, this.width);
  }

  resized(width) {
    return new View(this.from, this.to, width);
  }

  /** The least move that brings `ms` into sight, with a tenth of the strip beside it. */
  showing(ms) {
    const edge = this.span / 10;
    if (ms < this.from) return this.moved(ms - edge - this.from);
    if (ms > this.to) return this.moved(ms + edge - this.to);
    return this;
  }

  /** Moved so that it does not lie in the future alone: `last` is in sight. */
  before(last) {
    return this.from > last ? this.moved(last - this.from - this.span / 2) : this;
  }
}

/** Marks of the clock: `[{ at, label }]` in time order, by real time, so a day of 25 hours has 02:00 twice, labelled. */
export function ticks(view, house) {
  const step = STEPS.find((one) => (one / view.span) * view.width >= TICK_PX) ?? STEPS.at(-1);
  const grid = Math.min(step, HOUR);
  const found = [];
  let at = view.from + grid - mod(view.from + house.offset(view.from), grid);
  for (at -= grid; at <= view.to; at += grid) {
    if (at < view.from) continue;
    if (step > HOUR && house.wall(at).getUTCHours() % (step / HOUR)) continue;
    found.push({ at, label: house.clock(at, { seconds: step < MINUTE }) });
  }
  return found;
}

const mod = (value, by) => ((value % by) + by) % by;

/** The moments in [from, to) at which a day of the house begins. */
export function midnights(view, house) {
  const found = [];
  for (let at = house.dayStart(view.from); at <= view.to; at = house.dayEnd(at)) if (at >= view.from) found.push(at);
  return found;
}

const holds = (one, ms) => one.from <= ms && ms < one.to;

/** What a camera's timeline says of a range. */
export class Day {
  constructor({ from, to, spans = [], gaps = [], events = [], motion = [] } = { from: 0, to: 0 }) {
    Object.assign(this, { from, to, spans, gaps, events, motion });
  }

  covers(from, to) {
    return this.from <= from && to <= this.to;
  }

  /** `{ state, words, events }`: `recorded`, `gap` (with its reason), `future` or `unknown`. */
  at(ms, now) {
    const events = this.events.filter((one) => one.ts <= ms && ms <= (one.end_ts ?? one.ts + SECOND));
    if (ms > now) return { state: "future", words: "That is still to come.", events };
    if (this.spans.some((one) => holds(one, ms))) return { state: "recorded", words: "", events };
    const gap = this.gaps.find((one) => holds(one, ms));
    if (gap) return { state: "gap", words: gap.words, events, gap };
    return { state: this.covers(ms, ms) && this.spans.length ? "recorded" : "unknown", words: "", events };
  }

  /** The first recorded moment at or after `ms`; null when there is none in what is known. */
  recordedFrom(ms) {
    const span = this.spans.find((one) => one.to > ms);
    return span ? Math.max(ms, span.from) : null;
  }

  /** The last recorded moment before `ms`. */
  recordedBefore(ms) {
    const span = this.spans.filter((one) => one.from < ms).at(-1);
    return span ? Math.min(ms, span.to) : null;
  }

  /** The event whose mark lies within `reach` pixels of `x`, the nearest; the shorter of two that are as near. */
  eventAt(view, x, reach) {
    let best = null;
    for (const event of this.events) {
      const left = view.xOf(event.ts);
      const right = Math.max(left, view.xOf(event.end_ts ?? event.ts));
      const away = x < left ? left - x : x > right ? x - right : 0;
      if (away <= reach && (!best || away < best.away || (away === best.away && right - left < best.wide))) {
        best = { event, away, wide: right - left };
      }
    }
    return best?.event ?? null;
  }

  /** The events before and after `ms`, for going from one to the next. */
  eventBefore(ms) {
    return this.events.filter((one) => one.ts < ms).at(-1) ?? null;
  }

  eventAfter(ms) {
    return this.events.find((one) => one.ts > ms) ?? null;
  }
}

/** What a screen reader says of a moment: `14:30:07, Sunday 8 March, Motion, Front door`. */
export function spoken(ms, day, now, house) {
  const { state, words, events } = day.at(ms, now);
  const what = events.map((one) => one.title).join(", ");
  const not = state === "gap" ? `not recorded: ${words}` : state === "future" ? words : state === "recorded" ? "recorded" : "";
  return [house.clock(ms), house.dayWords(ms), what || not].filter(Boolean).join(", ");
}

// Between the player's own time (seconds) and moments: pieces are `{ start, duration, at }`, in order, `at` in UTC ms.

/** The moment of `seconds` of the player; null before anything is known. */
export function momentAt(pieces, seconds) {
  const piece = pieces.findLast((one) => one.start <= seconds + 0.001) ?? pieces[0];
  return piece ? piece.at + Math.min(seconds - piece.start, piece.duration) * 1000 : null;
}

/** Where the player finds `ms`: in a gap that is the first picture behind it; behind the last one null. */
export function secondsAt(pieces, ms) {
  for (const one of pieces) {
    if (ms < one.at) return one.start;
    if (ms < one.at + one.duration * 1000) return one.start + (ms - one.at) / 1000;
  }
  return null;
}

/** The pieces of a playlist's text (RFC 8216), for players that do not tell them. */
export function piecesOf(playlist) {
  const pieces = [];
  let start = 0;
  let at = null;
  let duration = 0;
  for (const line of playlist.split("\n")) {
    if (line.startsWith("#EXT-X-PROGRAM-DATE-TIME:")) at = Date.parse(line.slice(25));
    else if (line.startsWith("#EXTINF:")) duration = parseFloat(line.slice(8));
    else if (line && !line.startsWith("#")) {
      pieces.push({ start, duration, at });
      start += duration;
      if (at !== null) at += duration * 1000;
    }
  }
  return pieces;
}
