// What an answer has beside classes: values with their intervals, a mask over the picture, boxes, the picture that became of it.

import { element } from "./explained.js";
import { paint } from "./rooms.js";
import { count, number, short, text } from "./texts.js";

/** @typedef {import("./frame.js").Tensor} Tensor */
/** @typedef {{name: string, value: number, low: number | null, high: number | null}} Value */
/** @typedef {{label: number, corners: number[], score: number}} Box */
/** @typedef {{values?: Value[], colours?: number[][], objects?: boolean, boxes?: Box[], thresholds?: number[]}} Told */

const SIDE = 280; // pixels that a picture with lines on it has at least

export class Panel {
  /** @param {HTMLElement} place */
  constructor(place) {
    this.place = place;
    this.kind = "";
    /** @type {Told} */ this.told = {};
    /** @type {Record<string, Tensor>} */ this.arrays = {};
    /** @type {string[]} */ this.classes = [];
  }

  /** @param {Told} told @param {Record<string, Tensor>} arrays @param {{classes: string[]}} facts */
  show(told, arrays, { classes }) {
    [this.told, this.arrays, this.classes] = [told, arrays, classes];
    const kind = [told.values ? "values" : "", arrays.mask ? "mask" : told.boxes ? "boxes" : arrays.image ? "image" : ""].filter(Boolean).join(" ");
    if (kind !== this.kind) this.made(kind);
    this.place.hidden = !kind;
    this.paint();
  }

  /** Made anew for another kind of answer. @param {string} kind */
  made(kind) {
    this.kind = kind;
    const picture = kind.split(" ").find((each) => each !== "values");
    this.canvas = /** @type {HTMLCanvasElement} */ (element("canvas", { role: "img" }));
    this.slider = /** @type {HTMLInputElement} */ (element("input", { type: "range", min: "0", max: "100", step: "1", value: picture === "boxes" ? "0" : "50" }));
    this.slider.addEventListener("input", () => this.paint());
    this.size = element("output");
    this.list = element("ul", { class: "legend" });
    this.table = element("table", { class: "values" });
    const label = element("label", { class: "wide" }, element("span", {}, text(`panel.${picture}`)), this.slider, this.size);
    this.place.replaceChildren(...(kind.includes("values") ? [this.table] : []), ...(picture ? [this.canvas, label, this.list] : []));
  }

  paint() {
    if (this.told.values) this.values(this.told.values);
    if (this.arrays.mask) this.mask(this.arrays.mask, this.arrays.picture);
    else if (this.told.boxes) this.boxes(this.told.boxes, this.arrays.picture);
    else if (this.arrays.image) this.image(this.arrays.image, this.arrays.picture);
  }

  /** @param {Value[]} values */
  values(values) {
    const row = (/** @type {Value} */ { name, value, low, high }) => {
      const known = text(`value.${name}`);
      const interval = low === null || high === null ? "" : text("value.interval", { low: number(low), high: number(high) });
      return element("tr", {}, element("th", { scope: "row" }, known === `value.${name}` ? short(name, 60) : known), element("td", {}, element("b", {}, number(value)), ` ${interval}`));
    };
    this.table?.replaceChildren(...values.map(row));
  }

  /** The classes' colours over the picture. @param {Tensor} mask (h, w) @param {Tensor} picture (H, W, 3) */
  mask(mask, picture) {
    const [height, width] = mask.shape;
    const [colours, share] = [this.told.colours ?? [], Number(this.slider?.value) / 100];
    const data = new Uint8Array(height * width * 3);
    const pixels = colours.map(() => 0);
    const behind = under(picture, height, width);
    for (let i = 0; i < height * width; i++) {
      const at = behind(i);
      const k = mask.data[i];
      pixels[k]++;
      const over = k ? share : 0; // the first class is the ground
      for (let c = 0; c < 3; c++) data[3 * i + c] = (1 - over) * picture.data[at + c] + over * colours[k][c];
    }
    if (this.canvas) paint(this.canvas, data, height, width);
    if (this.size) this.size.textContent = text("percent", { share: Math.round(100 * share) });
    const items = this.classes.map((name, k) => keyed(colours[k], short(name, 40), text("percent", { share: number((100 * pixels[k]) / mask.data.length, 3) })));
    this.list?.replaceChildren(...(this.told.objects ? [] : items));
    this.tell(text(this.told.objects ? "panel.mask.objects" : "panel.mask.label"));
  }

