// Where a number comes from: windows, kernels and products with their numbers, the sum, and the value that it must be.

import { ACTIVATIONS } from "./activations.js";
import { colour } from "./colours.js";
import { count, most, number, text } from "./texts.js";

/** @typedef {import("./frame.js").Tensor} Tensor */
/** @typedef {{operation: string, shape: number[], value: number, constant: number, facts: Record<string, any>, about: Record<string, any>}} Part */
/** @typedef {{shown: number, parts: Part[], field: number[][] | null, kind: string, code?: {name: string, text: string}[]}} Told */

/**
 * What is known of the number that was chosen, and what can be done to its layer.
 * @typedef {{title: string, direction: string, layer: (position: number) => string, classes: string[],
 *   letters?: boolean, off?: boolean, switch?: () => void, kernel?: (given: number, weights: number[]) => void, edits?: () => void}} About `edits`: a kernel is about to be written
 */

const FEW_MAPS = 4;
const FEW_TERMS = 12;

/** @param {string} tag @param {Record<string, string>} [more] @param {...(Node | string)} inside */
export function element(tag, more = {}, ...inside) {
  const made = document.createElement(tag);
  for (const [name, value] of Object.entries(more)) made.setAttribute(name, value);
  made.append(...inside);
  return made;
}

/**
 * @param {Told} told @param {Record<string, Tensor>} arrays
 * @param {About} about
 */
export function explained(told, arrays, about) {
  const parts = told.parts.map((part, position) => described(part, position, arrays, about));
  const total = told.parts.reduce((sum, part) => sum + part.value, 0);
  const box = element("div", {});
  box.append(element("p", { class: "place" }, about.title), element("p", { class: "shown" }, `= ${number(told.shown, 6)}`));
  if (!told.parts.length) box.append(element("p", { class: "note" }, text("inspector.unknown", { kind: told.kind })));
  box.append(...parts);
  if (told.parts.length) {
    const off = Math.abs(total - told.shown);
    const good = off <= 1e-5 * Math.max(1, Math.abs(told.shown));
    const said = good ? text("inspector.adds") : text("inspector.differs", { by: number(off, 2) });
    const sum = told.parts.length > 1 ? `Σ = ${number(total, 6)}, ` : "";
    box.append(element("p", { class: good ? "good" : "caution" }, `${good ? "✓ " : "! "}${sum}${said}`));
  }
  if (about.switch) {
    const button = element("button", { type: "button" }, text(about.off ? "off.undo" : "off.do"));
    button.addEventListener("click", about.switch);
    box.append(element("div", { class: "acts" }, button));
  }
  for (const { name, text: lines } of told.code ?? []) {
    box.append(element("details", { class: "code" }, element("summary", {}, text("code", { name })), element("pre", { tabindex: "0" }, lines)));
  }
  if (told.field) {
    const [[top, bottom], [left, right]] = told.field.slice(-2);
    const [first, last] = told.field[0];
    box.append(element("p", { class: "note" }, text(about.letters ? "field.letters" : told.field.length > 2 ? "field.volume" : "field", { top, bottom, left, right, first, last })));
  }
  return box;
}

/** @param {Part} part @param {number} position @param {Record<string, Tensor>} arrays @param {About} about */
function described(part, position, arrays, about) {
  const places = arrays[`${position}.places`];
  const values = Array.from(arrays[`${position}.values`].data);
  const weights = Array.from(arrays[`${position}.weights`].data);
  const box = element("div", { class: "part" });
  const from = origin(part.about, about);
  if (from) box.append(element("p", { class: "from" }, from));
  const facts = { ...part.facts, terms: count(values.length), input: number(part.facts.input ?? 0) };
  const name = part.operation === "products" && part.constant ? "op.products.bias" : `op.${part.operation}`;
  if (!part.about.rest && !part.about.off) box.append(element("p", { class: "operation" }, text(name, facts)));
  box.append(...drawn(part, places, values, weights, about));
  return box;
}

/** @param {Record<string, any>} told @param {About} about */
function origin(told, about) {
  if (told.through !== undefined) return text("through", { layer: about.layer(told.through) });
  if (told.rest) return text("rest");
  if (told.off) return text("off");
  if (told.score || about.direction === "weight") return "";
  return told.in === null ? text("from.joined") : told.in < 0 ? text("from.picture") : text("from", { layer: about.layer(told.in) });
}

