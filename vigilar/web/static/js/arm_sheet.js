// Arming and disarming from any page, in a sheet over it: the same region as on the page of arming, which stays where
// somebody wants more, or has no script.

import { begin, fetchPage } from "./arm_panel.js";

let sheet = null;
let isOpening = false;

/** Open it; on the page of arming itself, and where the box does not answer with it, go to that page. */
export const open = () => show(() => true).catch(() => location.assign("/arm"));

/** Open it where nobody asked for it: not in the way of somebody who by then is at something else (not `isFree()`). */
export const offer = (isFree) => show(isFree);

async function show(isWanted) {
  if (sheet?.open || isOpening) return;
  isOpening = true;
  try {
    const page = await fetchPage();
    if (!isWanted()) return;
    sheet ??= make();
    sheet.querySelector(".arm-page").replaceChildren(page.getElementById("arm-now"), effects(page));
    sheet.showModal();
    begin();
    startWhere();
  } finally {
    isOpening = false;
  }
}

function make() {
  const made = document.createElement("dialog");
  made.className = "sheet arm-sheet";
  made.setAttribute("aria-labelledby", "arm-sheet-head");
  made.innerHTML = `<div class="sheet-head"><h2 id="arm-sheet-head" tabindex="-1">Arm and disarm</h2>
    <button class="btn btn-outline" type="button">Close</button></div>
    <div class="arm-page"></div>
    <p><a href="/arm">History and settings of arming</a></p>`;
  made.querySelector(".sheet-head button").addEventListener("click", () => made.close());
  // The PIN is not left in the page, and nothing behind a closed sheet keeps asking the box.
  made.addEventListener("close", () => made.querySelector(".arm-page").replaceChildren());
  made.addEventListener("arm-sent", ({ detail }) => {
    if (detail && !detail.pending && !detail.entry && !detail.alarm) made.close();
  });
  document.body.append(made);
  return made;
}

/** What each mode changes, folded up. */
function effects(page) {
  const folded = document.createElement("details");
  folded.className = "panel";
  const head = document.createElement("summary");
  head.textContent = "What each mode changes";
  folded.append(head, page.querySelector(".effects"));
  return folded;
}

/** Where there is a keyboard one can type at once; a touch would open one over the pad. */
function startWhere() {
  const pin = document.getElementById("pin");
  const isTyping = matchMedia("(pointer: fine)").matches;
  (pin && isTyping ? pin : document.getElementById("arm-sheet-head")).focus();
}
