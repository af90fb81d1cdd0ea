// Zones and lines as the page holds them: one list of shapes. No document in here.

const DIGITS = 10000;
const CLOSE = 0.03;

/** From the form of the API. */
export function shapesOf({ zones, lines }) {
  return [
    ...zones.map(({ kind, ...zone }) => ({ ...zone, role: kind })),
    ...lines.map(({ from, to, ...line }) => ({ ...line, role: "line", points: [from, to] })),
  ];
}

/** Into the form of the API. */
export function areasOf(shapes) {
  const common = ({ id, name, kinds }) => ({ ...(id ? { id } : {}), name, kinds });
  const zones = shapes.filter(({ role }) => role !== "line");
  const lines = shapes.filter(({ role }) => role === "line");
  return {
    zones: zones.map((one) => ({
      ...common(one),
      kind: one.role,
      points: one.points,
      dwell_s: one.dwell_s,
      least_height: one.least_height,
      most_height: one.most_height,
    })),
    lines: lines.map((one) => ({ ...common(one), from: one.points[0], to: one.points[1], direction: one.direction })),
  };
}

/** A place within the picture, as exact as it is stored. */
export function moved(x, y) {
  return [x, y].map((one) => Math.round(Math.min(1, Math.max(0, one)) * DIGITS) / DIGITS);
}

/** The box between two places. */
export function boxAt([x0, y0], [x1, y1]) {
  return [
    [x0, y0],
    [x1, y0],
    [x1, y1],
    [x0, y1],
  ];
}

/** A line across the middle. */
export const lineAt = () => [
  [0.3, 0.6],
  [0.7, 0.6],
];

/** Whether a place is where the outline began, so that it is whole. */
export function isClosing(points, [x, y]) {
  return points.length >= 3 && Math.hypot(x - points[0][0], y - points[0][1]) < CLOSE;
}

/** One corner more, half way to the next. */
export function insertAfter(points, at) {
  const [x0, y0] = points[at];
  const [x1, y1] = points[(at + 1) % points.length];
  points.splice(at + 1, 0, moved((x0 + x1) / 2, (y0 + y1) / 2));
}

/** "Zone", "Zone 2", ...: the first that nobody has. */
export function nameFor(shapes, word) {
  const taken = new Set(shapes.map(({ name }) => name));
  for (let number = 1; ; number++) {
    const name = number === 1 ? word : `${word} ${number}`;
    if (!taken.has(name)) return name;
  }
}

const WAYS = ["right", "down", "left", "up"];

/** Which way in the picture something goes that crosses a line "in": to the right hand of who walks along it. */
export function wayIn({ points: [[x0, y0], [x1, y1]] }) {
  const angle = Math.atan2(y1 - y0, x1 - x0) + Math.PI / 2;
  return WAYS[((Math.round(angle / (Math.PI / 2)) % 4) + 4) % 4];
}

/** What the directions of a line mean. */
export function handedSentence(line) {
  const way = wayIn(line);
  return `"In" is ${way} across this line, "out" is ${WAYS[(WAYS.indexOf(way) + 2) % 4]}.`;
}
