// Convolutions of one picture, forward and backward, of any stride, padding, dilation and number of groups.

/** @typedef {{data: Float32Array, shape: number[]}} Tensor (C, H, W) or (F,) */
/** @typedef {{stride: number[], padding: number[], dilation: number[], groups: number}} Way */

/**
 * Calls `each(weight's place, output map, input map, row of the kernel's, first and last column)` for every weight, with what of a
 * row of the output it reaches without the border.
 * @param {number[]} kernel (O, C / groups, kH, kW) @param {number[]} input (C, H, W) @param {number[]} output (O, H', W') @param {Way} way
 * @param {(place: number, from: number, to: number, length: number) => void} each `from`, `to`: places of the first number, in and out
 */
function rows(kernel, input, output, way, each) {
  const [maps, per, tall, wide] = kernel;
  const [, height, width] = input;
  const [, rowsOut, columnsOut] = output;
  const [stepY, stepX] = way.stride;
  const inGroup = maps / way.groups;
  for (let o = 0, place = 0; o < maps; o++) {
    const first = Math.floor(o / inGroup) * per;
    for (let c = 0; c < per; c++) for (let u = 0; u < tall; u++) for (let v = 0; v < wide; v++, place++) {
      const [offY, offX] = [u * way.dilation[0] - way.padding[0], v * way.dilation[1] - way.padding[1]];
      const left = Math.max(0, Math.ceil(-offX / stepX));
      const right = Math.min(columnsOut - 1, Math.floor((width - 1 - offX) / stepX));
      if (right < left) continue;
      for (let y = Math.max(0, Math.ceil(-offY / stepY)); y < rowsOut && y * stepY + offY < height; y++) {
        each(place, ((first + c) * height + y * stepY + offY) * width + left * stepX + offX, (o * rowsOut + y) * columnsOut + left, right - left + 1);
      }
    }
  }
}

/** @param {number[]} input @param {number[]} kernel @param {Way} way */
export function shapeOf(input, kernel, way) {
  const side = (/** @type {number} */ i) => Math.floor((input[i + 1] + 2 * way.padding[i] - way.dilation[i] * (kernel[i + 2] - 1) - 1) / way.stride[i]) + 1;
  return [kernel[0], side(0), side(1)];
}

/** @param {Tensor} x @param {Tensor} weight @param {Tensor | undefined} bias @param {Way} way @returns {Tensor} */
export function convolve(x, weight, bias, way) {
  const shape = shapeOf(x.shape, weight.shape, way);
  const each = shape[1] * shape[2];
  const sums = new Float64Array(shape[0] * each);
  if (bias) for (let o = 0; o < shape[0]; o++) sums.fill(bias.data[o], o * each, (o + 1) * each);
  const [input, kernel, step] = [x.data, weight.data, way.stride[1]];
  rows(weight.shape, x.shape, shape, way, (place, from, to, length) => {
    const w = kernel[place];
    if (step === 1) for (let i = 0; i < length; i++) sums[to + i] += w * input[from + i];
    else for (let i = 0; i < length; i++) sums[to + i] += w * input[from + i * step];
  });
  return { data: new Float32Array(sums), shape };
}

/** ∂S/∂x of a convolution. @param {Tensor} x @param {Tensor} weight @param {Tensor} gradient by its output @param {Way} way @returns {Tensor} */
export function convolveBack(x, weight, gradient, way) {
  const sums = new Float64Array(x.data.length);
  const [flow, kernel, step] = [gradient.data, weight.data, way.stride[1]];
  rows(weight.shape, x.shape, gradient.shape, way, (place, from, to, length) => {
    const w = kernel[place];
    for (let i = 0; i < length; i++) sums[from + i * step] += w * flow[to + i];
  });
  return { data: new Float32Array(sums), shape: x.shape };
}

/** ∂S/∂w. @param {Tensor} x @param {number[]} shape of the weight @param {Tensor} gradient @param {Way} way @returns {Tensor} */
export function kernelGradient(x, shape, gradient, way) {
  const sums = new Float64Array(shape.reduce((a, b) => a * b));
  const [input, flow, step] = [x.data, gradient.data, way.stride[1]];
  rows(shape, x.shape, gradient.shape, way, (place, from, to, length) => {
    let sum = 0;
    for (let i = 0; i < length; i++) sum += input[from + i * step] * flow[to + i];
    sums[place] += sum;
  });
  return { data: new Float32Array(sums), shape };
}