/** @param {Part} part @param {Tensor} places @param {number[]} values @param {number[]} weights @param {About} about */
function drawn(part, places, values, weights, about) {
  const { operation, shape, facts } = part;
  if (operation === "softmax") return [softmax(part, values, about.classes)];
  if (operation === "function") return [equation(`${facts.function}(${number(values[0])})`, part.value), curve(facts.function, values[0], part.value)];
  if (operation === "scale" || operation === "standardise") return [norm(part, values[0], weights[0])];
  if (operation === "copy") return [equation(number(values[0]), part.value)];
  if (operation === "logit") return [equation(number(values[0]), part.value)];
  if (operation === "loss") return [equation(`${number(values[0])} − ${values[1]}`, part.value)];
  if (operation === "derivative") return [equation(`${number(values[0])} × ${number(weights[0])}`, part.value)];
  const window = shape.length > 1 && shape[shape.length - 1] > 1 && shape[shape.length - 1] <= 11 && (shape[shape.length - 2] ?? 1) <= 11;
  const blocks = window ? windows(part, places, values, weights, about) : list(places, values, weights);
  return [...blocks, totals(part, values, weights)];
}

/** @param {string} left @param {number} value */
const equation = (left, value) => element("p", { class: "equation" }, `${left} = `, element("b", {}, number(value, 6)));

/** Window, kernel and products of each map, the strongest first. @param {Part} part @param {Tensor} places @param {number[]} values @param {number[]} weights @param {About} about */
function windows(part, places, values, weights, about) {
  const direction = about.direction;
  const [tall, wide] = part.shape.slice(-2);
  const each = tall * wide;
  const maps = values.length / each;
  const axes = places.shape[1];
  const largest = { value: most(values), weight: most(weights), product: 0 };
  const products = values.map((value, i) => value * weights[i]);
  largest.product = most(products);
  const sums = Array.from({ length: maps }, (_, m) => products.slice(m * each, (m + 1) * each).reduce((a, b) => a + b, 0));
  const order = sums.map((_, m) => m).sort((a, b) => Math.abs(sums[b]) - Math.abs(sums[a]));
  const box = element("div", { class: "windows" });
  const max = part.operation === "largest" || part.operation === "smallest";
  const row = (/** @type {number} */ m) => {
    const slice = (/** @type {number[]} */ all) => all.slice(m * each, (m + 1) * each);
    const outside = Array.from({ length: each }, (_, i) => places.data[(m * each + i) * axes] < 0);
    const inside = outside.indexOf(false);
    const map = inside < 0 ? m : places.data[(m * each + inside) * axes];
    const name = direction === "backward" ? text("gradient") : text("window");
    const kernel = direction === "backward" ? text("turned") : direction === "weight" ? text("window") : text("kernel");
    const deep = axes > 3 && inside >= 0 ? places.data[(m * each + inside) * axes + 1] : null;
    const line = element("div", { class: "row" }, element("p", { class: "map" }, text(deep === null ? "map" : "map.slice", { n: map, slice: deep ?? 0 })));
    line.append(table(name, slice(values), wide, largest.value, outside, max ? slice(weights) : []));
    if (!max && part.operation !== "mean") {
      line.append(element("span", { class: "sign" }, "×"), table(kernel, slice(weights), wide, largest.weight, [], []));
      line.append(element("span", { class: "sign" }, "="), table(text("product"), slice(products), wide, largest.product, outside, []));
    }
    line.append(element("p", { class: "sum" }, `Σ ${number(sums[m])}`));
    const change = about.kernel;
    if (change && axes === 3 && direction === "forward" && part.operation === "products") {
      const button = element("button", { type: "button", class: "edit" }, text("kernel.edit"));
      button.addEventListener("click", () => {
        about.edits?.();
        line.replaceWith(editor(m, slice(weights), wide, largest.weight, change));
      });
      line.append(button);
    }
    return line;
  };
  box.append(...order.slice(0, FEW_MAPS).map(row));
  if (maps > FEW_MAPS) box.append(more(maps, () => order.slice(FEW_MAPS).map(row)));
  return [box];
}

