// The ordinary `neocog train`, begun from the page and watched through its run folder: curves, what it takes for what, its filters.

import { ask, get } from "./api.js";
import { curves } from "./curves.js";
import { colour } from "./colours.js";
import { element } from "./explained.js";
import { Grid } from "./grid.js";
import { chooser } from "./rooms.js";
import { count, number, short, text } from "./texts.js";

/** @typedef {{id: number, name: string, state: string, data: string, model: string, command: string, step: number, steps: number, epoch: number, rows: Record<string, number>[], left: number | null, error: {what: string, where: string, fix: string} | null, run: number | null}} Training */

const PAUSE = 1000; // ms between two questions
const NUMBERED = 20; // classes of which a confusion matrix shows numbers

export class Train {
  /** @param {import("./rooms.js").Page} page */
  constructor(page) {
    this.page = page;
    /** @type {HTMLElement | null} */ this.place = null;
    /** @type {Training[]} */ this.all = [];
    this.id = -1;
    this.asking = false;
    setInterval(() => { if (document.body.dataset.room === "train" && !document.hidden) void this.changed(); }, PAUSE);
  }

  reset() {
    this.drawn = "";
    this.data = chooser("train.data", [], () => {});
    this.model = chooser("train.model", [], () => {});
    this.unit = chooser("train.length", ["epochs", "minutes"].map((name) => [name, text(`train.${name}`)]), () => { if (this.long) this.long.value = this.unit?.select.value === "epochs" ? "10" : "5"; });
    this.long = input("train.amount", "10", "1");
    this.size = input("train.size", "0", "0");
    this.threads = input("train.threads", "0", "0");
    this.seed = input("train.seed", "0", "0");
    const go = element("button", { type: "submit", class: "strong" }, text("train.go"));
    const form = element("form", { class: "controls" }, this.data.label, this.model.label, this.unit.label, this.long, named("train.size", this.size), named("train.threads", this.threads), named("train.seed", this.seed), go);
    form.addEventListener("submit", (event) => { event.preventDefault(); void this.start(); });
    this.which = chooser("train.which", [], () => { this.id = Number(this.which?.select.value); this.show(); });
    this.which.label.classList.add("which");
    this.detail = element("div", { class: "training" });
    this.first = element("p", { class: "note" }, text("train.first"));
    this.place?.append(this.first, form, this.which.label, this.detail);
    this.parts();
    this.show();
    void this.changed();
  }

  /** What a training's place is made of. */
  parts() {
    this.said = element("p", { class: "said", role: "status" });
    this.facts = element("p", { class: "note" });
    this.bar = /** @type {HTMLProgressElement} */ (element("progress", { max: "1", "aria-label": text("train.progress") }));
    this.stop = button("train.stop", () => this.act("stop"));
    this.resume = button("train.resume", () => this.act("resume"));
    this.look = button("train.look", () => this.open());
    this.fault = element("p", { class: "caution" });
    this.curves = element("div", { class: "curves" });
    this.filters = new Grid(text("train.filters"), () => {}, () => {});
    this.filters.canvas.setAttribute("role", "img");
    this.filters.canvas.removeAttribute("tabindex");
    this.filtered = element("div", {}, element("h3", {}, text("train.filters")), this.filters.canvas);
    this.matrix = element("div", { class: "matrix", tabindex: "0", role: "region", "aria-label": text("train.confusion") });
    this.confused = element("div", {}, element("h3", {}, text("train.confusion")), this.matrix);
    this.command = element("code");
    this.shell = element("p", { class: "note" }, text("train.command"), " ", this.command);
    this.detail?.append(this.said, this.bar, this.facts, this.fault, element("div", { class: "tools" }, this.stop, this.resume, this.look), this.curves, element("div", { class: "learned" }, this.confused, this.filtered), this.shell);
  }

  async changed() {
    if (this.asking) return;
    this.asking = true;
    try {
      const told = await get("api/trainings");
      options(this.data, told.data.map((/** @type {{id: number, name: string}} */ each) => [String(each.id), short(each.name, 50)]));
      options(this.model, told.models.map((/** @type {string} */ name) => [name, name === "auto" ? text("train.auto") : name]));
      this.page.renew(told.runs);
      this.all = told.trainings;
      if (!this.all.some(({ id }) => id === this.id)) this.id = (this.all.find(({ state }) => state !== "stopped") ?? this.all[0])?.id ?? -1;
      this.show();
    } catch (error) {
      this.page.tell(error);
    } finally {
      this.asking = false;
    }
  }

  /** The training that was chosen, as it stands. */
  show() {
    if (!this.which || !this.detail) return;
    options(this.which, [...this.all].reverse().map((each) => [String(each.id), `${short(each.name, 60)} · ${text(`train.${each.state}`)}`]));
    this.which.select.value = String(this.id);
    const found = this.all.find(({ id }) => id === this.id);
    this.which.label.hidden = this.detail.hidden = !found;
    if (this.first) this.first.hidden = this.all.length > 0 || this.page.runs.length > 0;
    if (found) this.tell(found);
  }

