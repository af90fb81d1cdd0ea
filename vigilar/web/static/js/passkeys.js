// Making a passkey on one's own account, and signing in with one.

import { dump, prove, toBytes } from "./passkey_wire.js";

async function send(path, body) {
  const answer = await fetch(path, {
    method: "POST",
    headers: { "Content-Type": "application/json" },
    body: JSON.stringify(body),
  });
  const found = answer.status === 204 ? {} : await answer.json();
  if (found.type === "account.prove") location.assign(found.location);
  if (!answer.ok) throw new Error(found.detail || "That did not work.");
  return found;
}

async function make(name) {
  const { challenge, options } = await send("/api/v1/me/passkeys/options", {});
  options.challenge = toBytes(options.challenge);
  options.user.id = toBytes(options.user.id);
  for (const one of options.excludeCredentials ?? []) one.id = toBytes(one.id);
  const credential = await navigator.credentials.create({ publicKey: options });
  await send("/api/v1/me/passkeys", { challenge, name, credential: dump(credential) });
}

async function signIn() {
  const { challenge, options } = await send("/api/v1/passkey/options", {});
  delete options.allowCredentials;
  await send("/api/v1/passkey/login", { challenge, credential: await prove(options) });
}

/** Run what a button asks for, with the button off meanwhile; what went wrong is said in `note`. */
async function run(button, note, work, done) {
  button.disabled = true;
  note.hidden = true;
  try {
    await work();
    done();
  } catch (error) {
    // A person who changed their mind is no error.
    note.textContent = error.name === "NotAllowedError" ? "No passkey was given." : error.message;
    note.hidden = false;
  } finally {
    button.disabled = false;
  }
}

const form = document.getElementById("passkey-new");
const button = document.getElementById("passkey-login");
if (window.isSecureContext && window.PublicKeyCredential) {
  const note = document.getElementById("passkey-note");
  if (form) {
    form.hidden = false;
    form.addEventListener("submit", (event) => {
      event.preventDefault();
      run(form.querySelector("button"), note, () => make(form.elements.name.value), () => location.reload());
    });
  }
  if (button) {
    button.hidden = false;
    button.addEventListener("click", () =>
      run(button, note, signIn, () => location.assign(button.dataset.next || "/live")));
  }
}
