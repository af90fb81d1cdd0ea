// Drawing zones and lines on a camera's picture: by mouse, by finger, by keyboard, or as numbers. What is drawn is tried on
// the last week at once, and counts when it is saved.

import { areasOf, boxAt, handedSentence, insertAfter, isClosing, lineAt, moved, nameFor, shapesOf } from "./zone_shapes.js";
import { fillList } from "./zone_list.js";

const page = document.getElementById("zones");
const stage = document.getElementById("zone-stage");
const picture = document.getElementById("zone-picture");
const svg = document.getElementById("shapes");
const corners = document.getElementById("corners");
const list = document.getElementById("areas");
const says = document.getElementById("says");
const effect = document.getElementById("effect");
const saved = document.getElementById("saved");
const save = document.getElementById("save");
const undo = document.getElementById("undo");
const tools = document.getElementById("tools");
const drawingTools = document.getElementById("drawing");
const done = document.getElementById("done");
const cancel = document.getElementById("cancel");
const takeBack = document.getElementById("take-back");

const kinds = Object.fromEntries(JSON.parse(page.dataset.kinds));
const roles = { ...Object.fromEntries(JSON.parse(page.dataset.roles)), line: "Line" };
const address = `/api/v1/cameras/${page.dataset.camera}/zones`;
const SVG = "http://www.w3.org/2000/svg";
const STEP = 0.01;
const BIG_STEP = 0.05;
const DRAG = 0.03; // a pointer that goes further draws a box, or a line, at one stroke
const PREVIEW_AFTER_MS = 250;
const MOST_UNDO = 50;

let shapes = shapesOf(JSON.parse(page.dataset.areas));
let savedText = JSON.stringify(areasOf(shapes));
let isSaving = false; // of two on their way the box might take the older one last
let chosen = shapes.length ? 0 : -1;
let draft = null; // { role, points, from, to } while something is drawn
let history = [];
let previewTimer = null;
let previewNumber = 0;

function svgPart(kind, attributes) {
  const part = document.createElementNS(SVG, kind);
  for (const [name, value] of Object.entries(attributes)) part.setAttribute(name, value);
  return part;
}

const textOf = (points) => points.map((point) => point.join(",")).join(" ");

function drawShapes() {
  const parts = shapes.map((shape, index) => {
    const isLine = shape.role === "line";
    const part = svgPart(isLine ? "polyline" : "polygon", {
      class: `shape is-${shape.role}${index === chosen ? " is-chosen" : ""}`,
      points: textOf(shape.points),
    });
    part.addEventListener("click", (event) => clickShape(index, event));
    return part;
  });
  if (draft) {
    const points = draft.to ? (draft.role === "line" ? [draft.from, draft.to] : boxAt(draft.from, draft.to)) : draft.points;
    parts.push(svgPart(draft.to && draft.role !== "line" ? "polygon" : "polyline", { class: "shape is-draft", points: textOf(points) }));
    for (const [x, y] of points) parts.push(svgPart("circle", { class: "shape is-draft", cx: x, cy: y, r: 0.006 }));
  }
  svg.replaceChildren(...parts);
  takeBack.disabled = !draft?.points.length;
}

function drawCorners() {
  const shape = draft ? null : shapes[chosen];
  const points = shape ? shape.points : [];
  while (corners.children.length > points.length) corners.lastChild.remove();
  while (corners.children.length < points.length) corners.append(makeCorner());
  points.forEach(([x, y], at) => {
    const corner = corners.children[at];
    corner.style.left = `${x * 100}%`;
    corner.style.top = `${y * 100}%`;
    corner.setAttribute("aria-label", `Corner ${at + 1} of ${shape.name}: ${placeWords(x, y)}`);
  });
}

const placeWords = (x, y) => `${Math.round(x * 100)} % across, ${Math.round(y * 100)} % down`;

function makeCorner() {
  const corner = document.createElement("button");
  corner.type = "button";
  corner.className = "corner";
  corner.setAttribute("aria-describedby", "says");
  const at = () => [...corners.children].indexOf(corner);
  corner.addEventListener("keydown", (event) => keyOnCorner(at(), event));
  corner.addEventListener("focus", () => {
    says.textContent = "Arrow keys move this corner, with Shift further. Plus adds one behind it, Delete takes it away.";
  });
  corner.addEventListener("pointerdown", (event) => {
    if (!event.isPrimary) return;
    event.preventDefault();
    corner.focus({ preventScroll: true });
    corner.setPointerCapture(event.pointerId);
    const before = textOf(shapes[chosen].points);
    remember();
    // A finger is as wide as the corner's button: the corner stays where it is under it.
    const [x, y] = shapes[chosen].points[at()];
    const [heldX, heldY] = placeOf(event);
    const drag = (moving) => {
      const [toX, toY] = placeOf(moving);
      placeCorner(at(), x + toX - heldX, y + toY - heldY);
    };
    const drop = () => {
      corner.removeEventListener("pointermove", drag);
      corner.removeEventListener("pointerup", drop);
      corner.removeEventListener("pointercancel", drop);
      if (textOf(shapes[chosen].points) !== before) return changed();
      history.pop(); // it was only touched
      draw();
    };
    corner.addEventListener("pointermove", drag);
    corner.addEventListener("pointerup", drop);
    corner.addEventListener("pointercancel", drop);
  });
  return corner;
}

