// Boxes over a picture: live ones as the box tells them, stored ones as they were. Each is drawn at the moment of the
// picture that is shown, however far that is behind. One switch for all pages of this browser.

const KEY = "vigilar.boxes";
const FRESH_MS = 1200; // a box older than this, by the picture's time, is of somebody who may be elsewhere by now
const KEEP_MS = 20000; // HLS is some seconds behind, a paused picture more
const WORDS = { person: "Person", vehicle: "Vehicle", dog: "Dog", cat: "Cat", bird: "Bird", animal: "Animal", motion: "" };

/** Whether boxes are to be seen. */
export const areShown = () => localStorage.getItem(KEY) !== "off";
const switched = new EventTarget();

/** Make `button` the switch. */
export function armSwitch(button) {
  if (!button) return;
  const say = () => button.setAttribute("aria-pressed", String(areShown()));
  button.hidden = false;
  button.addEventListener("click", () => {
    localStorage.setItem(KEY, areShown() ? "off" : "on");
    say();
    switched.dispatchEvent(new Event("switch"));
  });
  say();
}

/** A layer over `host`, whose picture is `size()` pixels, [width, height], of the moment `time()`, UTC ms or null. */
export class Boxes {
  constructor(host, size, time) {
    Object.assign(this, { host, size, time });
    this.canvas = document.createElement("canvas");
    this.canvas.className = "boxes";
    this.canvas.setAttribute("aria-hidden", "true");
    host.append(this.canvas);
    this.seen = []; // live: { ts, objects }
    this.tracks = []; // stored
    this.isDrawing = false;
    this.wasEmpty = true;
    switched.addEventListener("switch", () => this.begin());
    addEventListener("storage", (event) => event.key === KEY && this.begin());
  }

  /** What the box found in the picture of `ts`. */
  put(ts, objects) {
    this.seen.push({ ts, objects });
    while (this.seen.length && ts - this.seen[0].ts > KEEP_MS) this.seen.shift();
    this.begin();
  }

  /** Tracks of the API: their boxes are found by the moment that is shown. */
  setTracks(tracks) {
    this.tracks = tracks.filter((one) => one.boxes.length);
    this.begin();
  }

  begin() {
    if (this.isDrawing) return;
    this.isDrawing = true;
    requestAnimationFrame(() => this.draw());
  }

  draw() {
    this.isDrawing = false;
    const ts = this.time();
    const found = ts === null || !areShown() ? [] : [...this.liveAt(ts), ...this.storedAt(ts)];
    if (found.length || !this.wasEmpty) this.paint(found);
    this.wasEmpty = !found.length;
    this.canvas.dataset.shown = found.map((one) => one.kind).join(" ");
    const isComing = this.seen.length && (ts === null || this.seen.at(-1).ts + FRESH_MS > ts);
    if (areShown() && !document.hidden && (isComing || this.tracks.length)) setTimeout(() => this.begin(), 80);
  }

  liveAt(ts) {
    // A little ahead is of the same picture: stamps of two streams differ by that.
    const last = this.seen.findLast((one) => one.ts <= ts + 250);
    return last && ts - last.ts < FRESH_MS ? last.objects : [];
  }

  storedAt(ts) {
    return this.tracks.flatMap((track) => {
      if (ts < track.start_ts - 300 || ts > track.end_ts + FRESH_MS) return [];
      return [{ kind: track.kind, score: track.score, box: between(track.boxes, ts) }];
    });
  }

  paint(found) {
    const { clientWidth, clientHeight } = this.host;
    const scale = devicePixelRatio || 1;
    const [wide, high] = [Math.round(clientWidth * scale), Math.round(clientHeight * scale)];
    if (this.canvas.width !== wide || this.canvas.height !== high) Object.assign(this.canvas, { width: wide, height: high });
    const brush = this.canvas.getContext("2d");
    brush.clearRect(0, 0, wide, high);
    const [width, height] = this.size();
    if (!width || !height) return;
    const fit = Math.min(wide / width, high / height); // as object-fit: contain
    const [x0, y0] = [(wide - width * fit) / 2, (high - height * fit) / 2];
    brush.lineWidth = 2 * scale;
    brush.font = `${Math.round(13 * scale)}px system-ui, sans-serif`;
    brush.textBaseline = "bottom";
    for (const { kind, score, box } of found) {
      const [left, top, right, bottom] = [x0 + box[0] * width * fit, y0 + box[1] * height * fit, x0 + box[2] * width * fit, y0 + box[3] * height * fit];
      brush.strokeStyle = "#000";
      brush.strokeRect(left + scale, top + scale, right - left, bottom - top);
      brush.strokeStyle = "#c7a0ff";
      brush.strokeRect(left, top, right - left, bottom - top);
      const words = WORDS[kind] ? `${WORDS[kind]} ${Math.round(score * 100)} %` : "";
      if (!words) continue;
      const high = 18 * scale;
      const at = top > high ? top : Math.min(bottom, top + high);
      brush.fillStyle = "rgb(14 19 23 / 85%)";
      brush.fillRect(left, at - high, brush.measureText(words).width + 8 * scale, high);
      brush.fillStyle = "#e8edf2";
      brush.fillText(words, left + 4 * scale, at - 2 * scale);
    }
  }
}

/** The box at `ts` on a path of `[ts, left, top, right, bottom]`: between two of them in proportion. */
function between(boxes, ts) {
  let low = 0;
  let high = boxes.length - 1;
  while (low < high) {
    const middle = (low + high + 1) >> 1;
    if (boxes[middle][0] <= ts) low = middle;
    else high = middle - 1;
  }
  const [one, next] = [boxes[low], boxes[Math.min(low + 1, boxes.length - 1)]];
  const part = next[0] > one[0] ? Math.min(1, Math.max(0, (ts - one[0]) / (next[0] - one[0]))) : 0;
  return [1, 2, 3, 4].map((side) => one[side] + (next[side] - one[side]) * part);
}
