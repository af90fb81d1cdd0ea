// The phone's side: what stands behind the # of the address is the code. The other side: say when the phone has come.

const EVERY_MS = 2000;

const form = document.getElementById("pair");
if (form && location.hash.length > 1) {
  form.elements.code.value = decodeURIComponent(location.hash.slice(1));
  history.replaceState(null, "", location.pathname); // the code is spent: nobody shall find it in the history
  form.requestSubmit();
}

const waiting = document.getElementById("waiting");

async function look() {
  try {
    const answer = await fetch(`/api/v1/pairings/${waiting.dataset.id}`, { cache: "no-store" });
    if (answer.ok && (await answer.json()).used_ts) {
      waiting.dataset.done = "";
      waiting.textContent = `${waiting.dataset.device} is signed in.`;
      return;
    }
  } catch {
    // the house is away for a moment
  }
  setTimeout(look, EVERY_MS);
}

if (waiting) look();
