// A picture changed until the answer breaks: the size of an attack or a corruption on a slider, and what was changed.

import { Answer } from "./answer.js";
import { ask } from "./api.js";
import { element } from "./explained.js";
import { chooser, paint } from "./rooms.js";
import { number, short, text } from "./texts.js";
import { Turn } from "./turn.js";

const LEVELS = 32; // of the slider: half a grey level each

export class Stress {
  /** @param {import("./rooms.js").Page} page */
  constructor(page) {
    this.page = page;
    /** @type {HTMLElement | null} */ this.place = null;
    this.turn = new Turn((error) => page.tell(error), () => void this.changed());
  }

  reset() {
    const { classes, corruptions } = this.page.facts;
    const change = () => { this.range(); void this.changed(); };
    this.kind = chooser("stress.kind", [["", text("stress.attack")], ...corruptions.map((/** @type {string} */ name) => [name, name.replaceAll("_", " ")])], change);
    this.target = chooser("stress.target", [["-1", text("stress.any")], ...classes.map((/** @type {string} */ name, /** @type {number} */ k) => [String(k), short(name)])], () => void this.changed());
    this.slider = /** @type {HTMLInputElement} */ (element("input", { type: "range", min: "0", step: "1", value: "8" }));
    this.slider.addEventListener("input", () => void this.changed());
    this.size = element("output");
    const slider = element("label", { class: "wide" }, element("span", {}, text("stress.size")), this.slider, this.size);
    const names = ["picture", "change", "changed"];
    this.canvases = names.map((name) => /** @type {HTMLCanvasElement} */ (element("canvas", { width: "8", height: "8", role: "img", "aria-label": text(`stress.${name}`) })));
    this.captions = names.map((name) => element("figcaption", {}, text(`stress.${name}`)));
    this.answers = [0, 1].map(() => this.answer());
    const figures = this.canvases.map((canvas, i) => element("figure", {}, canvas, this.captions?.[i] ?? "", ...(i === 1 ? [] : [this.answers?.[i / 2].place ?? ""])));
    this.figures = element("div", { class: "stressed", "aria-live": "polite" }, figures[0], element("span", { class: "sign" }, "+"), figures[1], element("span", { class: "sign" }, "="), figures[2]);
    this.place?.append(element("div", { class: "controls" }, this.kind.label, this.target.label, slider), this.figures, element("p", { class: "note" }, text("stress.note")));
    this.range();
  }

  answer() {
    const [said, list, note] = [element("p", { class: "said" }), element("ol", { class: "bars" }), element("p", { class: "note" })];
    return { place: element("div", { class: "answer" }, said, list), shown: new Answer(said, list, note) };
  }

  range() {
    const attack = !this.kind?.select.value;
    if (!this.slider || !this.target) return;
    this.target.label.hidden = !attack;
    this.slider.max = String(attack ? LEVELS : 5);
    this.slider.value = String(attack ? LEVELS / 4 : 3);
  }

  async changed() {
    const [corruption, level] = [this.kind?.select.value ?? "", Number(this.slider?.value ?? 0)];
    const grey = (16 * level) / LEVELS;
    if (this.size) this.size.textContent = corruption ? text("stress.severity", { level }) : text("stress.epsilon", { grey: number(grey, 2) });
    await this.turn.take(async () => {
      const more = { corruption, amount: corruption ? level : grey / 255, target: Number(this.target?.select.value ?? -1), loss: false, gradients: false };
      const { header, arrays } = await ask(`api/runs/${this.page.run}/stressed`, this.page.question(more));
      this.show(header, arrays);
    });
  }

  /** @param {any} header @param {Record<string, import("./frame.js").Tensor>} arrays */
  show(header, arrays) {
    ["picture", "change", "changed"].forEach((name, i) => {
      const [height, width] = arrays[name].shape;
      if (this.canvases) paint(this.canvases[i], arrays[name].data, height, width);
    });
    if (this.captions) this.captions[1].textContent = text(header.times > 1 ? "stress.magnified" : "stress.change", { times: header.times, largest: number(header.largest, 3) });
    [header.before, header.after].forEach((answer, i) => this.answers?.[i].shown.show(answer, this.page.facts, true));
    this.figures?.classList.toggle("turned", header.before.prediction !== header.after.prediction);
  }
}