  /** @param {Training} training */
  tell({ state, step, steps, rows, left, error, command, run, epoch }) {
    if (!this.said || !this.bar || !this.facts || !this.fault || !this.stop || !this.resume || !this.look || !this.command) return;
    said(this.said, text(`train.${state}.long`));
    const works = ["starting", "training", "ending"].includes(state);
    this.bar.hidden = !works && state !== "stopped";
    if (steps) this.bar.value = step / steps;
    else this.bar.removeAttribute("value");
    const facts = steps ? [text("train.steps", { step: count(step), steps: count(steps), epoch: number(epoch, 3) })] : [];
    if (left !== null) facts.push(text("train.left", { time: time(left) }));
    said(this.facts, facts.join(" · "));
    said(this.fault, error ? [error.what, error.where && text("error.where", { where: short(error.where, 160) }), error.fix && text("error.fix", { fix: error.fix })].filter(Boolean).join(". ") : "");
    [this.stop.hidden, this.resume.hidden, this.look.hidden] = [!works, state !== "stopped", run === null];
    said(this.command, command);
    if (this.shell) this.shell.hidden = !command;
    const now = JSON.stringify([this.id, rows.length, state]);
    if (now === this.drawn) return;
    this.drawn = now;
    this.curves?.replaceChildren(...curves(rows));
    void this.shown();
  }

  async shown() {
    const id = this.id;
    try {
      const { header, arrays } = await ask(`api/trainings/${id}/shown`, { header: {}, arrays: {} });
      if (id !== this.id || !this.filtered || !this.confused || !this.filters || !this.matrix) return;
      this.filtered.hidden = !arrays.filters;
      if (arrays.filters) this.filters.set(arrays.filters, arrays["filters.scale"], { shared: true, gain: 1, side: 40, full: 1, width: Math.max(120, this.filtered.clientWidth - 4) });
      this.confused.hidden = !arrays.confusion;
      if (arrays.confusion) this.matrix.replaceChildren(confusion(header.classes, arrays.confusion.data));
    } catch (error) {
      this.page.tell(error);
    }
  }

  async start() {
    const long = Number(this.long?.value);
    const length = this.unit?.select.value === "epochs" ? { epochs: Math.round(long) } : { minutes: long };
    const header = { data: Number(this.data?.select.value), model: this.model?.select.value, ...length, size: Number(this.size?.value), threads: Number(this.threads?.value), seed: Number(this.seed?.value) };
    await this.asked("api/trainings/start", header, (told) => (this.id = told.id));
  }

  /** @param {string} name */
  act(name) {
    return this.asked(`api/trainings/${this.id}/${name}`, {}, () => {});
  }

  /** @param {string} address @param {Record<string, unknown>} header @param {(told: any) => void} then */
  async asked(address, header, then) {
    try {
      then((await ask(address, { header, arrays: {} })).header);
      this.page.tell(null);
      await this.changed();
    } catch (error) {
      this.page.tell(error);
    }
  }

  open() {
    const run = this.all.find(({ id }) => id === this.id)?.run;
    if (run !== null && run !== undefined) this.page.look(run);
  }
}

/** @param {string} name of its text @param {string} value @param {string} least */
function input(name, value, least) {
  return /** @type {HTMLInputElement} */ (element("input", { type: "number", value, min: least, max: "1000000", step: "any", required: "", "aria-label": text(name) }));
}

/** @param {string} name @param {HTMLElement} field */
const named = (name, field) => element("label", {}, element("span", {}, text(name)), field);

/** @param {string} name of its text @param {() => void} then */
function button(name, then) {
  const made = element("button", { type: "button" }, text(name));
  made.addEventListener("click", then);
  return made;
}

/** Others, where they are others: a list that is open stays so. @param {{select: HTMLSelectElement} | undefined} chooser @param {[string, string][]} wanted */
function options(chooser, wanted) {
  if (!chooser) return;
  const there = [...chooser.select.options].map((option) => [option.value, option.text]);
  if (JSON.stringify(there) === JSON.stringify(wanted)) return;
  const value = chooser.select.value;
  chooser.select.replaceChildren(...wanted.map(([each, told]) => element("option", { value: each }, told)));
  if (wanted.some(([each]) => each === value)) chooser.select.value = value;
}

/** A text is written where it is another: what is read aloud is read once. @param {HTMLElement} place @param {string} told */
function said(place, told) {
  if (place.textContent !== told) place.textContent = told;
  place.hidden = !told;
}

/** 75 → "1 min 15 s" @param {number} seconds */
const time = (seconds) => (seconds >= 3600 ? text("time.hours", { h: Math.floor(seconds / 3600), min: Math.round((seconds % 3600) / 60) }) : seconds >= 60 ? text("time.minutes", { min: Math.floor(seconds / 60), s: Math.round(seconds % 60) }) : text("time.seconds", { s: Math.round(seconds) }));

/** A table whose rows are labels and whose columns are answers. @param {string[]} classes @param {ArrayLike<number>} counts */
function confusion(classes, counts) {
  const many = classes.length;
  const table = element("table", { class: "confusion" }, element("caption", {}, text("train.confusion.of")));
  const head = element("tr", {}, element("td"), ...classes.map((name) => element("th", { scope: "col", title: short(name, 300) }, short(name, 12))));
  table.append(head);
  for (let row = 0; row < many; row++) {
    const own = Array.from({ length: many }, (_, k) => counts[row * many + k]);
    const total = Math.max(1, own.reduce((a, b) => a + b, 0));
    table.append(element("tr", {}, element("th", { scope: "row", title: short(classes[row], 300) }, short(classes[row], 12)), ...own.map((n, k) => cell(n, (k === row ? -1 : 1) * (n / total), many))));
  }
  return table;
}

/** @param {number} n @param {number} share below 0: on the diagonal @param {number} many classes */
function cell(n, share, many) {
  const { ground, ink } = colour(share);
  const made = element("td", {}, many > NUMBERED || !n ? "" : count(n));
  [made.style.background, made.style.color] = [ground, ink];
  return made;
}
