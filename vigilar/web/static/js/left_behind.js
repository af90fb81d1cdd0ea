// What pages keep in this browser of what they were shown: numbers and times of alerts that wait, leases by their names, what was typed of a
// camera, the order of the grid. Nothing of it is for whoever comes next (ASVS 5, 14.3.1).

const SHOWN = /^vigilar\.(alerts|sounding)\./; // of what happened: goes however the login ended
const CHOSEN = /^vigilar\.live\./; // names of cameras and groups: stays for a member whose login only ran out

function forget(keys) {
  try {
    for (const key of Object.keys(localStorage)) if (keys.some((one) => one.test(key))) localStorage.removeItem(key);
    sessionStorage.removeItem("vigilar.add");
  } catch {
    // Storage is switched off: nothing was kept.
  }
}

// At once, and not only when the box has answered: it may be out of reach.
document.addEventListener("submit", ({ target }) => target.matches("[data-signs-out]") && forget([SHOWN, CHOSEN]));

if ("signedOut" in document.body.dataset) forget([SHOWN]);
