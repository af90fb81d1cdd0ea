// Keeps the state of the house fresh: the page is drawn by the box, we only put the new one in place of the old.

const EVERY_MS = 5000;

async function refresh() {
  const old = document.getElementById("system");
  if (document.hidden || old.contains(document.activeElement)) return; // never move what somebody is on
  try {
    const answer = await fetch(location.href, { headers: { Accept: "text/html" } });
    if (!answer.ok) return;
    const page = new DOMParser().parseFromString(await answer.text(), "text/html");
    const fresh = page.getElementById("system");
    if (fresh) old.replaceWith(document.adoptNode(fresh));
  } catch {
    // The last result stays, with the time at which it was true.
  }
}

setInterval(refresh, EVERY_MS);
