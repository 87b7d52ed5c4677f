// Activations with their derivatives: name → [f(x, a), f′(x, a)]; a: the one number that some of them have.

/** Abramowitz & Stegun 1964, 7.1.26: within 1.5 · 10⁻⁷. @param {number} x */
function erf(x) {
  const t = 1 / (1 + 0.3275911 * Math.abs(x));
  const rest = ((((1.061405429 * t - 1.453152027) * t + 1.421413741) * t - 0.284496736) * t + 0.254829592) * t * Math.exp(-x * x);
  return Math.sign(x) * (1 - rest);
}

const sigmoid = (/** @type {number} */ x) => 1 / (1 + Math.exp(-x));
const below = (/** @type {number} */ x) => 0.5 * (1 + erf(x / Math.SQRT2)); // of a normal distribution
const density = (/** @type {number} */ x) => Math.exp((-x * x) / 2) / Math.sqrt(2 * Math.PI);
const clipped = (/** @type {number} */ x) => Math.min(1, Math.max(0, x / 6 + 0.5));

/** @type {Record<string, [(x: number, a: number) => number, (x: number, a: number) => number]>} */
export const ACTIVATIONS = {
  ReLU: [(x) => (x > 0 ? x : 0), (x) => (x > 0 ? 1 : 0)],
  ReLU6: [(x) => Math.min(6, Math.max(0, x)), (x) => (x > 0 && x < 6 ? 1 : 0)],
  LeakyReLU: [(x, a) => (x > 0 ? x : a * x), (x, a) => (x > 0 ? 1 : a)],
  ELU: [(x, a) => (x > 0 ? x : a * Math.expm1(x)), (x, a) => (x > 0 ? 1 : a * Math.exp(x))],
  Tanh: [Math.tanh, (x) => 1 - Math.tanh(x) ** 2],
  Sigmoid: [sigmoid, (x) => sigmoid(x) * (1 - sigmoid(x))],
  SiLU: [(x) => x * sigmoid(x), (x) => sigmoid(x) * (1 + x * (1 - sigmoid(x)))],
  Softplus: [(x) => Math.max(0, x) + Math.log1p(Math.exp(-Math.abs(x))), sigmoid],
  GELU: [(x) => x * below(x), (x) => below(x) + x * density(x)],
  Hardswish: [(x) => x * clipped(x), (x) => (x <= -3 ? 0 : x >= 3 ? 1 : x / 3 + 0.5)],
};
