// The latent space of a network that draws: a picture of one vector, a plane of two of its numbers to walk on, a slider for each.

import { ask } from "./api.js";
import { element } from "./explained.js";
import { chooser, paint } from "./rooms.js";
import { count, number, short, text } from "./texts.js";
import { Turn } from "./turn.js";

/** @typedef {{start: number[], living: number[], asks: boolean, finds: boolean}} Space */

const REACH = 3; // standard deviations of the prior to either side
const TILES = 11; // pictures of each side of the plane
const FEW = 12; // sliders that are shown at first
const TALL = 48; // pixels that a tile has at most

/** As many numbers of the standard normal distribution. @param {number} many */
export const normal = (many) => Float32Array.from({ length: many }, () => Math.sqrt(-2 * Math.log(1 - Math.random())) * Math.cos(2 * Math.PI * Math.random()));

export class Latent {
  /** @param {import("./rooms.js").Page} page */
  constructor(page) {
    this.page = page;
    /** @type {HTMLElement | null} */ this.place = null;
    this.code = new Float32Array(0);
    this.turn = new Turn((error) => page.tell(error), () => void this.changed());
    this.background = 0;
    this.axes = [0, 0];
    /** @type {HTMLSelectElement | undefined} of the class that is asked for */ this.asked = undefined;
  }

  reset() {
    this.asked = undefined;
    const space = /** @type {Space} */ (this.page.facts.latent);
    const numbers = space.start.length;
    this.code = Float32Array.from(space.start);
    const rest = Array.from({ length: numbers }, (_, i) => i).filter((i) => !space.living.includes(i));
    this.order = [...space.living, ...rest];
    this.axes = [this.order[0], this.order[Math.min(1, numbers - 1)]];
    this.picture = /** @type {HTMLCanvasElement} */ (element("canvas", { role: "img", "aria-label": text("latent.picture") }));
    this.plane = /** @type {HTMLCanvasElement} */ (element("canvas", { role: "application", tabindex: "0", "aria-label": text("latent.plane.label") }));
    this.point = element("span", { class: "point", "aria-hidden": "true" });
    this.choosers = [0, 1].map((axis) => this.chooser(axis));
    this.sliders = element("div", { class: "sliders" });
    this.listen();
    const plane = element("figure", {}, element("div", { class: "plane" }, this.plane, this.point), element("figcaption", { class: "tools" }, ...this.choosers.map(({ label }) => label)));
    const now = element("figure", {}, this.picture, element("figcaption", {}, text("latent.picture")));
    const told = text(rest.length && !space.asks ? "latent.numbers.living" : "latent.numbers", { n: count(numbers), living: count(space.living.length) });
    this.place?.append(this.controls(space), element("div", { class: "latent" }, plane, ...(space.finds ? [now] : [])), element("h3", {}, told), this.sliders);
    this.offer(FEW);
    this.set(this.code);
  }

  /** @param {Space} space */
  controls(space) {
    const button = (/** @type {string} */ name, /** @type {() => void} */ then) => {
      const made = element("button", { type: "button" }, text(name));
      made.addEventListener("click", then);
      return made;
    };
    const made = [button("latent.new", () => { this.set(normal(this.code.length)); void this.ofClass(); }), button("latent.mean", () => this.set(Float32Array.from(space.start)))];
    if (space.finds) made.push(button("latent.picture.code", () => this.page.code && this.set(Float32Array.from(this.page.code))));
    if (!space.asks) return element("div", { class: "controls" }, ...made);
    const classes = /** @type {string[]} */ (this.page.facts.classes);
    const asked = chooser("tests.class", [["-1", text("latent.any")], ...classes.map((name, k) => /** @type {[string, string]} */ ([String(k), short(name)]))], () => void this.ofClass());
    this.asked = asked.select;
    return element("div", { class: "controls" }, ...made, asked.label);
  }

  /** The vector moved to where the class that was chosen is asked for. */
  async ofClass() {
    const k = Number(this.asked?.value ?? -1);
    if (k < 0) return;
    try {
      const { arrays } = await this.drawn(this.code, 1, k);
      this.set(Float32Array.from(arrays.codes.data));
    } catch (error) {
      this.page.tell(error);
    }
  }

  /** A number of the vector for people; where a class can be asked for, the last ones are the classes'. @param {number} i */
  named(i) {
    const { latent, classes } = this.page.facts;
    const k = i - (latent.start.length - classes.length);
    return latent.asks && k >= 0 ? text("latent.class", { name: short(classes[k], 20) }) : text("latent.number", { n: i + 1 });
  }

  /** @param {number} axis */
  chooser(axis) {
    const options = (this.order ?? []).map((i) => /** @type {[string, string]} */ ([String(i), this.named(i)]));
    const made = chooser(axis ? "latent.down" : "latent.across", options, () => { this.axes[axis] = Number(made.select.value); this.set(this.code); });
    made.select.value = String(this.axes[axis]);
    return made;
  }

