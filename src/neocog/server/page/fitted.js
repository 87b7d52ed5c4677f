// A picture of any size as the network takes it: what neocog/data/resize.py does (Pillow's antialiased filters), in the browser.

/** @typedef {{channels: number, size: number[], fit: string, interpolation: string, crop_share: number}} Preprocessing */
/** @typedef {{data: ArrayLike<number>, shape: number[]}} Picture (H, W, C) 0 … 255 */

const LUMA = [0.299, 0.587, 0.114];

/** @type {Record<string, [number, (x: number) => number]>} how far each filter reaches, and its weight there */
const FILTERS = {
  bilinear: [1, (x) => Math.max(0, 1 - Math.abs(x))],
  bicubic: [2, (x) => { const t = Math.abs(x); return t < 1 ? (1.5 * t - 2.5) * t * t + 1 : t < 2 ? ((-0.5 * t + 2.5) * t - 4) * t + 2 : 0; }],
};

/** @param {Picture} picture @param {Preprocessing} to @returns {{data: Uint8Array, shape: number[]}} (C, H, W) */
export function fitted(picture, to) {
  const { data, shape: [height, width, channels] } = withChannels(picture, to.channels);
  const { box, inner, before } = placement([height, width], to);
  const [tall, wide] = to.size;
  const found = new Uint8Array(channels * tall * wide);
  for (let c = 0; c < channels; c++) {
    const plane = new Float64Array(height * width);
    for (let i = 0; i < plane.length; i++) plane[i] = data[i * channels + c];
    const made = resized(plane, [height, width], inner, box, to.interpolation);
    for (let y = 0; y < tall; y++) for (let x = 0; x < wide; x++) {
      const row = Math.min(Math.max(y - before[0], 0), inner[0] - 1); // around it its edge, repeated
      const column = Math.min(Math.max(x - before[1], 0), inner[1] - 1);
      found[(c * tall + y) * wide + x] = made[row * inner[1] + column];
    }
  }
  return { data: found, shape: [channels, tall, wide] };
}

/** @param {Picture} picture @param {number} channels @returns {Picture} */
function withChannels({ data, shape: [height, width, stored] }, channels) {
  if (stored === channels) return { data, shape: [height, width, stored] };
  const made = new Uint8Array(height * width * channels);
  for (let i = 0; i < height * width; i++) {
    if (channels === 3) made.fill(data[i], 3 * i, 3 * i + 3);
    else made[i] = Math.round(LUMA[0] * data[3 * i] + LUMA[1] * data[3 * i + 1] + LUMA[2] * data[3 * i + 2]);
  }
  return { data: made, shape: [height, width, channels] };
}

/** Which part is seen, how large it becomes, and what is before it. @param {number[]} from @param {Preprocessing} to */
function placement([height, width], { size: [tall, wide], fit, crop_share: share }) {
  let box = [0, 0, width, height];
  let inner = [tall, wide];
  if (fit === "crop") {
    const scale = Math.max(tall / height, wide / width);
    const [across, down] = [(share * wide) / scale, (share * tall) / scale];
    const [left, top] = [(width - across) / 2, (height - down) / 2];
    box = [Math.max(left, 0), Math.max(top, 0), Math.min(left + across, width), Math.min(top + down, height)];
  } else if (fit === "pad") {
    const scale = Math.min(tall / height, wide / width);
    inner = [Math.max(1, Math.round(height * scale)), Math.max(1, Math.round(width * scale))];
  } else if (share < 1) {
    const [left, top] = [(width * (1 - share)) / 2, (height * (1 - share)) / 2];
    box = [left, top, width - left, height - top];
  }
  return { box, inner, before: [Math.floor((tall - inner[0]) / 2), Math.floor((wide - inner[1]) / 2)] };
}

/** Columns first, then rows, each rounded to whole numbers, as Pillow does. @param {Float64Array} plane @param {number[]} from @param {number[]} to @param {number[]} box @param {string} how */
function resized(plane, [height, width], [tall, wide], [left, top, right, bottom], how) {
  if (height === tall && width === wide && right - left === width && bottom - top === height) return plane;
  const across = sums(width, wide, left, right, how);
  const middle = new Float64Array(height * wide);
  for (let y = 0; y < height; y++) for (let x = 0; x < wide; x++) {
    let sum = 0;
    across[x].weights.forEach((weight, i) => (sum += weight * plane[y * width + across[x].first + i]));
    middle[y * wide + x] = clipped(sum);
  }
  const down = sums(height, tall, top, bottom, how);
  const found = new Float64Array(tall * wide);
  for (let y = 0; y < tall; y++) for (let x = 0; x < wide; x++) {
    let sum = 0;
    down[y].weights.forEach((weight, i) => (sum += weight * middle[(down[y].first + i) * wide + x]));
    found[y * wide + x] = clipped(sum);
  }
  return found;
}

const clipped = (/** @type {number} */ x) => Math.min(255, Math.max(0, Math.floor(x + 0.5)));

/** Of each place along a side the first that it is made of, and the weights. @param {number} from @param {number} to @param {number} start @param {number} end @param {string} how */
function sums(from, to, start, end, how) {
  const [reach, filter] = FILTERS[how];
  const scale = (end - start) / to;
  const wide = Math.max(1, scale);
  return Array.from({ length: to }, (_, i) => {
    const centre = start + (i + 0.5) * scale;
    const first = Math.max(0, Math.floor(centre - reach * wide + 0.5));
    const last = Math.min(from, Math.floor(centre + reach * wide + 0.5));
    const weights = Array.from({ length: last - first }, (__, k) => filter((first + k - centre + 0.5) / wide));
    const total = weights.reduce((a, b) => a + b, 0);
    return { first, weights: weights.map((weight) => weight / total) };
  });
}
