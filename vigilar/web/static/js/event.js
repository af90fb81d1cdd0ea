// One event: its clip plays at once, muted; the story grows while it goes on.

import { play } from "./player.js";
import { stream } from "./stream.js";

const video = document.getElementById("player");
const note = document.getElementById("player-note");
const calm = matchMedia("(prefers-reduced-motion: reduce)").matches;

const words = {
  codec: "This browser cannot play the format of this camera (H.265). Save the clip and open it in another player.",
  network: "The recording could not be loaded. The box may be busy; reload to try again.",
  media: "Part of the recording could not be played.",
};

if (video) {
  const { hls } = video.dataset;
  video.removeAttribute("src");
  video.load(); // lets go of the plain clip now, and not in the middle of the player's start
  play(video, hls, {
    onFail: (why) => {
      note.textContent = words[why] ?? why;
      note.hidden = false;
    },
  });
  video.muted = true;
  video.preload = "auto";
  // Not before there is something to play, and again until it really plays: a request is dropped when the player
  // takes the element over.
  const start = () => video.play().catch(() => {});
  if (!calm) {
    video.addEventListener("canplay", start);
    video.addEventListener("timeupdate", () => video.currentTime > 0 && video.removeEventListener("canplay", start));
  }
}

// Whoever opens it has seen it; that is this member's own note and nobody else's.
fetch(`/api/v1/events/${document.body.dataset.event}`, {
  method: "PATCH",
  headers: { "Content-Type": "application/json" },
  body: JSON.stringify({ seen: true }),
}).catch(() => {});

stream.addEventListener("event", async ({ detail }) => {
  if (detail.id !== document.body.dataset.event) return;
  const answer = await fetch(location.href, { headers: { Accept: "text/html" } });
  if (!answer.ok) return;
  const page = new DOMParser().parseFromString(await answer.text(), "text/html");
  document.getElementById("story").replaceWith(document.adoptNode(page.getElementById("story")));
});
