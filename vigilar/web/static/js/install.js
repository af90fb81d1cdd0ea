// How this phone gets the house on its home screen: said once, and true for the phone it is said on. A phone is told of
// events only over HTTPS, and an iPhone only once the house is on its home screen.

import { isApple } from "./app.js";

const SAID = "vigilar.install.said";
const said = (kind) => localStorage.setItem(SAID, kind);

function show(hint, kind) {
  if (localStorage.getItem(SAID) === kind) return;
  for (const part of hint.querySelectorAll("[data-for]")) part.hidden = part.dataset.for !== kind;
  hint.hidden = false;
  hint.querySelector("[data-close]").onclick = () => {
    said(kind);
    hint.hidden = true;
  };
}

/** `offered` resolves with the browser's offer to install, where it makes one. */
export async function hintAt(hint, offered) {
  if (!window.isSecureContext) return show(hint, "trust");
  if (isApple) return show(hint, "apple");
  addEventListener("appinstalled", () => {
    said("android");
    hint.hidden = true;
  });
  const offer = await offered;
  show(hint, "android");
  hint.querySelector("#install-now").onclick = async () => {
    await offer.prompt();
    await offer.userChoice;
    said("android");
    hint.hidden = true;
  };
}
