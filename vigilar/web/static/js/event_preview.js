// A card's clip plays in its small picture: under the mouse, by Space, or where it rests in the middle of a phone. Not
// with reduced motion or data saver, unless asked for by Space.

const REST_MS = 450;
const PHONE_REST_MS = 1200;
const SEEN_AFTER_S = 2;

export function armPreviews(list, deeds) {
  const isCalm = () => matchMedia("(prefers-reduced-motion: reduce)").matches || navigator.connection?.saveData === true;
  let shown = null; // { card, video }
  let timer = null;

  function stop() {
    clearTimeout(timer);
    shown?.video.removeAttribute("src");
    shown?.video.load();
    shown?.video.remove();
    shown = null;
  }

  function start(card) {
    const thumb = card.querySelector(".thumb[data-clip]");
    if (shown?.card === card || !thumb) return;
    stop();
    const video = Object.assign(document.createElement("video"), { muted: true, playsInline: true, src: thumb.dataset.clip });
    video.setAttribute("aria-hidden", "true");
    video.tabIndex = -1;
    const isShown = () => shown?.video === video;
    video.addEventListener("error", () => isShown() && stop()); // the picture below stays
    video.addEventListener("ended", () => isShown() && stop());
    video.addEventListener("timeupdate", () => {
      if (video.currentTime < SEEN_AFTER_S || !isShown() || video.dataset.told) return;
      video.dataset.told = "1";
      const now = deeds.now(card);
      if (now.isConnected) deeds.markSeen(now);
    });
    shown = { card, video };
    thumb.append(video);
    video.play().catch(() => {});
  }

  const soon = (card, ms) => {
    clearTimeout(timer);
    timer = setTimeout(() => !isCalm() && start(card), ms);
  };
  list.addEventListener("pointerover", (event) => {
    const card = event.pointerType === "mouse" ? event.target.closest(".card-row") : null;
    if (card && shown?.card !== card) soon(card, REST_MS);
  });
  list.addEventListener("pointerout", (event) => {
    if (event.pointerType === "mouse" && !event.relatedTarget?.closest?.(".card-row")) stop();
  });
  list.addEventListener("preview", ({ target }) => (shown?.card === target ? stop() : start(target)), true);

  if (matchMedia("(hover: none)").matches) {
    addEventListener(
      "scroll",
      () => {
        stop();
        timer = setTimeout(() => {
          const card = document.elementFromPoint(innerWidth / 2, innerHeight / 2)?.closest(".card-row");
          if (card && !isCalm() && scrollY > 0) start(card);
        }, PHONE_REST_MS);
      },
      { passive: true },
    );
  }
  document.addEventListener("visibilitychange", () => document.hidden && stop());
}
