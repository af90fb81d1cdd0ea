// What the worker remembers between two of its short lives: a handful of small notes in IndexedDB. No picture, no answer
// of the house. `/sw.js` is these files one after the other, with the facts of the house before them.

const notes = (() => {
  const HANGS_MS = 5000;
  let opened = null;

  function open() {
    opened ??= new Promise((resolve, reject) => {
      const asked = indexedDB.open("vigilar-worker", 1);
      asked.onupgradeneeded = () => asked.result.createObjectStore("notes");
      asked.onsuccess = () => resolve(asked.result);
      asked.onerror = () => reject(asked.error);
    });
    opened.catch(() => (opened = null));
    return opened;
  }

  async function use(mode, act) {
    let timer;
    const tooLong = new Promise((_resolve, reject) => (timer = setTimeout(() => reject(new Error("hangs")), HANGS_MS)));
    return Promise.race([work(mode, act), tooLong]).finally(() => clearTimeout(timer));
  }

  async function work(mode, act) {
    const store = (await open()).transaction("notes", mode).objectStore("notes");
    const asked = act(store);
    return new Promise((resolve, reject) => {
      store.transaction.oncomplete = () => resolve(asked.result);
      store.transaction.onerror = store.transaction.onabort = () => reject(store.transaction.error);
    });
  }

  /** The note, or `none`; a phone whose storage is broken, or hangs, forgets, and still tells. */
  async function get(name, none) {
    try {
      return (await use("readonly", (store) => store.get(name))) ?? none;
    } catch {
      return none;
    }
  }

  async function set(name, value) {
    try {
      await use("readwrite", (store) => store.put(value, name));
    } catch {
      // See above.
    }
  }

  return { get, set };
})();

function makeTurns() {
  let last = Promise.resolve();
  return (act) => {
    const turn = last.then(act, act);
    last = turn.catch(() => {});
    return turn;
  };
}

/** One thing after the other: two pushes may arrive within the same second. What waits for the house has no place here,
 * as the next push would wait for it too. */
const inTurn = makeTurns();