  /** Those boxes that reach a score: that of the run's own thresholds, or a higher one. @param {Box[]} boxes @param {Tensor} picture */
  boxes(boxes, picture) {
    const asked = Number(this.slider?.value) / 100;
    const [thresholds, colours] = [this.told.thresholds ?? [], this.told.colours ?? []];
    const kept = boxes.filter(({ label, score }) => score >= (asked || thresholds[label]));
    const canvas = this.canvas;
    if (!canvas) return;
    enlarged(canvas, picture);
    const context = /** @type {CanvasRenderingContext2D} */ (canvas.getContext("2d"));
    for (const { label, corners } of kept) {
      const [left, top, right, bottom] = corners.map((at, i) => at * (i % 2 ? canvas.height : canvas.width));
      for (const [wide, style] of /** @type {[number, string][]} */ ([[5, "#000"], [2.5, `rgb(${colours[label].join(" ")})`]])) {
        context.lineWidth = wide;
        context.strokeStyle = style;
        context.strokeRect(left, top, right - left, bottom - top);
      }
    }
    if (this.size) this.size.textContent = asked ? text("panel.score", { score: number(asked, 2) }) : text("panel.score.own");
    const best = (/** @type {number} */ k) => kept.filter(({ label }) => label === k).map(({ score }) => score);
    this.list?.replaceChildren(...this.classes.map((name, k) => keyed(colours[k], short(name, 40), told(best(k)))));
    this.tell(text("panel.boxes.label", { n: count(kept.length) }));
  }

  /** What became of the picture, left of it the picture itself as far as the slider says. @param {Tensor} image @param {Tensor} picture */
  image(image, picture) {
    const [height, width] = image.shape;
    const edge = Math.round((width * Number(this.slider?.value)) / 100);
    const data = Uint8Array.from(image.data);
    const behind = under(picture, height, width);
    for (let i = 0; i < height * width; i++) {
      if (i % width >= edge) continue;
      const at = behind(i);
      for (let c = 0; c < 3; c++) data[3 * i + c] = i % width === edge - 1 && edge < width && width > 40 ? 255 : picture.data[at + c];
    }
    if (this.canvas) paint(this.canvas, data, height, width);
    if (this.size) this.size.textContent = text("panel.image.told");
    this.tell(text("panel.image.label"));
  }

  /** @param {string} label */
  tell(label) {
    this.canvas?.setAttribute("aria-label", label);
  }
}

/** Where in a picture's data the pixel stands that is under the i-th of `height` × `width` ones. @param {Tensor} picture (H, W, 3) @param {number} height @param {number} width @returns {(i: number) => number} */
function under(picture, height, width) {
  const [down, across] = [picture.shape[0] / height, picture.shape[1] / width];
  return (i) => (Math.floor(Math.floor(i / width) * down) * picture.shape[1] + Math.floor((i % width) * across)) * 3;
}

/** @param {number[]} scores */
const told = (scores) => (scores.length ? text("panel.boxes.best", { n: count(scores.length), score: number(Math.max(...scores), 2) }) : "0");

/** A colour, what has it, and how much of it there is. @param {number[]} colour @param {string} name @param {string} much */
function keyed(colour, name, much) {
  const mark = element("span", { class: "mark", "aria-hidden": "true" });
  mark.style.background = `rgb(${colour.join(" ")})`;
  return element("li", {}, mark, element("span", { class: "name" }, name), element("span", { class: "share" }, much));
}

/** The picture in whole pixels, large enough for lines on it. @param {HTMLCanvasElement} canvas @param {Tensor} picture (H, W, 3) */
function enlarged(canvas, picture) {
  const [height, width] = picture.shape;
  const small = document.createElement("canvas");
  paint(small, picture.data, height, width);
  const times = Math.max(1, Math.ceil(SIDE / Math.max(height, width)));
  [canvas.width, canvas.height] = [width * times, height * times];
  const context = /** @type {CanvasRenderingContext2D} */ (canvas.getContext("2d"));
  context.imageSmoothingEnabled = false;
  context.drawImage(small, 0, 0, canvas.width, canvas.height);
}
