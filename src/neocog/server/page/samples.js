// All samples of the data as a contact sheet: filtered, sorted, shown to the network, and their labels corrected.

import { ask, get } from "./api.js";
import { element } from "./explained.js";
import { chooser, paint } from "./rooms.js";
import { count, number, short, text } from "./texts.js";

/** @typedef {{sample: number, name: string, label: string, part: string, prediction?: string, wrong?: boolean, loss?: number | null, rank?: number, likely?: string, flagged?: boolean}} Sample */

const AT_ONCE = 60;
const EXCLUDE = "\u0000exclude"; // no class has such a name

export class Samples {
  /** @param {import("./rooms.js").Page} page */
  constructor(page) {
    this.page = page;
    /** @type {HTMLElement | null} */ this.place = null;
    /** @type {Sample[]} */ this.rows = [];
    /** @type {Sample[]} */ this.chosen = [];
    /** @type {Map<number, string>} by sample: another class, or EXCLUDE */ this.corrected = new Map();
    this.shown = 0;
    this.asked = -1; // of which run the rows are
  }

  reset() {
    const again = () => void this.pick();
    const classes = /** @type {string[]} */ (this.page.facts.classes);
    this.part = chooser("samples.part", [["", text("samples.part.all")], ...["train", "validation", "test"].map((name) => /** @type {[string, string]} */ ([name, text(`samples.part.${name}`)]))], again);
    this.label = chooser("tests.class", [["", text("tests.all")], ...classes.map((name) => /** @type {[string, string]} */ ([name, short(name)]))], again);
    this.which = chooser("samples.which", ["all", "wrong", "flagged", "corrected"].map((name) => [name, text(`samples.which.${name}`)]), again);
    this.order = chooser("samples.order", ["data", "loss", "rank"].map((name) => [name, text(`samples.order.${name}`)]), again);
    this.count = element("p", { class: "note", role: "status" });
    this.sheet = element("ol", { class: "sheet" });
    this.more = element("button", { type: "button" }, text("samples.more"));
    this.more.addEventListener("click", () => void this.add());
    this.bar = this.corrections();
    this.place?.append(element("div", { class: "controls" }, this.part.label, this.label.label, this.which.label, this.order.label), this.bar, this.count, this.sheet, this.more);
    this.more.hidden = true;
    [this.asked, this.rows] = [-1, []];
    this.corrected.clear();
    this.tell();
  }

  /** What was corrected, and the file of it. */
  corrections() {
    this.told = element("span");
    const save = element("button", { type: "button", class: "strong" }, text("corrections.save"));
    save.addEventListener("click", () => void this.save());
    const undo = element("button", { type: "button" }, text("changes.undo"));
    undo.addEventListener("click", () => { this.corrected.clear(); void this.pick(); });
    return element("div", { id: "corrections" }, this.told, save, undo);
  }

  async changed() {
    if (this.asked === this.page.run) return;
    const run = (this.asked = this.page.run);
    try {
      const { samples } = await get(`api/runs/${run}/samples`);
      if (run !== this.page.run) return;
      this.rows = samples;
      this.offer();
      await this.pick();
    } catch (error) {
      this.asked = -1;
      this.page.tell(error);
    }
  }

  /** What these rows do not have cannot be asked for. */
  offer() {
    const has = { loss: this.rows.some((row) => row.loss != null), rank: this.rows.some((row) => row.rank), wrong: this.rows.some((row) => row.wrong), flagged: this.rows.some((row) => row.flagged) };
    for (const chooser of [this.which, this.order]) {
      for (const option of chooser?.select.options ?? []) option.hidden = option.disabled = /** @type {Record<string, boolean>} */ (has)[option.value] === false;
    }
    if (this.order && has.loss) this.order.select.value = "loss";
  }

  pick() {
    const [part, label, which, order] = [this.part, this.label, this.which, this.order].map((chooser) => chooser?.select.value ?? "");
    const kept = (/** @type {Sample} */ row) => which === "all" || (which === "wrong" && row.wrong) || (which === "flagged" && row.flagged) || (which === "corrected" && this.corrected.has(row.sample));
    this.chosen = this.rows.filter((row) => (!part || row.part === part) && (!label || row.label === label) && kept(row));
    if (order === "loss") this.chosen.sort((a, b) => (b.loss ?? -1) - (a.loss ?? -1));
    if (order === "rank") this.chosen.sort((a, b) => (a.rank ?? Infinity) - (b.rank ?? Infinity));
    this.shown = 0;
    this.sheet?.replaceChildren();
    if (this.count) this.count.textContent = text("samples.count", { n: count(this.chosen.length), all: count(this.rows.length) });
    this.tell();
    return this.add();
  }

