// Pools of one picture, forward and backward.

/** @typedef {import("./convolution.js").Tensor} Tensor */
/** @typedef {{kind: string, kernel: number[], stride: number[], padding: number[], counted?: boolean, power?: number, sides?: number[]}} Pool */

/** The windows of each side of the output, as [first, end) of the input's, and how many places the mean counts. @param {Pool} pool @param {number} axis @param {number} side */
function windows(pool, axis, side) {
  const [kernel, stride, padding] = [pool.kernel[axis], pool.stride[axis], pool.padding[axis]];
  const many = pool.sides ? pool.sides[axis] || side : Math.floor((side + 2 * padding - kernel) / stride) + 1;
  return Array.from({ length: many }, (_, i) => {
    if (pool.sides) return { first: Math.floor((i * side) / many), end: Math.ceil(((i + 1) * side) / many), counted: 0 };
    const start = i * stride - padding;
    return { first: Math.max(0, start), end: Math.min(side, start + kernel), counted: Math.min(start + kernel, side + padding) - start };
  });
}

/** @param {Pool} pool @param {number[]} shape @param {(c: number, to: number, row: any, column: any) => void} each */
function overWindows(pool, shape, each) {
  const [down, across] = [windows(pool, 0, shape[1]), windows(pool, 1, shape[2])];
  let to = 0;
  for (let c = 0; c < shape[0]; c++) for (const row of down) for (const column of across) each(c, to++, row, column);
  return [shape[0], down.length, across.length];
}

/** How many places a mean is of. @param {Pool} pool @param {any} row @param {any} column */
const size = (pool, row, column) => (pool.counted ? row.counted * column.counted : (row.end - row.first) * (column.end - column.first));

/** The place of the largest (or smallest) in a window, the first among equals. @param {Tensor} x @param {number} c @param {any} row @param {any} column @param {number} sign */
function largest(x, c, row, column, sign) {
  const [, height, width] = x.shape;
  let best = (c * height + row.first) * width + column.first;
  for (let y = row.first; y < row.end; y++) for (let i = column.first; i < column.end; i++) {
    const place = (c * height + y) * width + i;
    if (sign * x.data[place] > sign * x.data[best]) best = place;
  }
  return best;
}

/** @param {Tensor} x @param {number} c @param {any} row @param {any} column @param {(place: number) => void} each */
function inside(x, c, row, column, each) {
  for (let y = row.first; y < row.end; y++) for (let i = column.first; i < column.end; i++) each((c * x.shape[1] + y) * x.shape[2] + i);
}

/** @param {Tensor} x @param {Pool} pool @returns {Tensor} */
export function pooled(x, pool) {
  /** @type {number[]} */
  const found = [];
  const shape = overWindows(pool, x.shape, (c, to, row, column) => {
    if (pool.kind === "largest" || pool.kind === "smallest") {
      found[to] = x.data[largest(x, c, row, column, pool.kind === "largest" ? 1 : -1)];
      return;
    }
    let sum = 0;
    const p = pool.power ?? 1;
    inside(x, c, row, column, (place) => (sum += p === 1 ? x.data[place] : x.data[place] ** p));
    found[to] = pool.kind === "powers" ? (sum > 0 ? sum ** (1 / p) : 0) : sum / size(pool, row, column);
  });
  return { data: new Float32Array(found), shape };
}

/** @param {Tensor} x @param {Tensor} output @param {Tensor} gradient @param {Pool} pool @returns {Tensor} */
export function pooledBack(x, output, gradient, pool) {
  const data = new Float32Array(x.data.length);
  overWindows(pool, x.shape, (c, to, row, column) => {
    const flow = gradient.data[to];
    if (pool.kind === "largest" || pool.kind === "smallest") data[largest(x, c, row, column, pool.kind === "largest" ? 1 : -1)] += flow;
    else if (pool.kind === "powers") inside(x, c, row, column, (place) => { if (output.data[to]) data[place] += flow * (x.data[place] / output.data[to]) ** ((pool.power ?? 1) - 1); });
    else inside(x, c, row, column, (place) => { data[place] += flow / size(pool, row, column); });
  });
  return { data, shape: x.shape };
}
