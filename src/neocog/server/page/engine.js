// A network of one picture, forward and backward, without any library: what neocog/server/graph.py has written down of it.

import { ACTIVATIONS } from "./activations.js";
import { convolve, convolveBack, kernelGradient } from "./convolution.js";
import { pooled, pooledBack } from "./pooling.js";

/** @typedef {import("./convolution.js").Tensor} Tensor */
/** @typedef {{module: number, map: number, off?: boolean, given?: number, kernel?: number[]}} Change */
/** @typedef {{op: string, inputs: number[], layer: number, module: number, name: string, [setting: string]: any}} Node `inputs`: positions of nodes, −1: the picture */
/** @typedef {Record<string, Tensor>} Weights of a node, by the names that torch gives them */
/** @typedef {{forward: (node: Node, given: Tensor[], own: Weights) => Tensor, backward: (node: Node, given: Tensor[], output: Tensor, flow: Tensor, own: Weights) => Tensor[], weights?: (node: Node, x: Tensor, flow: Tensor, own: Weights) => Weights}} Operation */

/** @param {Tensor} like @param {(i: number) => number} value @returns {Tensor} */
function made(like, value) {
  const data = new Float32Array(like.data.length);
  for (let i = 0; i < data.length; i++) data[i] = value(i);
  return { data, shape: like.shape };
}

/** Of each map the number by which batch norm multiplies it, and what it adds. @param {Node} node @param {Weights} own */
function scales(node, own) {
  return Array.from(own.running_var.data, (variance, c) => {
    const gain = (own.weight?.data[c] ?? 1) / Math.sqrt(variance + node.eps);
    return [gain, (own.bias?.data[c] ?? 0) - own.running_mean.data[c] * gain];
  });
}

/** How many numbers a map has. @param {Tensor} x */
const each = (x) => x.data.length / x.shape[0];

/** The place in `x` of the largest of the neighbouring maps. @param {Tensor} x @param {number} pieces @param {number} size @param {number} i */
function strongest(x, pieces, size, i) {
  const start = Math.floor(i / size) * pieces * size + (i % size);
  let best = start;
  for (let k = 1; k < pieces; k++) if (x.data[start + k * size] > x.data[best]) best = start + k * size;
  return best;
}

/** @type {Record<string, Operation>} */
const OPERATIONS = {
  convolution: {
    forward: (node, [x], own) => convolve(x, own.weight, own.bias, /** @type {any} */ (node)),
    backward: (node, [x], _, flow, own) => [convolveBack(x, own.weight, flow, /** @type {any} */ (node))],
    weights: (node, x, flow, own) => ({ weight: kernelGradient(x, own.weight.shape, flow, /** @type {any} */ (node)), bias: summed(flow) }),
  },
  linear: {
    forward: (_, [x], own) => {
      const [outputs, inputs] = own.weight.shape;
      const data = new Float32Array(outputs);
      for (let o = 0; o < outputs; o++) {
        let sum = own.bias?.data[o] ?? 0;
        for (let i = 0; i < inputs; i++) sum += own.weight.data[o * inputs + i] * x.data[i];
        data[o] = sum;
      }
      return { data, shape: [outputs] };
    },
    backward: (_, [x], __, flow, own) => {
      const [outputs, inputs] = own.weight.shape;
      const sums = new Float64Array(inputs);
      for (let o = 0; o < outputs; o++) for (let i = 0; i < inputs; i++) sums[i] += own.weight.data[o * inputs + i] * flow.data[o];
      return [{ data: new Float32Array(sums), shape: x.shape }];
    },
    weights: (_, x, flow, own) => ({ weight: made(own.weight, (i) => flow.data[Math.floor(i / x.data.length)] * x.data[i % x.data.length]), bias: flow }),
  },
  norm: {
    forward: (node, [x], own) => {
      const of = scales(node, own);
      return made(x, (i) => { const [gain, shift] = of[Math.floor(i / each(x))]; return x.data[i] * gain + shift; });
    },
    backward: (node, [x], _, flow, own) => {
      const of = scales(node, own);
      return [made(x, (i) => flow.data[i] * of[Math.floor(i / each(x))][0])];
    },
    weights: (node, x, flow, own) => {
      const normal = made(x, (i) => { const c = Math.floor(i / each(x)); return (flow.data[i] * (x.data[i] - own.running_mean.data[c])) / Math.sqrt(own.running_var.data[c] + node.eps); });
      return { weight: summed(normal), bias: summed(flow) };
    },
  },
  activation: {
    forward: (node, [x]) => made(x, (i) => ACTIVATIONS[node.function][0](x.data[i], node.a)),
    backward: (node, [x], _, flow) => [made(x, (i) => flow.data[i] * ACTIVATIONS[node.function][1](x.data[i], node.a))],
  },
  pool: {
    forward: (node, [x]) => pooled(x, /** @type {any} */ (node)),
    backward: (node, [x], output, flow) => [pooledBack(x, output, flow, /** @type {any} */ (node))],
  },
  maxout: {
    forward: (node, [x]) => {
      const shape = [x.shape[0] / node.pieces, ...x.shape.slice(1)];
      const like = { data: new Float32Array(x.data.length / node.pieces), shape };
      return made(like, (i) => x.data[strongest(x, node.pieces, each(x), i)]);
    },
    backward: (node, [x], _, flow) => {
      const data = new Float32Array(x.data.length);
      flow.data.forEach((value, i) => (data[strongest(x, node.pieces, each(x), i)] += value));
      return [{ data, shape: x.shape }];
    },
  },
  flatten: { forward: (_, [x]) => ({ data: x.data, shape: [x.data.length] }), backward: (_, [x], __, flow) => [{ data: flow.data, shape: x.shape }] },
  identity: { forward: (_, [x]) => x, backward: (_, __, ___, flow) => [flow] },
  sum: {
    forward: (_, [x, y]) => made(x, (i) => x.data[i] + y.data[i]),
    backward: (_, __, ___, flow) => [flow, flow],
  },
};

