// Every text that people read, by name, out of one file, so that it can be translated.

/** @type {Record<string, string>} */
let texts = {};

/** Take them, and fill what the page names by data-text and data-label. @param {Record<string, string>} given */
export function use(given) {
  texts = given;
  for (const place of document.querySelectorAll("[data-text]")) place.textContent = text(place.getAttribute("data-text") ?? "");
  for (const place of document.querySelectorAll("[data-label]")) place.setAttribute("aria-label", text(place.getAttribute("data-label") ?? ""));
}

/**
 * @param {string} name
 * @param {Record<string, string | number>} [values] what stands for {name} in it
 */
export function text(name, values = {}) {
  return (texts[name] ?? name).replace(/\{(\w+)\}/g, (_, key) => String(values[key] ?? ""));
}

const whole = new Intl.NumberFormat("en");

/** 61706 → "61,706" @param {number} n */
export const count = (n) => whole.format(n);

/** A number for people, with a true minus sign. @param {number} x @param {number} [digits] */
export function number(x, digits = 4) {
  if (!Number.isFinite(x)) return String(x);
  const size = Math.abs(x);
  const plain = size === 0 ? "0" : size >= 1e5 || size < 1e-3 ? x.toExponential(2) : x.toPrecision(digits);
  return plain.replace("-", "−").replace("e−", "e−").replace(/e-/, "e−").replace("e+", "e");
}

/** A name for people as plain text, cut in its middle where it is long. @param {string} name @param {number} [most] */
export const short = (name, most = 60) => (name.length <= most ? name : `${name.slice(0, most - 20)}…${name.slice(-19)}`);

/** The largest absolute value. @param {ArrayLike<number>} values */
export function most(values) {
  let largest = 0;
  for (let i = 0; i < values.length; i++) largest = Math.max(largest, Math.abs(values[i]));
  return largest;
}
