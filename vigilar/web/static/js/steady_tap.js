// A button whose meaning may change under the finger: a tap means what was shown when the finger went down, and means
// nothing while that is too new for anybody to have read it.

const READ_MS = 500;

/** Calls `tapped(what)` for a tap. Returns what tells the button what it stands for now: two that are equal as JSON are
 * the same. */
export function steady(button, tapped) {
  let shown = { key: "null", what: null, isRead: false };
  let pressed = null;
  let timer = null;

  const show = (isRead) => {
    shown = { ...shown, isRead };
    button.setAttribute("aria-disabled", String(!isRead));
  };
  button.addEventListener("pointerdown", () => (pressed = shown));
  button.addEventListener("click", ({ detail }) => {
    const meant = (detail && pressed) || shown; // without a finger: the keyboard
    pressed = null;
    if (meant.isRead) tapped(meant.what);
  });

  return (what) => {
    const key = JSON.stringify(what);
    if (key === shown.key) return;
    shown = { key, what };
    show(false);
    clearTimeout(timer);
    timer = setTimeout(() => show(true), READ_MS);
  };
}
