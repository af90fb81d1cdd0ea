// JPEG pictures one by one, read with fetch, so that the connection ends for sure when the page is left, and each
// picture's own time is known. For browsers without a Media Source, and for codecs they do not have.

import { heard } from "./clock.js";

const find = (bytes, from) => {
  for (let i = from; i + 3 < bytes.length; i++) {
    if (bytes[i] === 13 && bytes[i + 1] === 10 && bytes[i + 2] === 13 && bytes[i + 3] === 10) return i;
  }
  return -1;
};

/** Parts of a multipart body: `{ headers, data }`. Each part says its length. */
async function* parts(body) {
  const reader = body.getReader();
  let held = new Uint8Array(0);
  const more = async () => {
    const { done, value } = await reader.read();
    if (done) return false;
    const joined = new Uint8Array(held.length + value.length);
    joined.set(held);
    joined.set(value, held.length);
    held = joined;
    return true;
  };
  for (;;) {
    let end;
    while ((end = find(held, 0)) < 0) if (!(await more())) return;
    const text = new TextDecoder().decode(held.subarray(0, end));
    const headers = new Map(
      text.split("\r\n").filter((row) => row.includes(":")).map((row) => {
        const at = row.indexOf(":");
        return [row.slice(0, at).toLowerCase(), row.slice(at + 1).trim()];
      }),
    );
    const size = Number(headers.get("content-length"));
    while (held.length < end + 4 + size) if (!(await more())) return;
    yield { headers, data: held.slice(end + 4, end + 4 + size) };
    held = held.slice(end + 4 + size);
  }
}

/**
 * `onPicture(blob, utcMs)` for each; `onEnd(sentence)` once, unless it was stopped, with why the box has none if it said.
 * Returns a function to stop it.
 */
export function watchJpegs(url, onPicture, onEnd) {
  const abort = new AbortController();
  (async () => {
    let why = "";
    try {
      const answer = await fetch(url, { signal: abort.signal, headers: { Accept: "application/json" } });
      if (!answer.ok) {
        why = (await answer.json()).detail ?? "";
        throw new Error(String(answer.status));
      }
      for await (const { headers, data } of parts(answer.body)) {
        heard(Number(headers.get("x-sent")));
        await onPicture(new Blob([data], { type: "image/jpeg" }), Number(headers.get("x-timestamp")));
      }
    } catch {
      // Ended by us, by the camera or by the network: the page says which, and tries again.
    }
    if (!abort.signal.aborted) onEnd(why);
  })();
  return () => abort.abort();
}
