// How this phone gets the house on its home screen: said once, and true for the phone it is said on. A phone is told of
// events only over HTTPS, and an iPhone only once the house is on its home screen.

import { isApple } from "./app.js";

const SAID = "vigilar.install.said";
const hint = document.getElementById("install");

function show(kind) {
  if (localStorage.getItem(SAID) === kind) return;
  for (const part of hint.querySelectorAll("[data-for]")) part.hidden = part.dataset.for !== kind;
  hint.hidden = false;
  hint.querySelector("[data-close]").onclick = () => {
    localStorage.setItem(SAID, kind);
    hint.hidden = true;
  };
}

if (!window.isSecureContext) show("trust");
else if (isApple) show("apple");

addEventListener("beforeinstallprompt", (event) => {
  event.preventDefault(); // the browser's own bar would come at a moment of its own
  show("android");
  hint.querySelector("#install-now").onclick = async () => {
    await event.prompt();
    const { outcome } = await event.userChoice;
    if (outcome === "dismissed") localStorage.setItem(SAID, "android");
    hint.hidden = true;
  };
});
addEventListener("appinstalled", () => {
  localStorage.setItem(SAID, "android");
  hint.hidden = true;
});
