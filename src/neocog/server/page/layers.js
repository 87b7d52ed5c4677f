// The network as a stream of layers, each with its maps, their gradients, and its weights.

import { element } from "./explained.js";
import { Grid } from "./grid.js";
import { count, most, number, text } from "./texts.js";

/** @typedef {import("./frame.js").Tensor} Tensor */
/** @typedef {import("./grid.js").Box} Box */
/** @typedef {{name: string, kind: string, settings: string, shape: number[], parameters: number, weights: Record<string, number[]>, multiplications: number, sources: number[], direct: boolean, module: number}} Layer */
/** @typedef {{layer: number, index: number[], direction: string, parameter: string}} Choice */
/** @typedef {{shared: boolean, gain: number, gradients: boolean}} Scale */

/** @param {number[]} shape */
export const told = (shape) =>
  shape.length === 1 ? text("layer.vector", { n: count(shape[0]) }) : text(shape[0] === 1 ? "layer.map" : "layer.maps", { maps: count(shape[0]), sides: shape.slice(1).join(" × ") });

/** @param {number[]} index */
export const placed = (index) =>
  index.length === 1 ? text("layer.at.vector", { map: index[0] })
    : text(index.length > 3 ? "layer.at.volume" : "layer.at", { map: index[0], slice: index[1], row: index.length > 2 ? index[index.length - 2] : 0, column: index[index.length - 1] });

class Row {
  /** @param {Layer} layer @param {number} position @param {Stream} stream */
  constructor(layer, position, stream) {
    this.layer = layer;
    this.position = position;
    this.stream = stream;
    /** @type {number | null} */ this.slice = null;
    const facts = [told(layer.shape)];
    if (layer.parameters) facts.push(text("layer.parameters", { n: count(layer.parameters) }));
    if (layer.multiplications) facts.push(text("layer.multiplications", { n: count(layer.multiplications) }));
    this.scale = element("p", { class: "largest" });
    this.head = element("div", { class: "head" }, element("h3", {}, layer.name), element("p", { class: "kind", title: layer.settings }, layer.kind), element("p", { class: "facts" }, facts.join(" · ")), this.scale);
    this.body = element("div", { class: "maps" });
    this.forward = this.grid("forward", "layer.label");
    this.backward = this.grid("backward", "layer.gradient.label");
    this.back = element("div", { class: "back" }, element("p", { class: "tag" }, text("layer.gradient")), this.backward.canvas);
    this.back.hidden = true;
    this.more = /** @type {HTMLButtonElement} */ (element("button", { type: "button", class: "more" }));
    this.more.addEventListener("click", () => stream.asked.more());
    this.body.append(this.forward.canvas, this.back, this.more);
    this.element = element("li", { class: `layer ${family(layer.kind)}` }, this.head, this.body);
    if (layer.weights.weight?.length > 1) this.withWeights();
    this.more.hidden = true;
    if (position < 0) this.forward.canvas.hidden = true;
  }

  /** @param {string} direction @param {string} label @param {string} [parameter] */
  grid(direction, label, parameter = "weight") {
    const shape = direction === "weight" ? (this.layer.weights[parameter] ?? []).join(" × ") : told(this.layer.shape);
    const choice = (/** @type {number[]} */ index) => ({ layer: this.position, index: direction === "weight" ? index : this.whole(index), direction, parameter });
    const made = new Grid(
      text(label, { name: this.layer.name, shape }),
      (index) => this.stream.asked.choose(choice(index)),
      (index, at) => this.stream.point(index && choice(index), at, made),
    );
    return made;
  }

  /** The place of a number in the maps, of which a volume's show one slice. @param {number[]} index */
  whole(index) {
    return this.slice === null || index.length < 3 ? index : [index[0], this.slice, ...index.slice(1)];
  }