  async add() {
    const [rows, sheet] = [this.chosen.slice(this.shown, this.shown + AT_ONCE), this.chosen];
    if (this.more) this.more.hidden = this.shown + rows.length >= this.chosen.length;
    this.shown += rows.length;
    if (!rows.length) return;
    const items = rows.map((row) => this.item(row));
    this.sheet?.append(...items.map((item) => item.element));
    try {
      const { arrays } = await ask(`api/runs/${this.page.run}/sheet`, { header: { samples: rows.map((row) => row.sample) }, arrays: {} });
      if (sheet !== this.chosen) return;
      const [, height, width] = arrays.pictures.shape;
      const each = height * width * 3;
      items.forEach((item, i) => paint(item.canvas, arrays.pictures.data.subarray(i * each, (i + 1) * each), height, width));
    } catch (error) {
      this.page.tell(error);
    }
  }

  /** @param {Sample} row */
  item(row) {
    const canvas = /** @type {HTMLCanvasElement} */ (element("canvas", { width: "8", height: "8" }));
    const button = element("button", { type: "button", class: "sample", "aria-label": text("samples.show", { name: short(row.name, 80), label: short(row.label, 60) }) }, canvas);
    button.addEventListener("click", () => this.page.take(row.sample, row.label));
    const facts = element("span", { class: "facts", title: short(row.name, 300) }, this.fact(row));
    const made = element("li", { class: row.wrong ? "wrong" : row.flagged ? "flagged" : "" }, button, facts);
    if (this.page.facts.task === "classification") made.append(this.corrector(row, made));
    return { element: made, canvas };
  }

  /** @param {Sample} row */
  fact(row) {
    if (row.wrong) return text("samples.taken", { prediction: short(row.prediction ?? "", 24), loss: number(row.loss ?? 0, 3) });
    if (row.flagged) return text("samples.likely", { likely: short(row.likely ?? "", 24) });
    return row.loss == null ? text(`samples.part.${row.part || "none"}`) : text("samples.loss", { loss: number(row.loss, 2) });
  }

  /** The label as it is, another class, or out. @param {Sample} row @param {HTMLElement} item */
  corrector(row, item) {
    const select = /** @type {HTMLSelectElement} */ (element("select", { "aria-label": text("corrections.label", { name: short(row.name, 80) }) }));
    const classes = /** @type {string[]} */ (this.page.facts.classes);
    select.append(...classes.map((name) => element("option", { value: name }, short(name, 40))), element("option", { value: EXCLUDE }, text("corrections.exclude")));
    select.value = this.corrected.get(row.sample) ?? row.label;
    item.classList.toggle("corrected", this.corrected.has(row.sample));
    select.addEventListener("change", () => {
      if (select.value === row.label) this.corrected.delete(row.sample);
      else this.corrected.set(row.sample, select.value);
      item.classList.toggle("corrected", this.corrected.has(row.sample));
      this.tell();
    });
    return select;
  }

  tell() {
    if (!this.bar || !this.told) return;
    this.bar.hidden = !this.corrected.size;
    this.told.textContent = text(this.corrected.size === 1 ? "corrections.one" : "corrections.told", { n: count(this.corrected.size) });
  }

  /** The corrections as a file of the browser's; the data stay as they are. */
  async save() {
    const rows = this.rows.filter((row) => this.corrected.has(row.sample)).map((row) => {
      const to = this.corrected.get(row.sample) ?? "";
      return { sample: row.name, action: to === EXCLUDE ? "exclude" : "relabel", label: to === EXCLUDE ? "" : to, given: row.label };
    });
    try {
      const { header } = await ask(`api/runs/${this.page.run}/corrections`, { header: { rows }, arrays: {} });
      const address = URL.createObjectURL(new Blob([header.csv], { type: "text/csv" }));
      element("a", { href: address, download: "corrections.csv" }).click();
      setTimeout(() => URL.revokeObjectURL(address), 10_000);
      this.page.tell(null);
    } catch (error) {
      this.page.tell(error);
    }
  }
}
