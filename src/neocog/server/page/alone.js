// What a page without a server answers itself, in place of api.js: the same questions, computed by the page's own engine.
// Run, weights and some pictures of the test part stand in the page, as one binary message.

import { Pass } from "./engine.js";
import { fitted } from "./fitted.js";
import { unpack } from "./frame.js";
import { Refused } from "./refused.js";
import { most, text } from "./texts.js";

export { Refused } from "./refused.js";

/** @typedef {import("./convolution.js").Tensor} Tensor */
/** @typedef {{header: any, arrays: Record<string, {data: any, shape: number[]}>}} Message */

const MOST_KERNELS = 256;
export const run = unpack(embedded()); // bench/studio.py times its network
const { facts, tests, texts, graph, preprocessing, offsets } = run.header;
/** @type {Record<string, Tensor>} */
const weights = Object.fromEntries(Object.entries(run.arrays).filter(([name]) => name.startsWith("weights/")).map(([name, value]) => [name.slice(8), /** @type {any} */ (value)]));

function embedded() {
  const coded = atob(/** @type {HTMLElement} */ (document.getElementById("run-data")).textContent ?? "");
  const bytes = new Uint8Array(coded.length);
  for (let i = 0; i < coded.length; i++) bytes[i] = coded.charCodeAt(i);
  return bytes.buffer;
}

/** @param {string} address @returns {Promise<any>} */
export async function get(address) {
  if (address === "texts.json") return texts;
  if (address === "api/runs") return { runs: [{ id: 0, name: facts.name }] };
  return address.endsWith("/tests") ? { samples: tests } : facts;
}

/** @param {string} address @param {Message} question @returns {Promise<{header: any, arrays: Record<string, any>}>} */
export async function ask(address, { header, arrays }) {
  const stored = await picture(header, arrays.picture);
  const answer = { look, share, kernels, number: value }[address.split("/").pop() ?? ""];
  if (!answer) throw new Refused({ what: text("alone.not"), where: address, fix: "" });
  return answer(passed(stored.pixels, header), header, stored);
}

/** The fitted pixels (C, H, W) of what is asked about, in the run's own units. @param {any} asked @param {any} given */
async function picture(asked, given) {
  if (asked.source === "sample") {
    const [, ...shape] = run.arrays.pictures.shape;
    const size = shape.reduce((a, b) => a * b, 1);
    return { pixels: run.arrays.pictures.data.slice(asked.sample * size, (asked.sample + 1) * size), fitted: "" };
  }
  const stored = asked.source === "drawn" ? given : await decoded(given.data, asked.name);
  const made = fitted(stored, preprocessing);
  const [before, after] = [stored.shape.slice(0, 2).join(" × "), made.shape.slice(1).join(" × ")];
  const { low, high, dtype } = preprocessing;
  const pixels = dtype === "uint8" ? made.data : Float32Array.from(made.data, (level) => low + (level / 255) * (high - low));
  return { pixels, fitted: before === after ? "" : text("alone.fitted", { before, after }) };
}

/** A file's pixels (H, W, 3), as the browser decodes it. @param {Uint8Array<ArrayBuffer>} bytes @param {string} name */
async function decoded(bytes, name) {
  let image;
  try {
    image = await createImageBitmap(new Blob([bytes]));
  } catch {
    throw new Refused({ what: text("alone.file"), where: name, fix: text("alone.file.fix") });
  }
  const canvas = new OffscreenCanvas(image.width, image.height);
  const context = /** @type {OffscreenCanvasRenderingContext2D} */ (canvas.getContext("2d"));
  context.fillStyle = "#fff"; // as predict lays what is transparent on white
  context.fillRect(0, 0, image.width, image.height);
  context.drawImage(image, 0, 0);
  const four = context.getImageData(0, 0, image.width, image.height).data;
  const data = new Uint8Array((four.length / 4) * 3);
  for (let i = 0, j = 0; i < four.length; i += 4, j += 3) [data[j], data[j + 1], data[j + 2]] = [four[i], four[i + 1], four[i + 2]];
  return { data, shape: [image.height, image.width, 3] };
}