/** The sum over each map. @param {Tensor} x @returns {Tensor} */
function summed(x) {
  const data = new Float32Array(x.shape[0]);
  for (let c = 0; c < data.length; c++) {
    let sum = 0;
    for (let i = c * each(x); i < (c + 1) * each(x); i++) sum += x.data[i];
    data[c] = sum;
  }
  return { data, shape: [data.length] };
}

/** One picture's way. */
export class Pass {
  /** @param {Node[]} nodes @param {Record<string, Tensor>} weights by module and name: "c1.weight" @param {Tensor} inputs @param {Change[]} changes */
  constructor(nodes, weights, inputs, changes) {
    [this.nodes, this.inputs, this.changes] = [nodes, inputs, changes];
    this.own = nodes.map((node) => changed(weightsOf(node, weights), changes.filter((change) => change.module === node.module && change.kernel)));
    /** @type {Tensor[]} */
    this.outputs = [];
    nodes.forEach((node, n) => {
      this.outputs[n] = this.without(node, OPERATIONS[node.op].forward(node, this.given(node), this.own[n]));
    });
  }

  /** @param {Node} node */
  given(node) {
    return node.inputs.map((input) => (input < 0 ? this.inputs : this.outputs[input]));
  }

  get result() {
    return this.outputs[this.outputs.length - 1];
  }

  /** The maps that are switched off made 0. @param {Node} node @param {Tensor} tensor */
  without(node, tensor) {
    const off = this.changes.filter((change) => change.off && change.module === node.module);
    if (!off.length) return tensor;
    const data = tensor.data.slice();
    for (const { map } of off) data.fill(0, map * each(tensor), (map + 1) * each(tensor));
    return { data, shape: tensor.shape };
  }

  /** ∂S/∂ of each node's output, and of the inputs, from that of the result. @param {Float32Array} flow */
  gradients(flow) {
    /** @type {(Tensor | undefined)[]} */
    const found = [];
    /** @type {Tensor | undefined} */
    let first;
    found[this.nodes.length - 1] = { data: flow, shape: this.result.shape };
    for (let n = this.nodes.length - 1; n >= 0; n--) {
      const [node, own] = [this.nodes[n], found[n]];
      if (!own) continue;
      const back = OPERATIONS[node.op].backward(node, this.given(node), this.outputs[n], this.without(node, own), this.own[n]);
      node.inputs.forEach((input, i) => {
        if (input < 0) first = added(first, back[i]);
        else found[input] = added(found[input], back[i]);
      });
    }
    return { nodes: found, inputs: first };
  }

  /** ∂S/∂ of a node's weights. @param {number} n @param {(Tensor | undefined)[]} gradients */
  weightGradients(n, gradients) {
    const [node, flow] = [this.nodes[n], gradients[n]];
    const made = OPERATIONS[node.op].weights;
    return made && flow ? made(node, this.given(node)[0], this.without(node, flow), this.own[n]) : {};
  }
}

/** @param {Tensor | undefined} a @param {Tensor} b */
const added = (a, b) => (a ? made(a, (i) => a.data[i] + b.data[i]) : b);

/** @param {Node} node @param {Record<string, Tensor>} weights @returns {Weights} */
function weightsOf(node, weights) {
  const start = `${node.name}.`;
  return Object.fromEntries(Object.entries(weights).filter(([name]) => node.name && name.startsWith(start)).map(([name, value]) => [name.slice(start.length), value]));
}

/** With kernels written anew; the network's own stay as they are. @param {Weights} own @param {Change[]} changes @returns {Weights} */
function changed(own, changes) {
  if (!changes.length) return own;
  const weight = { data: own.weight.data.slice(), shape: own.weight.shape };
  const size = weight.shape.slice(2).reduce((a, b) => a * b, 1);
  for (const { map, given = 0, kernel = [] } of changes) weight.data.set(kernel, (map * weight.shape[1] + given) * size);
  return { ...own, weight };
}
