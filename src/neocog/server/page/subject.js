// What is looked at where it cannot be drawn: a sequence's letters, one slice of a volume.

import { element } from "./explained.js";
import { count, text } from "./texts.js";

const ROW = 20; // letters side by side, as the server paints them

export class Subject {
  /** @param {HTMLElement} place @param {(letters: string) => void} typed @param {() => void} moved another slice is wanted */
  constructor(place, typed, moved) {
    this.place = place;
    this.form = "images";
    this.letters = /** @type {HTMLTextAreaElement} */ (element("textarea", { id: "letters", rows: "4", spellcheck: "false", autocomplete: "off", autocapitalize: "characters", "aria-label": text("letters.label") }));
    this.letters.addEventListener("input", () => typed(this.letters.value));
    this.slider = /** @type {HTMLInputElement} */ (element("input", { type: "range", min: "0", step: "1" }));
    this.slider.addEventListener("input", moved);
    this.told = element("output");
    this.slices = 1;
  }

  /** @param {{form?: string, size: number[]}} facts */
  reset({ form = "images", size }) {
    this.form = form;
    this.letters.value = "";
    this.slices = size[0];
    this.slider.max = String(size[0] - 1);
    this.slider.value = String(Math.round((size[0] - 1) / 2));
    const slice = element("label", { class: "wide" }, element("span", {}, text("slice")), this.slider, this.told);
    this.place.replaceChildren(...(form === "sequences" ? [this.letters] : form === "volumes" ? [slice] : []));
  }

  /** How far through the volume the slice lies, 0 … 1. */
  get depth() {
    return this.slices > 1 ? Number(this.slider.value) / (this.slices - 1) : 0;
  }

  /** @param {{slice?: number | null, letters?: string}} header of a look @param {boolean} typed */
  show({ slice, letters }, typed) {
    if (slice !== null && slice !== undefined) {
      this.told.textContent = text("slice.told", { n: count(slice + 1), count: count(this.slices) });
      this.slider.setAttribute("aria-valuetext", this.told.textContent);
    }
    if (letters !== undefined && !typed) this.letters.value = letters;
  }

  /** The sides of the picture as it is painted. @param {number[]} size */
  sides(size) {
    return this.form === "sequences" ? [Math.ceil(size[size.length - 1] / ROW), ROW] : size.slice(-2);
  }

  /** Where a receptive field stands on the picture: rows and columns, each from … to. @param {number[][] | null} field @returns {number[][][]} */
  boxes(field) {
    if (!field) return [];
    if (this.form !== "sequences") return [field.slice(-2)];
    const [first, last] = field[field.length - 1];
    const rows = Array.from({ length: Math.floor(last / ROW) - Math.floor(first / ROW) + 1 }, (_, i) => Math.floor(first / ROW) + i);
    return rows.map((row) => [[row, row], [Math.max(0, first - row * ROW), Math.min(ROW - 1, last - row * ROW)]]);
  }
}