/** The picture's way through the network, with what is changed in the page. @param {ArrayLike<number>} pixels @param {any} asked */
function passed(pixels, asked) {
  const { mean, std, channels, size } = preprocessing;
  const each = size[0] * size[1];
  const data = new Float32Array(channels * each);
  for (let i = 0; i < data.length; i++) data[i] = Math.fround(pixels[i] - Math.fround(mean[Math.floor(i / each)])) / Math.fround(std[Math.floor(i / each)]);
  const changes = asked.edits.map((/** @type {any} */ edit) => ({ ...edit, module: edit.layer }));
  return new Pass(graph, weights, { data, shape: [channels, ...size] }, changes);
}

/** The derivative of what is asked about, by the logits. @param {Float32Array} logits @param {any} asked */
function flow(logits, { target, loss }) {
  const k = target < 0 ? logits.indexOf(Math.max(...logits)) : target;
  const shares = loss && target >= 0 ? softmax(Array.from(logits)).shares : null;
  return { k, shares, gradient: Float32Array.from(logits, (_, i) => (shares ? shares[i] : 0) + (i === k ? (shares ? -1 : 1) : 0)) };
}

/** @param {number[]} scaled */
function softmax(scaled) {
  const largest = Math.max(...scaled);
  const powers = scaled.map((x) => Math.exp(x - largest));
  const total = powers.reduce((a, b) => a + b, 0);
  return { powers, total, shares: powers.map((x) => x / total) };
}

/** Logits as they are calibrated. @param {ArrayLike<number>} logits */
const calibrated = (logits) => Array.from(logits, (x, i) => x / facts.temperature + (offsets?.[i] ?? 0));

/** @param {Pass} pass @param {any} asked @param {{pixels: ArrayLike<number>, fitted: string}} stored */
function look(pass, asked, stored) {
  const logits = pass.result.data;
  const { k, shares, gradient } = flow(logits, asked);
  const back = asked.gradients ? pass.gradients(gradient) : null;
  /** @type {Record<string, any>} */
  const arrays = { picture: levels(stored.pixels) };
  const add = (/** @type {string} */ name, /** @type {Tensor | undefined} */ tensor) => {
    if (tensor) [arrays[name], arrays[`${name}.scale`]] = coded(some(tensor, asked.most));
  };
  if (back) add("picture.gradient", back.inputs);
  pass.nodes.forEach((node, n) => {
    if (node.layer < 0) return;
    add(`${node.layer}`, pass.outputs[n]);
    if (back) add(`${node.layer}.gradient`, back.nodes[n]);
  });
  const probabilities = softmax(calibrated(logits)).shares;
  const prediction = `${facts.classes[k]} ${(100 * probabilities[k]).toFixed(1)}%`;
  const answer = { prediction, logits: Array.from(logits), probabilities, views: 1, temperature: facts.temperature };
  const score = shares ? -Math.log(shares[k]) : logits[k];
  return { header: { answer, layers: facts.layers, fitted: stored.fitted, score }, arrays };
}

/** The pixels as they are shown (H, W, 3). @param {ArrayLike<number>} pixels */
function levels(pixels) {
  const { low, high, channels, size: [height, width] } = preprocessing;
  const data = new Uint8Array(height * width * 3);
  for (let i = 0; i < height * width; i++) for (let c = 0; c < 3; c++) {
    const value = pixels[(channels === 3 ? c : 0) * height * width + i];
    data[3 * i + c] = Math.round(255 * Math.min(1, Math.max(0, (value - low) / (high - low))));
  }
  return { data, shape: [height, width, 3] };
}

/** The first maps. @param {Tensor} tensor @param {number} many @returns {Tensor} */
function some(tensor, many) {
  if (tensor.shape.length < 2 || tensor.shape[0] <= many) return tensor;
  return { data: tensor.data.subarray(0, (tensor.data.length / tensor.shape[0]) * many), shape: [many, ...tensor.shape.slice(1)] };
}