  /** Sliders of the first numbers, and a button for the others. @param {number} many */
  offer(many) {
    const order = this.order ?? [];
    const slider = (/** @type {number} */ i) => {
      const made = /** @type {HTMLInputElement} */ (element("input", { type: "range", min: String(-REACH), max: String(REACH), step: "0.05" }));
      made.dataset.number = String(i);
      made.addEventListener("input", () => { this.code[i] = Number(made.value); this.set(this.code, made); });
      return element("label", {}, element("span", {}, this.named(i)), made, element("output"));
    };
    this.sliders?.replaceChildren(...order.slice(0, many).map(slider));
    if (order.length > many) {
      const more = element("button", { type: "button", class: "more" }, text("show.all", { n: count(order.length) }));
      more.addEventListener("click", () => { this.offer(order.length); this.tell(); });
      this.sliders?.append(more);
    }
  }

  listen() {
    const plane = this.plane;
    const go = (/** @type {PointerEvent} */ event) => {
      const frame = /** @type {HTMLCanvasElement} */ (plane).getBoundingClientRect();
      const share = [(event.clientX - frame.left) / frame.width, 1 - (event.clientY - frame.top) / frame.height];
      this.walk(share.map((at) => REACH * (2 * at - 1)));
    };
    plane?.addEventListener("pointerdown", (event) => { plane.setPointerCapture(event.pointerId); go(event); });
    plane?.addEventListener("pointermove", (event) => { if (plane.hasPointerCapture(event.pointerId)) go(event); });
    plane?.addEventListener("keydown", (event) => {
      /** @type {Record<string, number[]>} */
      const steps = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, 1], ArrowDown: [0, -1] };
      const step = steps[event.key];
      if (!step) return;
      event.preventDefault();
      this.walk(this.axes.map((i, axis) => this.code[i] + step[axis] / 5));
    });
  }

  /** To a place of the plane, its background stays. @param {number[]} to */
  walk(to) {
    this.axes.forEach((i, axis) => (this.code[i] = Math.max(-REACH, Math.min(REACH, to[axis]))));
    this.set(this.code, this.plane);
  }

  /** Another vector. @param {Float32Array<ArrayBuffer>} code @param {HTMLElement} [from] what was moved: the plane has no need of another background */
  set(code, from) {
    this.code = code;
    this.tell();
    void this.changed();
    if (!this.page.facts.latent.finds) this.page.draw(this.code);
    const own = from === this.plane || (from && this.axes.includes(Number(from.dataset.number)));
    if (!own) this.wait();
  }

  tell() {
    for (const label of this.sliders?.querySelectorAll("label") ?? []) {
      const [slider, told] = [/** @type {HTMLInputElement} */ (label.querySelector("input")), label.querySelector("output")];
      const value = this.code[Number(slider.dataset.number)];
      slider.value = String(value);
      if (told) told.textContent = number(value, 2);
    }
    const [x, y] = this.axes.map((i) => Math.max(-REACH, Math.min(REACH, this.code[i])));
    if (this.point) [this.point.style.left, this.point.style.top] = [`${(50 * (x + REACH)) / REACH}%`, `${(50 * (REACH - y)) / REACH}%`];
  }

  /** @param {Float32Array<ArrayBuffer>} codes @param {number} many @param {number} target */
  drawn(codes, many, target = -1) {
    const { weights } = this.page.question().header;
    return ask(`api/runs/${this.page.run}/decoded`, { header: { source: "code", weights, target }, arrays: { codes: { data: codes, shape: [many, codes.length / many] } } });
  }

  /** Never more than one question is on its way. */
  async changed() {
    await this.turn.take(async () => {
      const { arrays } = await this.drawn(this.code.slice(), 1);
      const [, height, width] = arrays.pictures.shape;
      if (this.picture) paint(this.picture, arrays.pictures.data, height, width);
    });
  }

  /** The plane's background is drawn as soon as nothing moves. */
  wait() {
    clearTimeout(this.background);
    this.background = window.setTimeout(() => void this.tiles(), 120);
  }

  /** Pictures over the whole plane, the other numbers as they are. */
  async tiles() {
    const codes = new Float32Array(TILES * TILES * this.code.length);
    const at = (/** @type {number} */ i) => (2 * REACH * i) / (TILES - 1) - REACH;
    for (let row = 0; row < TILES; row++) for (let column = 0; column < TILES; column++) {
      const start = (row * TILES + column) * this.code.length;
      codes.set(this.code, start);
      codes[start + this.axes[1]] = -at(row);
      codes[start + this.axes[0]] = at(column);
    }
    try {
      const { arrays } = await this.drawn(codes, TILES * TILES);
      if (this.plane) tiled(this.plane, arrays.pictures);
    } catch (error) {
      this.page.tell(error);
    }
  }
}

/** @param {HTMLCanvasElement} canvas @param {import("./frame.js").Tensor} pictures (TILES², H, W, 3) */
function tiled(canvas, { data, shape: [, height, width] }) {
  const share = Math.min(1, TALL / height);
  const [tall, wide] = [Math.round(height * share), Math.round(width * share)];
  [canvas.width, canvas.height] = [TILES * wide, TILES * tall];
  const context = /** @type {CanvasRenderingContext2D} */ (canvas.getContext("2d"));
  const one = document.createElement("canvas");
  for (let i = 0; i < TILES * TILES; i++) {
    paint(one, data.subarray(i * height * width * 3, (i + 1) * height * width * 3), height, width);
    context.drawImage(one, (i % TILES) * wide, Math.floor(i / TILES) * tall, wide, tall);
  }
}
