// Times of the house, whatever zone the browser is in. Pure: the zone is the page's, or handed in.

const HOUR = 3600000;
const DAY = 24 * HOUR;
const STEP = 15 * 60000; // every zone changes its clocks at a quarter of an hour

const pad = (n, width = 2) => String(n).padStart(width, "0");

/** Clocks and days of one IANA zone. All times are UTC ms. */
export class HouseTime {
  constructor(zone) {
    this.zone = zone;
    this.parts = new Intl.DateTimeFormat("en-GB", {
      timeZone: zone, hourCycle: "h23", year: "numeric", month: "numeric", day: "numeric", hour: "numeric", minute: "numeric", second: "numeric",
    });
    this.offsets = new Map();
  }

  /** What is to be added to UTC to have the house's clock, in ms. */
  offset(ms) {
    const key = Math.floor(ms / STEP);
    let found = this.offsets.get(key);
    if (found === undefined) {
      const at = key * STEP;
      const part = Object.fromEntries(this.parts.formatToParts(at).map(({ type, value }) => [type, Number(value)]));
      found = Date.UTC(part.year, part.month - 1, part.day, part.hour, part.minute, part.second) - at;
      if (this.offsets.size > 5000) this.offsets.clear();
      this.offsets.set(key, found);
    }
    return found;
  }

  /** The house's clock as the UTC fields of a Date. */
  wall(ms) {
    return new Date(ms + this.offset(ms));
  }

  /** Whether the clock shows the same at another moment: the hour that comes twice when summer time ends. */
  isTwice(ms) {
    const here = this.offset(ms);
    return [HOUR, HOUR / 2, -HOUR, -HOUR / 2].some((away) => this.offset(ms + away) - here === -away);
  }

  /** `14:03:11`, `14:03`, `02:15:00 CEST` where it comes twice. */
  clock(ms, { seconds = true } = {}) {
    const at = this.wall(ms);
    const text = `${pad(at.getUTCHours())}:${pad(at.getUTCMinutes())}${seconds ? `:${pad(at.getUTCSeconds())}` : ""}`;
    return this.isTwice(ms) ? `${text} ${this.name(ms)}` : text;
  }

  /** `CEST` */
  name(ms) {
    this.names ??= new Intl.DateTimeFormat("en-GB", { timeZone: this.zone, timeZoneName: "short" });
    return this.names.formatToParts(ms).find(({ type }) => type === "timeZoneName")?.value ?? "";
  }

  /** `2026-10-25` */
  day(ms) {
    const at = this.wall(ms);
    return `${pad(at.getUTCFullYear(), 4)}-${pad(at.getUTCMonth() + 1)}-${pad(at.getUTCDate())}`;
  }

  /** `Sunday 25 October` */
  dayWords(ms) {
    this.days ??= new Intl.DateTimeFormat("en-GB", { timeZone: this.zone, weekday: "long", day: "numeric", month: "long" });
    return this.days.format(ms).replace(",", "");
  }

  /** The first moment of the house's day that `ms` lies in. */
  dayStart(ms) {
    const day = this.day(ms);
    const wall = Math.floor((ms + this.offset(ms)) / DAY) * DAY;
    let at = wall - this.offset(wall - this.offset(ms));
    while (this.day(at) < day) at += STEP; // a day that begins at one o'clock
    while (this.day(at - 1) === day) at -= STEP;
    return at;
  }

  /** The first moment of the next day: 23, 24 or 25 hours after `dayStart`. */
  dayEnd(ms) {
    return this.dayStart(this.dayStart(ms) + 30 * HOUR);
  }

  /** Whether this browser's clock shows something else at `ms`. */
  differsHere(ms) {
    return -new Date(ms).getTimezoneOffset() * 60000 !== this.offset(ms);
  }
}

export const house = new HouseTime(document.documentElement.dataset.zone || "UTC");
