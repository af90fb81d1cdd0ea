// Fingers, mouse and wheel on the strip. It knows pixels alone; what they mean is told by `actions`:
//   hover(x) or hover(null)   the mouse is over it         begin()      a drag begins
//   drag(x)                   the drag is at x             drop(x)      it ended there: go
//   cancel()                  it ended elsewhere           tap(x)       touched, without moving
//   zoom(factor, x)           about x                      pan(pixels)  show what lies that far to the right

const SLOP_PX = 8; // a finger that rests moves as much
const WHEEL_PER_DOUBLE = 240; // two notches of a usual wheel show twice or half as much

export class Scrub {
  constructor(element, actions) {
    this.element = element;
    this.actions = actions;
    this.pointers = new Map();
    this.mode = "idle"; // idle, touched, dragging, pinching
    const on = (name, handler, options) => element.addEventListener(name, handler, options);
    on("pointerdown", (event) => this.down(event));
    on("pointermove", (event) => this.move(event));
    on("pointerup", (event) => this.up(event));
    on("pointercancel", (event) => this.lost(event));
    on("pointerleave", (event) => event.pointerType === "mouse" && this.mode === "idle" && actions.hover(null));
    on("wheel", (event) => this.wheel(event), { passive: false });
  }

  x(event) {
    return event.clientX - this.element.getBoundingClientRect().left;
  }

  down(event) {
    if (event.button > 0) return;
    this.element.setPointerCapture(event.pointerId);
    this.pointers.set(event.pointerId, { x: this.x(event), y: event.clientY });
    if (this.pointers.size === 2) this.startPinch();
    else if (this.pointers.size === 1 && event.pointerType === "touch") {
      this.mode = "touched";
      this.startX = this.x(event);
    } else if (this.pointers.size === 1) {
      this.mode = "dragging";
      this.actions.begin();
      this.actions.drag(this.x(event));
    }
  }

  move(event) {
    const known = this.pointers.get(event.pointerId);
    if (!known) {
      if (event.pointerType === "mouse") this.actions.hover(this.x(event));
      return;
    }
    known.x = this.x(event);
    if (this.mode === "pinching") this.pinch();
    else if (this.mode === "touched" && Math.abs(known.x - this.startX) > SLOP_PX) {
      this.mode = "dragging";
      this.actions.begin();
    }
    if (this.mode === "dragging") this.actions.drag(known.x);
  }

  up(event) {
    if (!this.pointers.delete(event.pointerId)) return;
    const x = this.x(event);
    if (this.mode === "dragging") this.actions.drop(x);
    else if (this.mode === "touched") this.actions.tap(x);
    this.rest();
  }

  lost(event) {
    if (!this.pointers.delete(event.pointerId)) return;
    if (this.mode === "dragging") this.actions.cancel();
    this.rest();
  }

  /** Back to nothing, but not while a finger of a pinch still lies there: it must not become a drag. */
  rest() {
    this.mode = this.pointers.size ? "resting" : "idle";
  }

  startPinch() {
    if (this.mode === "dragging") this.actions.cancel();
    this.mode = "pinching";
    this.spread = this.between();
    this.middle = this.centre();
  }

  pinch() {
    const spread = this.between();
    const middle = this.centre();
    if (spread > 0 && this.spread > 0) this.actions.zoom(this.spread / spread, this.middle);
    this.actions.pan(this.middle - middle);
    this.spread = spread;
    this.middle = middle;
  }

  between() {
    const [one, other] = [...this.pointers.values()];
    return Math.max(20, Math.abs(one.x - other.x));
  }

  centre() {
    const [one, other] = [...this.pointers.values()];
    return (one.x + other.x) / 2;
  }

  wheel(event) {
    event.preventDefault();
    const unit = event.deltaMode === 1 ? 40 : event.deltaMode === 2 ? 400 : 1;
    const sideways = event.shiftKey ? event.deltaY || event.deltaX : event.deltaX;
    if (event.shiftKey || Math.abs(event.deltaX) > Math.abs(event.deltaY)) this.actions.pan(sideways * unit);
    else this.actions.zoom(2 ** ((event.deltaY * unit) / (event.ctrlKey ? WHEEL_PER_DOUBLE / 4 : WHEEL_PER_DOUBLE)), this.x(event));
  }
}
