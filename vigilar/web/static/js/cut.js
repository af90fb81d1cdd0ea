// What is marked on the strip to be exported: from one picture to another, both of them in it.

const $ = (id) => document.getElementById(id);

export class Cut {
  /**
   * `moment()`: the picture that is shown, UTC ms, null while it is live. `words(ms, but)`: when that is, without the day
   * where `but` is of the same one. `changed()`: draw anew.
   */
  constructor({ camera, moment, words, length, say, changed }) {
    Object.assign(this, { camera, moment, words, length, say, changed });
    this.from = null;
    this.last = null; // the picture that is the last one
    const press = (id, act) => $(id).addEventListener("click", act);
    press("cut-from", () => this.mark("from"));
    press("cut-to", () => this.mark("last"));
    press("cut-clear", () => this.clear());
    $("cut").addEventListener("submit", (event) => {
      event.preventDefault();
      this.export();
    });
  }

  /** Mark the picture that is shown as the first (`from`) or the `last` one. The other mark goes if it is on the wrong side. */
  mark(end) {
    const at = this.moment();
    if (at === null) return this.say("Only what is recorded can be exported. Drag the strip to go back, then mark.");
    const first = end === "from";
    const [from, last] = first ? [Math.round(at), this.last] : [this.from, Math.round(at)];
    const crossed = from !== null && last !== null && last < from;
    this.from = crossed && !first ? null : from;
    this.last = crossed && first ? null : last;
    this.show();
  }

  clear() {
    const had = $("cut").contains(document.activeElement);
    this.from = this.last = null;
    this.show();
    if (had) $("cut-from").focus();
  }

  show() {
    const { from, last } = this;
    $("cut").hidden = from === null && last === null;
    $("cut-export").disabled = from === null || last === null;
    $("cut-says").textContent =
      from === null && last === null ? ""
      : last === null ? `From ${this.words(from)}. Now mark the end.`
      : from === null ? `To ${this.words(last)}. Now mark the start.`
      : `From ${this.words(from)} to ${this.words(last, from)}, ${this.length(last - from)}.`;
    this.changed();
  }

  async export() {
    if (this.from === null || this.last === null) return this.say("Mark the start and the end of what is to be exported.");
    const button = $("cut-export");
    if (button.disabled) return; // it is being asked for: a key held down is one wish
    button.disabled = true;
    const wish = { camera: this.camera, from: this.from, to: this.last + 1, proof: $("cut-proof").checked };
    const headers = { "Content-Type": "application/json", Accept: "application/json" };
    const answer = await fetch("/api/v1/exports", { method: "POST", headers, body: JSON.stringify(wish) }).catch(() => null);
    const found = await answer?.json().catch(() => null);
    button.disabled = false;
    if (answer?.ok && found) return location.assign(`/exports/${found.id}`);
    this.say(found?.detail ?? "The box did not answer. Try again.");
  }
}