function placeCorner(at, x, y) {
  const [toX, toY] = moved(x, y);
  shapes[chosen].points[at] = [toX, toY];
  says.textContent = `Corner ${at + 1}: ${placeWords(toX, toY)}.`;
  drawShapes();
  drawCorners();
}

const KEYS = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };

function keyOnCorner(at, event) {
  const shape = shapes[chosen];
  const way = KEYS[event.key];
  if (way) {
    const step = event.shiftKey ? BIG_STEP : STEP;
    const [x, y] = shape.points[at];
    if (!event.repeat) remember(); // a key that is held down is one step to undo
    placeCorner(at, x + way[0] * step, y + way[1] * step);
  } else if ((event.key === "+" || event.key === "Insert") && shape.role !== "line") {
    remember();
    insertAfter(shape.points, at);
    drawCorners();
    corners.children[at + 1].focus();
  } else if ((event.key === "Delete" || event.key === "Backspace") && shape.role !== "line") {
    if (shape.points.length <= 3) {
      says.textContent = "An area has three corners at least.";
      return;
    }
    remember();
    shape.points.splice(at, 1);
    drawCorners();
    corners.children[Math.min(at, shape.points.length - 1)].focus();
  } else return;
  event.preventDefault();
  changed();
}

/** Where on the picture a pointer is, in 0..1. */
function placeOf(event) {
  const around = stage.getBoundingClientRect();
  return moved((event.clientX - around.left) / around.width, (event.clientY - around.top) / around.height);
}

function clickShape(index, event) {
  if (index !== chosen) return choose(index);
  const shape = shapes[index];
  const at = shape.role === "line" ? -1 : edgeNear(shape.points, placeOf(event));
  if (at < 0) return;
  remember();
  shape.points.splice(at + 1, 0, placeOf(event));
  drawCorners();
  corners.children[at + 1].focus();
  changed();
}

/** The edge that a place lies on, -1 if on none. */
function edgeNear(points, [x, y]) {
  return points.findIndex(([x0, y0], at) => {
    const [x1, y1] = points[(at + 1) % points.length];
    const length = (x1 - x0) ** 2 + (y1 - y0) ** 2;
    const along = Math.min(1, Math.max(0, ((x - x0) * (x1 - x0) + (y - y0) * (y1 - y0)) / length));
    return Math.hypot(x - x0 - along * (x1 - x0), y - y0 - along * (y1 - y0)) < 0.015;
  });
}

function choose(index) {
  chosen = index;
  draw();
}

function remember() {
  history.push(JSON.stringify({ shapes, chosen }));
  if (history.length > MOST_UNDO) history.shift();
}

function draw() {
  drawShapes();
  drawCorners();
  fillList(list, { shapes, chosen, kinds, roles, choose, remove, edit, remember, changed });
  undo.disabled = history.length === 0;
}

/** Something is other than before: show it, say what it would do, and let it be saved. */
function changed() {
  draw();
  toSave();
}

function toSave() {
  offerToSave();
  if (!isSaving) saved.textContent = "";
  clearTimeout(previewTimer);
  previewTimer = setTimeout(preview, PREVIEW_AFTER_MS);
}

const offerToSave = () => (save.disabled = isSaving || JSON.stringify(areasOf(shapes)) === savedText);

function edit(index, change) {
  remember();
  change(shapes[index]);
  drawShapes();
  drawCorners();
  undo.disabled = false;
  toSave();
}

function remove(index) {
  remember();
  const [gone] = shapes.splice(index, 1);
  chosen = Math.min(index, shapes.length - 1);
  says.textContent = `${gone.name} is removed. Undo brings it back.`;
  changed();
  (list.querySelector("button") ?? tools.querySelector("button")).focus();
}

async function send(method, where) {
  const answer = await fetch(where, {
    method,
    headers: { "Content-Type": "application/json", Accept: "application/json" },
    body: JSON.stringify(areasOf(shapes)),
  });
  return { ok: answer.ok, body: await answer.json() };
}

async function preview() {
  const number = ++previewNumber;
  try {
    const { ok, body } = await send("POST", `${address}/preview`);
    if (number === previewNumber) effect.textContent = ok ? body.sentence : body.detail;
  } catch {
    if (number === previewNumber) effect.textContent = "";
  }
}

/** Beside this page, which keeps what is drawn. */
function proveLink(address) {
  const link = document.createElement("a");
  Object.assign(link, { href: address, target: "_blank", textContent: "show in another tab that it is you" });
  return link;
}

