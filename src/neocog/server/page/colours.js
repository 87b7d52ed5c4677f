// One scale of colours for values, weights and gradients alike: blue below zero, orange above, the ground at zero.

const LIGHT = { zero: [244, 244, 240], above: [[232, 160, 112], [190, 88, 34], [110, 38, 4]], below: [[124, 182, 203], [33, 116, 146], [4, 56, 80]] };
const DARK = { zero: [31, 37, 42], above: [[122, 66, 34], [214, 122, 62], [255, 214, 176]], below: [[26, 82, 104], [58, 150, 180], [190, 240, 255]] };
const dark = matchMedia("(prefers-color-scheme: dark)");

/** @param {number[]} zero @param {number[][]} stops @param {number} share 0 … 1 */
function mixed(zero, stops, share) {
  const all = [zero, ...stops];
  const place = Math.min(share, 0.9999) * stops.length;
  const [from, to, rest] = [all[Math.floor(place)], all[Math.floor(place) + 1], place % 1];
  return from.map((c, i) => Math.round(c + (to[i] - c) * rest));
}

/** 255 colours, −127 … 127, as the pixels of an ImageData. @type {Uint32Array} */
export let table = new Uint32Array(256);

function fill() {
  const scheme = dark.matches ? DARK : LIGHT;
  for (let code = -127; code <= 127; code++) {
    const [r, g, b] = mixed(scheme.zero, code < 0 ? scheme.below : scheme.above, Math.abs(code) / 127);
    table[code + 128] = (255 << 24) | (b << 16) | (g << 8) | r;
  }
}
fill();

/** @param {() => void} then called when the page turns dark or light */
export const onChange = (then) => dark.addEventListener("change", () => { fill(); then(); });

/** The colour of a share of the largest, −1 … 1, for styles; and whether dark letters read well on it. @param {number} share */
export function colour(share) {
  const code = Math.round(Math.max(-1, Math.min(1, share || 0)) * 127);
  const pixel = table[code + 128];
  const [r, g, b] = [pixel & 255, (pixel >> 8) & 255, (pixel >> 16) & 255];
  const linear = [r, g, b].map((c) => (c / 255 <= 0.04045 ? c / 255 / 12.92 : ((c / 255 + 0.055) / 1.055) ** 2.4));
  const light = 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2];
  return { ground: `rgb(${r} ${g} ${b})`, ink: light > 0.179 ? "#000000" : "#ffffff" };
}

/**
 * Signed codes as pixels.
 * @param {Int8Array} codes @param {number} start @param {number} length @param {number} factor what the codes are multiplied by
 * @param {Uint32Array} pixels @param {number} place
 */
export function paint(codes, start, length, factor, pixels, place) {
  for (let i = 0; i < length; i++) {
    let code = Math.round(codes[start + i] * factor);
    code = code > 127 ? 127 : code < -127 ? -127 : code;
    pixels[place + i] = table[code + 128];
  }
}