  withWeights() {
    const button = element("button", { type: "button", class: "more", "aria-expanded": "false" }, text("layer.weights"));
    const place = element("div", { class: "weights" });
    button.addEventListener("click", () => {
      this.open = !this.open;
      button.setAttribute("aria-expanded", String(this.open));
      button.textContent = text(this.open ? "layer.weights.hide" : "layer.weights");
      place.hidden = !this.open;
      if (this.open) this.stream.asked.kernels(this.position);
    });
    place.hidden = true;
    this.kernel = this.grid("weight", "layer.weights.label");
    this.derivative = this.grid("weight", "layer.weights.label");
    this.derivatives = element("div", { class: "back" }, element("p", { class: "tag" }, text("layer.gradient")), this.derivative.canvas);
    place.append(this.kernel.canvas, this.derivatives);
    this.head.append(button);
    this.body.append(place);
  }

  /** @param {Record<string, Tensor>} arrays @param {Scale} scale @param {import("./grid.js").Look} look @param {number | null} slice of a volume's maps */
  show(arrays, scale, look, slice) {
    this.slice = slice;
    const name = this.position < 0 ? "picture" : `${this.position}`;
    const maps = arrays[name];
    const gradient = scale.gradients ? arrays[`${name}.gradient`] : undefined;
    this.back.hidden = !gradient;
    if (gradient) this.backward.set(gradient, arrays[`${name}.gradient.scale`], look);
    this.element.hidden = this.position < 0 && !gradient;
    if (this.position < 0) return;
    this.forward.set(maps, arrays[`${this.position}.scale`], look);
    const largest = most(arrays[`${this.position}.scale`].data);
    this.scale.textContent = text("layer.largest", { value: number(largest, 3) });
    const all = this.layer.shape[0];
    const some = this.layer.shape.length > 1 && maps.shape[0] < all;
    this.more.hidden = !some;
    if (some) this.more.textContent = text("layer.more", { shown: maps.shape[0], n: count(all) });
  }

  /** @param {Record<string, Tensor>} arrays @param {Scale} scale */
  showKernels(arrays, scale) {
    if (!this.kernel || !this.derivative || !this.derivatives || !arrays.weight) return;
    const look = { ...this.stream.look(scale), side: 40, full: 1 };
    const flat = (/** @type {Tensor} */ tensor) => (tensor.shape.length === 2 ? { ...tensor, shape: [1, ...tensor.shape] } : tensor);
    this.kernel.set(flat(arrays.weight), arrays["weight.scale"], look);
    this.derivatives.hidden = !(scale.gradients && arrays["weight.gradient"]);
    if (!this.derivatives.hidden) this.derivative.set(flat(arrays["weight.gradient"]), arrays["weight.gradient.scale"], look);
  }
}

export class Stream {
  /**
   * @param {HTMLElement} place
   * @param {{choose: (choice: Choice) => void, kernels: (layer: number) => void, more: () => void, point: (choice: Choice | null, value: number, at: {x: number, y: number}) => void}} asked
   */
  constructor(place, asked) {
    this.place = place;
    this.asked = asked;
    /** @type {Row[]} */
    this.rows = [];
    this.full = 28;
  }

  /** @param {Layer[]} layers @param {number[]} size of the network's input @param {number} channels */
  reset(layers, size, channels) {
    this.full = Math.max(...size);
    this.rows = layers.map((layer, position) => new Row(layer, position, this));
    const shape = [channels, ...size];
    const picture = { name: text("layer.input"), kind: "Picture", settings: "", shape, parameters: 0, weights: {}, multiplications: 0, sources: [], direct: true, module: -1 };
    this.picture = new Row(picture, -1, this);
    this.place.replaceChildren(...[this.picture, ...this.rows].map((row) => row.element));
  }

  /** @param {Scale} scale */
  look(scale) {
    const width = this.rows[0]?.body.clientWidth || 600;
    const side = innerWidth < 700 ? 58 : innerWidth < 1900 ? 88 : 150;
    return { shared: scale.shared, gain: scale.gain, side, full: this.full, width: Math.max(80, width - 14) }; // a gradient is indented
  }

