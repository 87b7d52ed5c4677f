// Two runs on the same picture, side by side: what each answers, and what its layers make of it.

import { Answer } from "./answer.js";
import { ask, get } from "./api.js";
import { element } from "./explained.js";
import { Stream } from "./layers.js";
import { Panel } from "./panel.js";
import { chooser } from "./rooms.js";
import { count, short, text } from "./texts.js";
import { Turn } from "./turn.js";

class Side {
  constructor() {
    const [said, bars] = [element("p", { class: "said" }), element("ol", { class: "bars" })];
    this.note = element("p", { class: "note" });
    this.facts = element("p", { class: "note" });
    this.layers = element("ol", { class: "stream" });
    this.answer = new Answer(said, bars, element("p"));
    this.stream = new Stream(this.layers, { choose: () => {}, kernels: () => {}, more: () => {}, point: () => {} });
    const panel = element("div", { class: "panel" });
    this.panel = new Panel(panel);
    this.parts = [this.facts, element("div", { class: "answer" }, said, bars, this.note, panel), this.layers];
    /** @type {any} */ this.known = null;
  }

  /** @param {any} facts */
  reset(facts) {
    this.known = facts;
    this.facts.textContent = text("compare.facts", { model: facts.model, parameters: count(facts.parameters), size: facts.size.join(" × ") });
    this.stream.reset(facts.layers, facts.size, facts.channels);
    for (const button of this.layers.querySelectorAll("button")) button.remove(); // weights are had in the layers' own room
  }

  /** @param {any} header @param {Record<string, import("./frame.js").Tensor>} arrays */
  show(header, arrays) {
    this.answer.show(header.answer, this.known, true);
    this.note.textContent = header.fitted ? text("pad.fitted", { what: header.fitted }) : "";
    this.stream.show(arrays, { shared: true, gain: 1, gradients: false }, header);
    this.panel.show(header.panel ?? {}, arrays, this.known);
    for (const row of this.stream.rows) row.more.remove();
  }
}

export class Compare {
  /** @param {import("./rooms.js").Page} page */
  constructor(page) {
    this.page = page;
    /** @type {HTMLElement | null} */ this.place = null;
    this.turn = new Turn((error) => page.tell(error), () => void this.changed());
    this.other = -1;
  }

  reset() {
    this.sides = [new Side(), new Side()];
    const others = this.page.runs.filter(({ id }) => id !== this.page.run);
    this.other = others[0]?.id ?? -1;
    const name = this.page.runs.find(({ id }) => id === this.page.run)?.name ?? "";
    this.chooser = chooser("compare.with", others.map((run) => [String(run.id), short(run.name)]), () => { this.other = Number(this.chooser?.select.value); void this.open(); });
    const heads = [element("h3", {}, short(name)), this.chooser.label];
    this.place?.append(element("div", { class: "sides" }, ...this.sides.map((side, i) => element("div", { class: "side" }, heads[i], ...side.parts))));
    this.sides[0].reset(this.page.facts);
    if (!others.length) this.place?.replaceChildren(...[...this.place.children].slice(0, 1), element("p", { class: "note" }, text("compare.alone")));
    if (document.body.dataset.room === "compare") void this.open();
  }

  /** The other run. */
  async open() {
    const other = this.other;
    try {
      const facts = await get(`api/runs/${other}`);
      if (other !== this.other) return;
      this.sides?.[1].reset(facts);
      await this.changed();
    } catch (error) {
      this.page.tell(error);
    }
  }

  async changed() {
    if (this.other < 0 || !this.sides) return;
    if (!this.sides[1].known) return this.open();
    await this.turn.take(async () => {
      const { run } = this.page;
      for (const [i, id] of [run, this.other].entries()) {
        const own = id === run ? {} : { weights: "", edits: [], of: run };
        const { header, arrays } = await ask(`api/runs/${id}/look`, this.page.question({ target: -1, loss: false, gradients: false, ...own }));
        if (run === this.page.run && (!i || id === this.other)) this.sides[i].show(header, arrays);
      }
    });
  }
}