/** A kernel to write anew. @param {number} m @param {number[]} weights @param {number} wide @param {number} largest @param {(given: number, weights: number[]) => void} change */
function editor(m, weights, wide, largest, change) {
  const made = element("table", { class: "numbers editing" }, element("caption", {}, text("kernel")));
  const now = [...weights];
  for (let start = 0; start < weights.length; start += wide) {
    const line = element("tr");
    for (let i = start; i < start + wide; i++) {
      const label = text("kernel.label", { row: start / wide, column: i - start });
      const input = /** @type {HTMLInputElement} */ (element("input", { type: "number", step: "0.1", value: String(Number(weights[i].toPrecision(3))), "aria-label": label }));
      const cell = element("td", {}, input);
      const paint = () => { const { ground, ink } = colour(now[i] / (largest || 1)); [cell.style.background, cell.style.color] = [ground, ink]; };
      input.addEventListener("input", () => {
        if (!Number.isFinite(input.valueAsNumber)) return;
        now[i] = input.valueAsNumber;
        paint();
        change(m, now);
      });
      paint();
      line.append(cell);
    }
    made.append(line);
  }
  return element("div", { class: "row" }, element("p", { class: "map" }, text("map", { n: m })), made);
}

/** @param {string} name @param {number[]} values @param {number} wide @param {number} largest @param {boolean[]} outside @param {number[]} chosen */
function table(name, values, wide, largest, outside, chosen) {
  const made = element("table", { class: wide > 5 ? "numbers small" : "numbers" }, element("caption", {}, name));
  for (let start = 0; start < values.length; start += wide) {
    const line = element("tr");
    for (let i = start; i < start + wide; i++) {
      const cell = element("td", {}, outside[i] ? "·" : tight(values[i]));
      const { ground, ink } = colour(outside[i] || !largest ? 0 : values[i] / largest);
      [cell.style.background, cell.style.color] = [ground, ink];
      if (chosen[i]) cell.className = "chosen";
      if (outside[i]) cell.title = text("border");
      else cell.title = number(values[i], 7);
      line.append(cell);
    }
    made.append(line);
  }
  return made;
}

/** A number in as few signs as a small cell has. @param {number} x */
function tight(x) {
  const size = Math.abs(x);
  const plain = size === 0 ? "0" : size < 0.005 ? "≈0" : size < 0.995 ? size.toFixed(2).slice(1) : size < 10 ? size.toFixed(1) : size < 1e4 ? size.toFixed(0) : size.toExponential(0);
  return x < 0 && plain !== "≈0" ? `−${plain}` : plain;
}

/** The strongest products one by one. @param {Tensor} places @param {number[]} values @param {number[]} weights */
function list(places, values, weights) {
  const axes = places.shape[1] ?? 1;
  const order = values.map((_, i) => i).sort((a, b) => Math.abs(values[b] * weights[b]) - Math.abs(values[a] * weights[a]));
  const largest = most(values.map((value, i) => value * weights[i]));
  const row = (/** @type {number} */ i) => {
    const place = Array.from(places.data.slice(i * axes, (i + 1) * axes)).join(", ");
    const product = values[i] * weights[i];
    const bar = element("td", { class: "bar" }, element("span", { class: product < 0 ? "below" : "above" }));
    /** @type {HTMLElement} */ (bar.firstChild).style.inlineSize = `${largest ? (100 * Math.abs(product)) / largest : 0}%`;
    return element("tr", {}, element("td", {}, place), element("td", {}, number(values[i])), element("td", {}, number(weights[i])), element("td", {}, number(product)), bar);
  };
  const heads = ["position", "value", "weight", "product"].map((name) => element("th", { scope: "col" }, text(name)));
  const body = element("tbody", {}, ...order.slice(0, FEW_TERMS).map(row));
  const made = element("table", { class: "terms" }, element("thead", {}, element("tr", {}, ...heads, element("td", {}))), body);
  if (order.length <= FEW_TERMS) return [made];
  return [made, more(order.length, () => (body.append(...order.slice(FEW_TERMS, 2000).map(row)), []))];
}

/** @param {number} n @param {() => Node[]} rest */
function more(n, rest) {
  const button = element("button", { type: "button", class: "more" }, text("show.all", { n: count(n) }));
  button.addEventListener("click", () => button.replaceWith(...rest()));
  return button;
}

