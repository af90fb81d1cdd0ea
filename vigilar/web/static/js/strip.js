// Draws the strip: recorded spans, motion, gaps, events, the clock below, and where we are. Colours come from the style.

import { midnights, ticks } from "./timeline.js";

const LABELS_PX = 20;
const MARKS_PX = 16;
const GAP_PX = 6;

const LEVELS = ["INFO", "WARNING", "ALERT", "CRITICAL"];

export class Strip {
  constructor(canvas, house) {
    this.canvas = canvas;
    this.house = house;
    this.drawn = null;
  }

  /** Draw at the next frame; the newest `scene` counts: `{ view, day, now, at, hover, cut }`. */
  show(scene) {
    this.scene = scene;
    this.drawn ??= requestAnimationFrame(() => {
      this.drawn = null;
      this.draw();
    });
  }

  draw() {
    const { canvas } = this;
    const { view, day, now, at, hover, cut } = this.scene;
    const ratio = devicePixelRatio || 1;
    const width = view.width;
    const height = canvas.clientHeight;
    if (canvas.width !== Math.round(width * ratio) || canvas.height !== Math.round(height * ratio)) {
      canvas.width = Math.round(width * ratio);
      canvas.height = Math.round(height * ratio);
    }
    const style = getComputedStyle(canvas);
    const colour = (name) => style.getPropertyValue(`--strip-${name}`).trim();
    const pen = canvas.getContext("2d");
    pen.setTransform(ratio, 0, 0, ratio, 0, 0);
    pen.clearRect(0, 0, width, height);
    const top = MARKS_PX;
    const bottom = height - LABELS_PX;
    const box = (from, to, least = 1) => {
      const left = Math.max(0, view.xOf(from));
      return [left, Math.max(least, Math.min(width, view.xOf(to)) - left)];
    };
    const visible = (from, to) => to >= view.from && from <= view.to;

    pen.fillStyle = colour("unknown");
    pen.fillRect(0, top, width, bottom - top);
    for (const gap of day.gaps) {
      if (!visible(gap.from, gap.to)) continue;
      const [left, wide] = box(gap.from, gap.to);
      this.hatch(pen, left, top, wide, bottom - top, colour("gap"), colour("gap-line"));
    }
    pen.fillStyle = colour("recorded");
    for (const span of day.spans) {
      if (!visible(span.from, span.to)) continue;
      const [left, wide] = box(span.from, span.to);
      pen.fillRect(left, top, wide, bottom - top);
    }
    pen.fillStyle = colour("motion");
    for (const one of day.motion) {
      if (!visible(one.from, one.to)) continue;
      const [left, wide] = box(one.from, one.to, 2);
      pen.fillRect(left, top + (bottom - top) / 3, wide, ((bottom - top) * 2) / 3);
    }
    if (now < view.to) {
      const [left, wide] = box(Math.max(now, view.from), view.to);
      pen.fillStyle = colour("future");
      pen.fillRect(left, top, wide, bottom - top);
      if (now >= view.from) this.line(pen, view.xOf(now), top, bottom, colour("now"), 2);
    }
    if (cut && cut.from !== null && cut.last !== null) {
      const [left, wide] = box(cut.from, cut.last, 2);
      pen.globalAlpha = 0.35;
      pen.fillStyle = colour("cut");
      pen.fillRect(left, top, wide, bottom - top);
      pen.globalAlpha = 1;
    }
    for (const end of [cut?.from, cut?.last]) {
      if (end != null) this.line(pen, view.xOf(end), 0, bottom, colour("cut"), 2);
    }
    for (const event of day.events) {
      if (!visible(event.ts, event.ts) || (event.kind === "motion" && event.severity === "INFO")) continue;
      this.mark(pen, view.xOf(event.ts), MARKS_PX / 2, event.severity, colour(`event-${event.severity.toLowerCase()}`));
    }
    pen.font = `12px ${style.fontFamily}`;
    pen.textBaseline = "alphabetic";
    let free = 0; // right end of the label before: one with its zone is wider, and those at the ends are moved in
    for (const { at: tick, label } of ticks(view, this.house)) {
      const x = view.xOf(tick);
      this.line(pen, x, bottom, bottom + 4, colour("label"), 1);
      pen.fillStyle = colour("label");
      const wide = pen.measureText(label).width;
      const left = Math.max(0, Math.min(width - wide, x - wide / 2));
      if (left < free) continue;
      pen.fillText(label, left, height - 3);
      free = left + wide + GAP_PX;
    }
    for (const midnight of midnights(view, this.house)) this.line(pen, view.xOf(midnight), top, bottom, colour("label"), 1);
    if (hover !== null) this.line(pen, view.xOf(hover), 0, bottom, colour("hover"), 1);
    if (at !== null) this.line(pen, view.xOf(at), 0, bottom + 4, colour("at"), 3);
  }

  line(pen, x, top, bottom, colour, wide) {
    pen.fillStyle = colour;
    pen.fillRect(Math.round(x - wide / 2), top, wide, bottom - top);
  }

  hatch(pen, left, top, wide, high, ground, colour) {
    pen.fillStyle = ground;
    pen.fillRect(left, top, wide, high);
    pen.save();
    pen.beginPath();
    pen.rect(left, top, wide, high);
    pen.clip();
    pen.strokeStyle = colour;
    pen.lineWidth = 2;
    pen.beginPath();
    for (let x = left - high - ((left - high) % 10); x < left + wide; x += 10) {
      pen.moveTo(x, top + high);
      pen.lineTo(x + high, top);
    }
    pen.stroke();
    pen.restore();
  }

  /** The level's own shape: dot, diamond, triangle, octagon; never colour alone. */
  mark(pen, x, y, severity, colour) {
    const corners = [24, 4, 3, 8][Math.max(0, LEVELS.indexOf(severity))];
    const radius = severity === "INFO" ? 3.5 : 6;
    const turn = corners === 8 ? Math.PI / 8 : -Math.PI / 2;
    pen.fillStyle = colour;
    pen.beginPath();
    for (let one = 0; one < corners; one++) {
      const angle = turn + (one * 2 * Math.PI) / corners;
      pen.lineTo(x + radius * Math.cos(angle), y + radius * Math.sin(angle));
    }
    pen.fill();
  }
}
