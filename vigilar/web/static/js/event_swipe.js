// On a phone: a swipe to the right is seen, one to the left is keep, holding selects. Each is a button too.

const ENOUGH_PX = 90;
const SURE_PX = 12;
const HOLD_MS = 550;
const SAME_TOUCH_MS = 60;
const EDGE_PX = 24; // the system's own swipe back begins there

export function armSwipes(list, deeds) {
  let move = null; // { card, x, y, dx, isMine }
  let hold = null;

  // The click that some browsers make of the same touch opens nothing; the next one is meant.
  const stopClick = (click) => click.preventDefault();
  const swallowClick = () => list.addEventListener("click", stopClick, true);
  const letClick = () => list.removeEventListener("click", stopClick, true);

  const reset = () => {
    clearTimeout(hold);
    if (!move) return;
    const { card } = move;
    move = null;
    card.classList.remove("is-moving");
    card.querySelector(".swipe-says")?.remove();
    for (const part of card.children) part.style.transform = "";
  };

  list.addEventListener("pointerdown", (event) => {
    const card = event.target.closest(".card-row");
    if (!card || event.pointerType !== "touch" || !event.isPrimary || event.target.closest("button, input, label")) return;
    if (event.clientX < EDGE_PX || event.clientX > innerWidth - EDGE_PX) return;
    move = { card, x: event.clientX, y: event.clientY, dx: 0, isMine: false };
    hold = setTimeout(() => {
      const { card: held } = move ?? {};
      reset();
      if (!held) return;
      deeds.pick(held);
      swallowClick();
      addEventListener("pointerup", () => setTimeout(letClick, SAME_TOUCH_MS), { once: true });
      navigator.vibrate?.(15);
    }, HOLD_MS);
  });

  list.addEventListener("pointermove", (event) => {
    if (!move || event.pointerType !== "touch") return;
    const dx = event.clientX - move.x;
    const dy = event.clientY - move.y;
    if (!move.isMine && (Math.abs(dy) > SURE_PX || Math.abs(dx) > SURE_PX)) {
      clearTimeout(hold);
      if (Math.abs(dy) >= Math.abs(dx)) return reset();
      move.isMine = true;
      move.card.classList.add("is-moving");
    }
    if (!move.isMine) return;
    move.dx = dx;
    for (const part of move.card.children) if (!part.matches(".swipe-says")) part.style.transform = `translateX(${dx}px)`;
    say(move.card, dx);
  });

  list.addEventListener("pointerup", () => {
    if (!move) return;
    const { card, dx, isMine } = move;
    reset();
    if (!isMine) return;
    swallowClick();
    setTimeout(letClick, SAME_TOUCH_MS);
    if (dx > ENOUGH_PX) deeds.press(card, "seen", "unseen");
    else if (dx < -ENOUGH_PX) deeds.press(card, "kept", "release");
  });
  list.addEventListener("pointercancel", reset);
  list.addEventListener("contextmenu", (event) => event.pointerType === "touch" && event.target.closest(".card-row") && event.preventDefault());
}

function say(card, dx) {
  let words = card.querySelector(".swipe-says");
  if (!words) {
    words = document.createElement("p");
    words.className = "swipe-says";
    words.setAttribute("aria-hidden", "true");
    words.append(document.createElement("span"), document.createElement("span"));
    card.append(words);
  }
  const of = (name) => card.querySelector(`[data-do="${name}"] span`)?.textContent ?? "";
  words.firstChild.textContent = dx > SURE_PX ? of("seen") || of("unseen") : "";
  words.lastChild.textContent = dx < -SURE_PX ? of("kept") || of("release") : "";
}