/** @param {Part} part @param {number[]} values @param {number[]} weights */
function totals(part, values, weights) {
  const sum = values.reduce((total, value, i) => total + value * weights[i], 0);
  if (part.operation === "largest" || part.operation === "smallest") return equation(part.operation === "largest" ? "max" : "min", part.value);
  if (part.operation === "mean") return equation(`${number(values.reduce((a, b) => a + b, 0), 6)} / ${count(part.facts.count)}`, part.value);
  if (part.operation === "powers") return equation(`(Σ xᵖ)^(1/${part.facts.power})`, part.value);
  const bias = part.constant ? ` ${part.constant < 0 ? "−" : "+"} ${number(Math.abs(part.constant))} (${text("bias")})` : "";
  return equation(`Σ ${number(sum, 6)}${bias}`, part.value);
}

/** @param {Part} part @param {number} value @param {number} weight */
function norm(part, value, weight) {
  const { mean, variance, gain, shift, eps } = part.facts;
  const box = element("div");
  const facts = [["x", value], ["μ", mean], ["σ²", variance], ["ε", eps], ["γ", gain], ["β", shift]];
  const list = element("dl", { class: "symbols" });
  for (const [name, x] of facts) if (x !== undefined) list.append(element("div", {}, element("dt", {}, String(name)), element("dd", {}, number(Number(x)))));
  box.append(list, equation(`${number(value)} × ${number(weight)} ${part.constant < 0 ? "−" : "+"} ${number(Math.abs(part.constant))}`, part.value));
  return box;
}

/** @param {Part} part @param {number[]} values @param {string[]} classes */
function softmax(part, values, classes) {
  const body = element("tbody");
  const order = values.map((_, k) => k).sort((a, b) => values[b] - values[a]);
  for (const k of order.slice(0, FEW_TERMS)) {
    body.append(element("tr", {}, element("td", {}, classes[k] ?? String(k)), element("td", {}, number(values[k], 6)), element("td", {}, number(values[k] / part.facts.total, 4))));
  }
  const heads = ["", `e^(z/${number(part.facts.temperature, 3)} − max)`, "/ Σ"].map((name) => element("th", { scope: "col" }, name));
  heads[0] = element("td");
  const made = element("table", { class: "terms" }, element("thead", {}, element("tr", {}, ...heads)), body);
  return element("div", {}, made, equation(`${number(part.value * part.facts.total, 6)} / ${number(part.facts.total, 6)}`, part.value));
}

/** The function's curve with the point on it. @param {string} name @param {number} x @param {number} y */
function curve(name, x, y) {
  const known = ACTIVATIONS[name]?.[0];
  if (!known) return element("span");
  const usual = name === "LeakyReLU" ? 0.01 : 1;
  const a = x < 0 && known(x, 1) ? y / known(x, 1) : usual; // those that have such a number multiply by it below 0
  const f = (/** @type {number} */ at) => known(at, a);
  const reach = Math.max(3, Math.abs(x) * 1.2);
  const [wide, tall] = [260, 110];
  const xs = Array.from({ length: 81 }, (_, i) => -reach + (i * reach) / 40);
  const ys = xs.map(f);
  const [low, high] = [Math.min(...ys, y), Math.max(...ys, y)];
  const at = (/** @type {number} */ a, /** @type {number} */ b) => [((a + reach) / (2 * reach)) * wide, tall - 8 - ((b - low) / (high - low || 1)) * (tall - 16)];
  const made = (/** @type {string} */ tag, /** @type {Record<string, string | number>} */ more) => {
    const part = document.createElementNS("http://www.w3.org/2000/svg", tag);
    for (const [key, value] of Object.entries(more)) part.setAttribute(key, String(value));
    return part;
  };
  const picture = made("svg", { viewBox: `0 0 ${wide} ${tall}`, class: "curve", role: "img", "aria-label": `${name}: ${number(x)} → ${number(y)}` });
  const [zeroX, zeroY] = at(0, 0);
  const [px, py] = at(x, y);
  picture.append(
    made("line", { x1: 0, x2: wide, y1: zeroY, y2: zeroY, class: "axis" }), made("line", { x1: zeroX, x2: zeroX, y1: 0, y2: tall, class: "axis" }),
    made("polyline", { points: xs.map((a, i) => at(a, ys[i]).join()).join(" "), class: "line" }),
    made("line", { x1: px, x2: px, y1: zeroY, y2: py, class: "guide" }), made("circle", { cx: px, cy: py, r: 4.5, class: "dot" }),
  );
  return picture;
}
