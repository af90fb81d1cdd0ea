// What is done to cards: seen, kept, selected; all with a way back. Without script the same buttons are a plain form.

import { announce } from "./announce.js";

const UNDO_FOR_MS = 12000;

export class Deeds {
  constructor({ list, showCard, sumUpSoon }) {
    Object.assign(this, { list, showCard, sumUpSoon });
    this.form = document.getElementById("list");
    this.bulk = document.getElementById("bulk");
    this.query = this.form.dataset.query;
    this.undo = null; // { what, token, cards }
    this.lastPicked = null;
    this.bar = this.makeBar();
    this.form.addEventListener("submit", (event) => this.submit(event));
    this.list.addEventListener("change", () => this.countPicked());
    document.getElementById("bulk-more").open = true;
    this.countPicked();
  }

  makeBar() {
    const bar = document.createElement("div");
    bar.className = "undo-bar";
    bar.hidden = true;
    const words = document.createElement("span");
    words.setAttribute("role", "status");
    const back = Object.assign(document.createElement("button"), { className: "btn btn-outline", type: "button", textContent: "Undo" });
    back.addEventListener("click", () => this.takeBack());
    bar.append(words, back);
    document.getElementById("main").append(bar);
    return bar;
  }

  submit(event) {
    const button = event.submitter;
    if (button.dataset.bulk === "delete" && this.picked().length) return; // leads to the page that says what goes
    event.preventDefault();
    const url = button.getAttribute("formaction") ?? this.form.getAttribute("action");
    if (button.name === "all") return this.send(url, { all: "1" }, [...this.list.querySelectorAll("article")]);
    if (button.name === "one") return this.send(url, { one: button.value }, [button.closest("article")]);
    const picked = this.picked();
    if (!picked.length) return this.say("Nothing is selected. Press x on a card, or its box.", null);
    this.send(url, { story: picked.map((card) => card.dataset.key) }, picked);
  }

  /** The card of the same story that is in the list now: another may have come in its place meanwhile. */
  now(card) {
    return [...this.list.querySelectorAll("article")].find((one) => one.dataset.key === card.dataset.key) ?? card;
  }

  /** Press the card's own button: `seen`, `unseen`, `kept` or `release`, the one of the two that is there. */
  press(card, ...names) {
    const button = names.map((name) => card.querySelector(`[data-do="${name}"]`)).find((one) => one);
    if (button) this.send(button.getAttribute("formaction"), { one: button.value }, [card]);
  }

  /** Go to the page that says what deleting means: of what is selected, else of this card. */
  erase(card) {
    const button = this.form.querySelector('[data-bulk="delete"]');
    if (!this.picked().length) this.pick(card, true);
    this.form.requestSubmit(button);
  }

  /** The clip of a card was looked at: seen, without a word. */
  markSeen(card) {
    if (!card.classList.contains("is-new")) return;
    const button = card.querySelector('[data-do="seen"]');
    if (button) this.send(button.getAttribute("formaction"), { one: button.value }, [card], { isQuiet: true });
  }

  async send(url, values, cards, { isQuiet = false } = {}) {
    const body = new URLSearchParams();
    for (const [name, value] of Object.entries(values)) for (const one of [value].flat()) body.append(name, one);
    const answer = await fetch(url, { method: "POST", headers: { Accept: "application/json" }, body }).catch(() => null);
    const told = await answer?.json().catch(() => null);
    if (!answer?.ok) return this.say(told?.detail ?? "The box did not answer. Nothing was changed.", null);
    if (!isQuiet) {
      this.undo = told.undo ? { what: told.what, token: told.undo, cards } : null;
      this.say(told.words, this.undo);
    }
    for (const card of cards) this.unpick(card);
    await this.renew(cards);
  }

  async takeBack() {
    if (!this.undo) return;
    const { what, token, cards } = this.undo;
    this.undo = null;
    await this.send(`/events/${what}${this.query}`, { undo: token }, cards);
  }

  /** Ask for these cards anew, six at a time. */
  async renew(cards) {
    const ids = cards.map((card) => card.dataset.events.split(" ")[0]);
    const next = async () => {
      for (let id = ids.shift(); id !== undefined; id = ids.shift()) await this.showCard(id).catch(() => {});
    };
    await Promise.all([next(), next(), next(), next()]);
    this.sumUpSoon();
  }

  say(words, undo) {
    this.bar.firstElementChild.textContent = words;
    this.bar.lastElementChild.hidden = !undo;
    this.bar.hidden = false;
    clearTimeout(this.timer);
    this.timer = setTimeout(() => {
      if (this.bar.contains(document.activeElement)) return;
      this.bar.hidden = true;
    }, UNDO_FOR_MS);
    if (!undo) announce(words);
  }

  picked() {
    return [...this.list.querySelectorAll("article")].filter((card) => card.querySelector(".pick-one input")?.checked);
  }

  pick(card, isOn) {
    const box = card && this.now(card).querySelector(".pick-one input");
    if (!box) return;
    box.checked = isOn ?? !box.checked;
    this.lastPicked = card.dataset.key;
    this.countPicked();
  }

  unpick(card) {
    const box = this.now(card).querySelector(".pick-one input");
    if (box) box.checked = false;
    this.countPicked();
  }

  /** From the last one that was selected to this one. */
  pickRange(card) {
    const all = [...this.list.querySelectorAll("article")];
    const [first, last] = [all.findIndex((one) => one.dataset.key === this.lastPicked), all.indexOf(card)];
    if (first < 0) return this.pick(card, true);
    for (const one of all.slice(Math.min(first, last), Math.max(first, last) + 1)) this.pick(one, true);
  }

  countPicked() {
    const picked = this.picked();
    this.bulk.classList.toggle("is-on", picked.length > 0);
    document.getElementById("bulk-count").textContent = picked.length ? `${picked.length} selected` : "";
    const link = document.getElementById("bulk-export");
    if (!link) return;
    const cameras = new Set(picked.flatMap((card) => card.dataset.cameras.split(" ").filter(Boolean)));
    link.hidden = cameras.size !== 1;
    if (link.hidden) return;
    const from = Math.min(...picked.map((card) => Number(card.dataset.from))) - 1000;
    const to = Math.max(...picked.map((card) => Number(card.dataset.to))) + 2000;
    link.href = `/exports?camera=${encodeURIComponent([...cameras][0])}&from=${from}&to=${to}`;
  }
}
