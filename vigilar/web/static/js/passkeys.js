// Making a passkey on one's own account, and signing in with one. The server's options and our answers are JSON with
// base64url where the browser has bytes.

const toBytes = (text) => Uint8Array.from(atob(text.replace(/-/g, "+").replace(/_/g, "/")), (c) => c.charCodeAt(0));
const toText = (bytes) =>
  btoa(String.fromCharCode(...new Uint8Array(bytes))).replace(/\+/g, "-").replace(/\//g, "_").replace(/=+$/, "");

async function send(path, body) {
  const answer = await fetch(path, {
    method: "POST",
    headers: { "Content-Type": "application/json" },
    body: JSON.stringify(body),
  });
  const found = answer.status === 204 ? {} : await answer.json();
  if (!answer.ok) throw new Error(found.detail || "That did not work.");
  return found;
}

function dump(credential) {
  const response = {};
  for (const name of ["clientDataJSON", "attestationObject", "authenticatorData", "signature", "userHandle"]) {
    const value = credential.response[name];
    if (value) response[name] = toText(value);
  }
  return { id: credential.id, rawId: toText(credential.rawId), type: credential.type, response };
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
  options.challenge = toBytes(options.challenge);
  delete options.allowCredentials;
  const credential = await navigator.credentials.get({ publicKey: options });
  await send("/api/v1/passkey/login", { challenge, credential: dump(credential) });
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