save.addEventListener("click", async () => {
  isSaving = true;
  offerToSave();
  saved.textContent = "Saving…";
  const sent = JSON.stringify(areasOf(shapes));
  try {
    const { ok, body } = await send("PUT", address);
    if (!ok) {
      saved.textContent = body.type === "account.prove" ? "Not saved yet: " : body.detail;
      if (body.type === "account.prove") saved.append(proveLink(body.location), ", then come back here and save.");
      return;
    }
    savedText = JSON.stringify(areasOf(shapesOf(body)));
    if (JSON.stringify(areasOf(shapes)) !== sent) {
      saved.textContent = "Saved as it was then. What you changed since is not saved yet.";
      return;
    }
    shapes = shapesOf(body);
    saved.textContent = "Saved. In use from now on.";
    draw();
  } catch {
    saved.textContent = "The box did not answer. Nothing was saved; try again.";
  } finally {
    isSaving = false;
    offerToSave();
  }
});

undo.addEventListener("click", () => {
  ({ shapes, chosen } = JSON.parse(history.pop()));
  changed();
});

document.addEventListener("keydown", (event) => {
  const isTyping = event.target.matches("input, select, textarea");
  if (event.key === "z" && (event.ctrlKey || event.metaKey) && !isTyping) {
    event.preventDefault();
    (draft ? takeBack : undo).click();
  } else if (event.key === "Escape" && draft) {
    event.preventDefault(); // else it is the way back (keys.js)
    endDraft();
  }
});

// Drawing

for (const button of tools.querySelectorAll("[data-add]")) {
  button.addEventListener("click", (event) => {
    draft = { role: button.dataset.add, points: [] };
    if (event.detail === 0) return inMiddle(); // by key: there is no pointer to draw with
    stage.classList.add("is-drawing");
    tools.hidden = true;
    drawingTools.hidden = false;
    done.hidden = draft.role === "line";
    says.textContent =
      draft.role === "line"
        ? "Drag from one end of the line to the other, or tap both ends."
        : "Tap the corners one after the other, then the first one again or Done. Or drag to draw a box.";
    draw();
  });
}

function endDraft() {
  draft = null;
  stage.classList.remove("is-drawing");
  tools.hidden = false;
  drawingTools.hidden = true;
  says.textContent = "";
  draw();
}

function finish(points) {
  const role = draft.role;
  remember();
  shapes.push({ role, name: nameFor(shapes, roles[role]), points, kinds: null, dwell_s: 0, least_height: 0, most_height: 1, direction: "both" });
  chosen = shapes.length - 1;
  endDraft();
  changed();
  says.textContent = role === "line" ? handedSentence(shapes[chosen]) : "Drag the corners to where they belong, and give it a name.";
}

function inMiddle() {
  finish(draft.role === "line" ? lineAt() : boxAt([0.35, 0.35], [0.65, 0.75]));
  corners.children[0].focus();
}

document.getElementById("box").addEventListener("click", inMiddle);
cancel.addEventListener("click", endDraft);
takeBack.addEventListener("click", () => {
  draft.points.pop();
  drawShapes();
  if (takeBack.disabled) (done.hidden ? cancel : done).focus(); // a button that is disabled loses the focus
});
done.addEventListener("click", () => {
  if (draft.points.length >= 3) finish(draft.points);
  else says.textContent = "Three corners at least. Tap where the next one belongs.";
});

stage.addEventListener("pointerdown", (event) => {
  if (!draft || !event.isPrimary) return;
  event.preventDefault();
  stage.setPointerCapture(event.pointerId);
  draft.from = placeOf(event);
});
stage.addEventListener("pointermove", (event) => {
  if (!draft?.from || !event.isPrimary) return;
  const to = placeOf(event);
  const far = Math.hypot(to[0] - draft.from[0], to[1] - draft.from[1]) > DRAG;
  draft.to = far && draft.points.length === 0 ? to : draft.to && to;
  drawShapes();
});
stage.addEventListener("pointerup", (event) => {
  if (!draft?.from || !event.isPrimary) return;
  const { from, to, points, role } = draft;
  draft.from = draft.to = null;
  if (to) return finish(role === "line" ? [from, to] : boxAt(from, to));
  const here = placeOf(event);
  if (isClosing(points, here)) return finish(points);
  points.push(here);
  if (role === "line" && points.length === 2) return finish(points);
  drawShapes();
});
stage.addEventListener("pointercancel", () => {
  if (draft) draft.from = draft.to = null;
});

function noPicture() {
  stage.classList.add("is-empty");
  says.textContent = "No picture comes from this camera just now. What is drawn already is shown; New picture asks again.";
}
picture.addEventListener("error", noPicture);
picture.addEventListener("load", () => stage.classList.remove("is-empty"));
if (picture.complete && !picture.naturalWidth) noPicture();
document.getElementById("again").addEventListener("click", () => {
  picture.src = `/cameras/${page.dataset.camera}/snapshot.jpg?width=1280&at=${Date.now()}`;
});

// What was drawn and not saved is not lost by a link, or by Esc.
addEventListener("beforeunload", (event) => {
  if (JSON.stringify(areasOf(shapes)) !== savedText) event.preventDefault();
});

tools.hidden = false;
save.hidden = false;
draw();
preview();