  /** @param {Record<string, Tensor>} arrays @param {Scale} scale @param {{slice?: number | null, layers?: {slice?: number | null}[]}} slices which are shown, of volumes */
  show(arrays, scale, { slice = null, layers = [] }) {
    const look = this.look(scale); // once, before anything is changed: the page is not laid out again for each row
    this.rows.forEach((row, position) => row.show(arrays, scale, look, layers[position]?.slice ?? null));
    this.picture?.show(arrays, scale, look, slice);
  }

  /** @param {Choice | null} choice @param {{x: number, y: number}} at @param {Grid} grid */
  point(choice, at, grid) {
    if (!choice) return this.asked.point(null, 0, at);
    const shape = grid.tensor?.shape ?? [];
    const matrix = choice.direction === "weight" && (this.rows[choice.layer]?.layer.weights.weight?.length ?? 0) === 2;
    const value = grid.value(choice.index.length > 3 && shape.length === 3 ? [choice.index[0], ...choice.index.slice(2)] : choice.index.slice(0, shape.length));
    this.asked.point(matrix ? { ...choice, index: choice.index.slice(1) } : choice, value, at);
  }

  /** Outline what was chosen, and the places that it came from. @param {Choice | null} choice @param {{layer: number, direction: string, boxes: Box[]}[]} from */
  mark(choice, from) {
    for (const row of [...this.rows, this.picture]) for (const grid of [row?.forward, row?.backward, row?.kernel, row?.derivative]) grid?.mark([]);
    if (choice) {
      const row = choice.layer < 0 ? this.picture : this.rows[choice.layer];
      if (!row) return;
      const grids = choice.direction === "weight" ? [row.kernel, row.derivative] : [choice.direction === "backward" ? row.backward : row.forward];
      const flat = choice.direction === "weight" && choice.index.length === 2 ? [0, ...choice.index] : choice.index;
      for (const grid of grids) grid?.mark([box(flat, grid)]);
    }
    for (const { layer, direction, boxes } of from) {
      const row = this.rows[layer];
      (direction === "backward" ? row?.backward : row?.forward)?.mark(boxes);
    }
  }
}

/** @param {number[]} index @param {Grid} grid @returns {Box} */
function box(index, grid) {
  const sides = grid.tensor?.shape ?? [];
  const map = sides.length > 3 ? sides.slice(0, -2).reduce((place, side, axis) => place * side + index[axis], 0) : index[0];
  const row = index.length > 2 ? index[index.length - 2] : 0;
  const column = index.length > 1 ? index[index.length - 1] : 0;
  return { map, top: row, left: column, bottom: row, right: column };
}

/** The boxes of places (T, axes) in each map that they stand in, at most of 64 maps; of a volume in one slice. @param {Tensor} places @param {number | null} slice @returns {Box[]} */
export function boxes(places, slice) {
  const axes = places.shape[1];
  /** @type {Map<number, Box>} */
  const found = new Map();
  for (let i = 0; i < places.data.length; i += axes) {
    const map = places.data[i];
    if (map < 0 || (found.size >= 64 && !found.has(map))) continue;
    if (axes > 3 && places.data[i + 1] !== slice) continue;
    const row = axes > 2 ? places.data[i + axes - 2] : 0;
    const column = axes > 1 ? places.data[i + axes - 1] : 0;
    const now = found.get(map) ?? { map, top: row, left: column, bottom: row, right: column };
    found.set(map, { map, top: Math.min(now.top, row), left: Math.min(now.left, column), bottom: Math.max(now.bottom, row), right: Math.max(now.right, column) });
  }
  return [...found.values()];
}

/** @param {string} kind */
function family(kind) {
  if (/Conv|Linear/.test(kind)) return "learns";
  if (/Pool/.test(kind)) return "pools";
  return /Picture|Norm|Flatten|Dropout|Identity|Shuffle|Unflatten/.test(kind) ? "passes" : "bends";
}