/** Signed bytes, ±127 for the largest absolute value of each map, of a vector one; and these largest. @param {Tensor} tensor */
function coded(tensor) {
  const maps = tensor.shape.length > 1 ? tensor.shape[0] : 1;
  const size = tensor.data.length / maps;
  const largest = Float32Array.from({ length: maps }, (_, c) => most(tensor.data.subarray(c * size, (c + 1) * size)));
  const data = new Int8Array(tensor.data.length);
  for (let i = 0; i < data.length; i++) data[i] = Math.round((tensor.data[i] * 127) / Math.max(largest[Math.floor(i / size)], 1e-37));
  return [{ data, shape: tensor.shape }, { data: largest, shape: [maps] }];
}

/** The probability of a class, from all logits. @param {Pass} pass @param {any} asked */
function share(pass, asked) {
  const [k] = asked.index;
  const { powers, total, shares } = softmax(calibrated(pass.result.data));
  const about = { in: facts.layers.length - 1 };
  const part = { about, operation: "softmax", shape: [powers.length], value: shares[k], constant: 0, facts: { total, temperature: facts.temperature } };
  const places = { data: Int32Array.from(powers.keys()), shape: [powers.length, 1] };
  const ones = Float64Array.from(powers, (_, i) => (i === k ? 1 / total : 0));
  const numbers = (/** @type {ArrayLike<number>} */ data) => ({ data: Float64Array.from(data), shape: [powers.length] });
  return { header: { shown: shares[k], parts: [part], field: null, kind: "Softmax" }, arrays: { "0.places": places, "0.values": numbers(powers), "0.weights": numbers(ones) } };
}

/** The value at a place, or its gradient. @param {Pass} pass @param {any} asked */
function value(pass, asked) {
  const n = pass.nodes.findIndex((node) => node.layer === asked.layer);
  const { nodes, inputs } = pass.gradients(flow(pass.result.data, asked).gradient);
  const found = { forward: pass.outputs[n], backward: n < 0 ? inputs : nodes[n], weight: n < 0 ? undefined : pass.weightGradients(n, nodes)[asked.parameter] }[/** @type {"forward"} */ (asked.direction)];
  const place = asked.index.reduce((/** @type {number} */ sum, /** @type {number} */ i, /** @type {number} */ axis) => sum * (found?.shape[axis] ?? 1) + i, 0);
  return { header: { shown: found?.data[place] ?? 0, parts: [], field: null, kind: facts.layers[asked.layer]?.kind ?? text("picture") }, arrays: {} };
}

/** A layer's weights and their gradients, of the map `asked.index` alone exact numbers too. @param {Pass} pass @param {any} asked */
function kernels(pass, asked) {
  const n = pass.nodes.findIndex((node) => node.layer === asked.layer);
  const gradients = pass.weightGradients(n, pass.gradients(flow(pass.result.data, asked).gradient).nodes);
  /** @type {Record<string, any>} */
  const arrays = {};
  for (const name of ["weight", "bias"]) {
    const own = pass.own[n][name];
    if (!own) continue;
    for (const [kind, tensor] of /** @type {[string, Tensor | undefined][]} */ ([["", own], [".gradient", gradients[name]]])) {
      if (!tensor) continue;
      const part = asked.index.length ? mapOf(tensor, asked.index[0]) : fewer(tensor);
      const [codes, scale] = coded({ data: part.data, shape: [part.data.length] });
      [arrays[name + kind], arrays[`${name}${kind}.scale`]] = [{ ...codes, shape: part.shape }, scale];
      if (asked.index.length) arrays[`${name}${kind}.exact`] = part;
    }
  }
  return { header: {}, arrays };
}

/** @param {Tensor} tensor @param {number} map @returns {Tensor} */
function mapOf(tensor, map) {
  const size = tensor.data.length / tensor.shape[0];
  return { data: tensor.data.subarray(map * size, (map + 1) * size), shape: tensor.shape.length < 2 ? [1, 1] : tensor.shape.slice(1) };
}

/** As many kernels as are shown. @param {Tensor} tensor @returns {Tensor} */
const fewer = (tensor) => some(tensor, tensor.shape.length < 3 ? MOST_KERNELS : Math.max(1, Math.floor(MOST_KERNELS / tensor.shape[1])));
