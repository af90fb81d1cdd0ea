// The list beside the picture: each area with its name, what counts in it, and its corners as numbers.

import { handedSentence, moved, wayIn } from "./zone_shapes.js";

function make(tag, attributes = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (name.startsWith("on")) element.addEventListener(name.slice(2), value);
    else if (typeof value === "boolean") element.toggleAttribute(name, value);
    else element.setAttribute(name, value);
  }
  element.append(...children);
  return element;
}

/** Fill `list`. What has the focus keeps it. */
export function fillList(list, page) {
  const focused = document.activeElement?.id;
  const rows = page.shapes.map((shape, index) => row(shape, index, page));
  list.replaceChildren(...(rows.length ? rows : [make("li", { class: "second" }, "None yet: everything that moves counts, wherever it is.")]));
  if (focused && list.querySelector(`#${CSS.escape(focused)}`) !== document.activeElement) {
    list.querySelector(`#${CSS.escape(focused)}`)?.focus();
  }
}

function row(shape, index, page) {
  const isChosen = index === page.chosen;
  const head = make(
    "div",
    { class: "area-head" },
    make(
      "button",
      { class: "btn btn-quiet", type: "button", id: `choose-${index}`, "aria-expanded": String(isChosen), onclick: () => page.choose(isChosen ? -1 : index) },
      make("strong", { id: `name-of-${index}` }, shape.name),
      make("span", { class: "second" }, ` ${page.roles[shape.role]}`),
    ),
    make(
      "button",
      { class: "btn btn-outline", type: "button", id: `remove-${index}`, onclick: () => page.remove(index) },
      "Remove",
      make("span", { class: "visually-hidden" }, ` ${shape.name}`),
    ),
  );
  const item = make("li", { class: `panel${isChosen ? " is-chosen" : ""}` }, head);
  if (isChosen) item.append(more(shape, index, page));
  return item;
}

function more(shape, index, page) {
  const parts = [nameField(shape, index, page)];
  if (shape.role !== "private") parts.push(kindsField(shape, index, page));
  if (shape.role === "include") {
    parts.push(
      numberField("Stays at least, seconds", `dwell-${index}`, shape.dwell_s, { max: 600, step: 0.5 }, (value) => page.edit(index, (one) => (one.dwell_s = value))),
      numberField("At least so high, % of the picture", `least-${index}`, shape.least_height * 100, { max: 99 }, (value) => page.edit(index, (one) => (one.least_height = value / 100))),
      numberField("At most so high, % of the picture", `most-${index}`, shape.most_height * 100, { max: 100 }, (value) => page.edit(index, (one) => (one.most_height = value / 100))),
    );
  }
  if (shape.role === "line") parts.push(directionField(shape, index, page));
  if (shape.role === "private") {
    parts.push(make("p", { class: "second" }, "Recordings keep it unless the camera itself masks it."));
  }
  parts.push(cornerFields(shape, index, page));
  return make("div", { class: "area-more" }, ...parts);
}

function nameField(shape, index, page) {
  const change = (event) => {
    page.edit(index, (one) => (one.name = event.target.value.trim() || one.name));
    document.getElementById(`name-of-${index}`).textContent = page.shapes[index].name;
  };
  const input = make("input", { class: "form-control", id: `name-${index}`, value: shape.name, maxlength: "60", autocomplete: "off", onchange: change });
  return make("div", { class: "field" }, make("label", { for: `name-${index}` }, "Name"), input);
}

function kindsField(shape, index, page) {
  const boxes = Object.entries(page.kinds).map(([kind, words]) => {
    const input = make("input", { type: "checkbox", id: `kind-${index}-${kind}`, checked: shape.kinds === null || shape.kinds.includes(kind), onchange: changeKinds });
    input.dataset.kind = kind;
    return make("label", { class: "check" }, input, words);
  });
  function changeKinds() {
    const wanted = boxes.map((box) => box.firstChild).filter((input) => input.checked);
    if (!wanted.length) this.checked = true; // none at all would be a zone for nothing
    const named = boxes.map((box) => box.firstChild).filter((input) => input.checked).map((input) => input.dataset.kind);
    page.edit(index, (one) => (one.kinds = named.length === boxes.length ? null : named));
  }
  const legend = shape.role === "ignore" ? "Ignore here" : "Counts here";
  return make("fieldset", {}, make("legend", {}, legend), ...boxes);
}

function numberField(words, id, value, bounds, change) {
  const input = make("input", {
    class: "form-control",
    id,
    type: "number",
    inputmode: "decimal",
    min: "0",
    max: String(bounds.max),
    step: String(bounds.step ?? 1),
    value: String(Math.round(value * 10) / 10),
    onchange: (event) => {
      const number = Math.min(bounds.max, Math.max(0, Number(event.target.value) || 0));
      event.target.value = String(number);
      change(number);
    },
  });
  return make("label", { class: "pair-field" }, words, input);
}

function directionField(shape, index, page) {
  const id = `direction-${index}`;
  const select = make(
    "select",
    { class: "form-select", id, onchange: (event) => page.edit(index, (one) => (one.direction = event.target.value)) },
    ...[
      ["both", "both ways"],
      ["in", inWords(shape)],
      ["out", "out: the other way"],
    ].map(([value, words]) => make("option", { value, selected: value === shape.direction }, words)),
  );
  return make("div", { class: "field" }, make("label", { for: id }, "Counts when crossed"), select, make("p", { class: "help", id: `ways-${index}` }, handedSentence(shape)));
}

const inWords = (shape) => `in: ${wayIn(shape)} in the picture`;

/** The line lies otherwise now. */
function tellWays(shape, index) {
  document.querySelector(`#direction-${index} [value="in"]`).textContent = inWords(shape);
  document.getElementById(`ways-${index}`).textContent = handedSentence(shape);
}

const percent = (value) => String(Math.round(value * 1000) / 10);

function cornerFields(shape, index, page) {
  const place = (at, axis, event) => {
    const point = [...shape.points[at]];
    point[axis] = (Number(event.target.value) || 0) / 100;
    // The list stays as it is: made anew it would take the focus from where Tab, or a click, is going.
    page.edit(index, (one) => (one.points[at] = moved(...point)));
    event.target.value = percent(shape.points[at][axis]);
    if (shape.role === "line") tellWays(shape, index);
  };
  const rows = shape.points.map(([x, y], at) => {
    const field = (axis, value, words) =>
      make("input", {
        class: "form-control",
        id: `corner-${index}-${at}-${axis}`,
        type: "number",
        inputmode: "decimal",
        min: "0",
        max: "100",
        step: "0.1",
        value: percent(value),
        "aria-label": `Corner ${at + 1}, % ${words}`,
        onchange: (event) => place(at, axis, event),
      });
    const remove = make(
      "button",
      {
        class: "btn btn-outline",
        type: "button",
        id: `drop-${index}-${at}`,
        disabled: shape.points.length <= 3,
        onclick: () => {
          page.remember();
          page.shapes[index].points.splice(at, 1);
          page.changed();
        },
      },
      "Remove",
      make("span", { class: "visually-hidden" }, ` corner ${at + 1}`),
    );
    return make("div", { class: "corner-row" }, make("span", { "aria-hidden": "true" }, String(at + 1)), field(0, x, "across"), field(1, y, "down"), ...(shape.role === "line" ? [] : [remove]));
  });
  const details = make("details", { open: isOpen }, make("summary", {}, "Corners as a list"), ...rows);
  details.addEventListener("toggle", () => {
    isOpen = details.open;
  });
  return details;
}

let isOpen = false; // the list is made anew with each change
