// What stands under the pointer: the number, and the kernel and the bias of its map.

import { colour } from "./colours.js";
import { element } from "./explained.js";
import { placed } from "./layers.js";
import { number, text } from "./texts.js";

/** @typedef {import("./frame.js").Tensor} Tensor */
/** @typedef {import("./layers.js").Choice} Choice */

const RESTS = 180; // ms until its kernel is asked for
const CELL = 5; // pixels a weight
const GAP = 3;

export class Pointer {
  /** @param {HTMLElement} status tells the number to those who do not see it @param {(choice: Choice) => Promise<Record<string, Tensor> | null>} ask for the weights of a map */
  constructor(status, ask) {
    [this.status, this.ask] = [status, ask];
    this.box = element("div", { id: "pointer", hidden: "", "aria-hidden": "true" });
    document.body.append(this.box);
    /** @type {Choice | null} */
    this.choice = null;
    this.asked = 0;
  }

  /** @param {Choice | null} choice @param {number} value @param {{x: number, y: number}} at */
  show(choice, value, at) {
    clearTimeout(this.asked);
    this.choice = choice;
    this.box.hidden = !choice;
    if (!choice) return;
    const place = choice.direction === "weight" ? choice.index.join(", ") : placed(choice.index);
    this.box.replaceChildren(element("p", {}, place), element("p", {}, element("b", {}, `≈ ${number(value, 3)}`)));
    const left = Math.min(at.x + 14, innerWidth - 190);
    [this.box.style.left, this.box.style.top] = [`${left}px`, `${at.y + 14}px`];
    this.status.textContent = `${place}: ${number(value, 3)}`;
    this.asked = window.setTimeout(async () => {
      try {
        const arrays = await this.ask(choice);
        if (arrays && choice === this.choice) this.box.append(...kernel(arrays));
      } catch { /* the pointer has gone on */ }
    }, RESTS);
  }
}

/** A map's kernel as a small picture, and its bias. @param {Record<string, Tensor>} arrays */
function kernel(arrays) {
  /** @type {Node[]} */
  const made = [];
  const weight = arrays.weight;
  if (weight && weight.shape.length > 2) {
    const [maps, tall, wide] = [weight.shape[0], ...weight.shape.slice(-2)];
    const [down, right] = [tall * CELL + GAP, wide * CELL + GAP];
    const across = Math.min(maps, Math.max(1, Math.floor(160 / right)));
    const shown = Math.min(maps, across * 8);
    const canvas = /** @type {HTMLCanvasElement} */ (element("canvas"));
    [canvas.width, canvas.height] = [across * right, Math.ceil(shown / across) * down];
    const context = /** @type {CanvasRenderingContext2D} */ (canvas.getContext("2d"));
    for (let i = 0; i < shown * tall * wide; i++) {
      const [map, row, column] = [Math.floor(i / (tall * wide)), Math.floor(i / wide) % tall, i % wide];
      context.fillStyle = colour(weight.data[i] / 127).ground;
      context.fillRect((map % across) * right + column * CELL, Math.floor(map / across) * down + row * CELL, CELL, CELL);
    }
    made.push(canvas);
  }
  if (arrays["bias.exact"]) made.push(element("p", {}, `${text("bias")} ${number(arrays["bias.exact"].data[0])}`));
  return made;
}
