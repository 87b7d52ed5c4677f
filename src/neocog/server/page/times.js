// The run at earlier times: a slider over its checkpoints, whose last place is the run itself.

import { count, number, text } from "./texts.js";

/** @typedef {{name: string, step: number, epoch: number, row: Record<string, number>}} Point */

export class Times {
  /** @param {HTMLElement} place with a label, a slider and an output @param {() => void} changed */
  constructor(place, changed) {
    this.place = place;
    this.slider = /** @type {HTMLInputElement} */ (place.querySelector("input"));
    this.output = /** @type {HTMLOutputElement} */ (place.querySelector("output"));
    /** @type {Point[]} */
    this.points = [];
    /** @type {number | null} */
    this.best = null;
    this.slider.addEventListener("input", () => { this.tell(); changed(); });
  }

  /** @param {{points: Point[], best: number | null}} times */
  reset({ points, best }) {
    [this.points, this.best] = [points, best];
    this.place.hidden = points.length === 0;
    this.slider.max = String(points.length); // before its value, which it bounds
    this.slider.value = this.slider.max;
    this.tell();
  }

  /** The name of the weights that are looked through; "": the run's own. */
  get name() {
    return this.points[Number(this.slider.value)]?.name ?? "";
  }

  tell() {
    const told = this.told(this.points[Number(this.slider.value)]);
    this.output.textContent = told;
    this.slider.setAttribute("aria-valuetext", told);
  }

  /** @param {Point | undefined} point */
  told(point) {
    if (!point) return this.best === null ? text("times.run") : text("times.best", { epoch: count(this.best) });
    if (point.step === 0) return text("times.first");
    const last = this.points[this.points.length - 1].epoch;
    const [measure, value] = Object.entries(point.row).find(([name]) => name.startsWith("validation_")) ?? ["", 0];
    const found = measure ? ` · ${measure.replaceAll("_", " ")} ${number(value, 3)}` : "";
    return text("times.epoch", { epoch: rounded(point.epoch), last: rounded(last) }) + found;
  }
}

/** 3 → "3", 2.5 → "2.50" @param {number} epoch */
const rounded = (epoch) => (Number.isInteger(epoch) ? count(epoch) : epoch.toFixed(2));
