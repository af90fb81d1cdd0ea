// Passkeys as they travel: the server's options and our answers are JSON, with base64url where the browser has bytes.

export const toBytes = (text) =>
  Uint8Array.from(atob(text.replace(/-/g, "+").replace(/_/g, "/")), (c) => c.charCodeAt(0));
const toText = (bytes) =>
  btoa(String.fromCharCode(...new Uint8Array(bytes))).replace(/\+/g, "-").replace(/\//g, "_").replace(/=+$/, "");

export function dump(credential) {
  const response = {};
  for (const name of ["clientDataJSON", "attestationObject", "authenticatorData", "signature", "userHandle"]) {
    const value = credential.response[name];
    if (value) response[name] = toText(value);
  }
  return { id: credential.id, rawId: toText(credential.rawId), type: credential.type, response };
}

/** Have the browser answer `options` with a passkey. */
export async function prove(options) {
  options.challenge = toBytes(options.challenge);
  for (const one of options.allowCredentials ?? []) one.id = toBytes(one.id);
  return dump(await navigator.credentials.get({ publicKey: options }));
}
