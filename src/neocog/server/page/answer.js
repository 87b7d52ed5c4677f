// What the network says: the likeliest class, and a bar for each class, which one can choose.

import { element } from "./explained.js";
import { count, number, short, text } from "./texts.js";

/** @typedef {{prediction: string, probabilities?: number[], values?: number[], views?: number}} Said */

const BARS = 12;

export class Answer {
  /** @param {HTMLElement} said @param {HTMLElement} list @param {HTMLElement} note @param {(k: number) => void} [choose] none: the bars are only looked at */
  constructor(said, list, note, choose) {
    [this.said, this.list, this.note, this.choose] = [said, list, note, choose];
  }

  /** @param {Said} answer @param {{classes: string[], temperature: number}} facts @param {boolean} calibrated */
  show(answer, { classes, temperature }, calibrated) {
    const shares = answer.probabilities ?? [];
    const order = shares.map((_, k) => k);
    if (classes.length > BARS) order.sort((a, b) => shares[b] - shares[a]);
    const best = shares.indexOf(Math.max(...shares));
    this.said.replaceChildren(...(shares.length ? [`${short(classes[best], 40)} `, element("span", {}, percent(shares[best]))] : [answer.prediction]));
    const shown = Math.min(order.length, BARS);
    if (this.list.children.length !== shown) this.list.replaceChildren(...Array.from({ length: shown }, () => this.bar()));
    [...this.list.children].forEach((item, row) => {
      const k = order[row];
      const button = /** @type {HTMLElement} */ (item.firstChild);
      const [name, track, share] = /** @type {HTMLElement[]} */ ([...button.children]);
      button.dataset.k = String(k);
      button.classList.toggle("best", k === best);
      name.textContent = short(classes[k], 40);
      name.title = short(classes[k], 300);
      /** @type {HTMLElement} */ (track.firstChild).style.inlineSize = `${100 * shares[k]}%`;
      share.textContent = percent(shares[k]);
    });
    this.note.textContent = shares.length ? notes(answer, classes.length - shown, temperature, calibrated).join(" ") : "";
  }

  bar() {
    const button = element(this.choose ? "button" : "div", this.choose ? { type: "button" } : {}, element("span", { class: "name" }), element("span", { class: "track" }, element("span", { class: "fill" })), element("span", { class: "share" }));
    button.addEventListener("click", () => this.choose?.(Number(button.dataset.k)));
    return element("li", {}, button);
  }
}

/** @param {Said} answer @param {number} rest classes without a bar @param {number} temperature @param {boolean} calibrated */
function notes({ views = 1 }, rest, temperature, calibrated) {
  const how = text(calibrated ? "answer.calibrated" : "answer.uncalibrated", { temperature: number(temperature, 3) });
  const told = views > 1 ? text("answer.views", { n: views }) : how;
  return rest > 0 ? [`${text("answer.more", { n: count(rest) })}.`, told] : [told];
}

/** @param {number} share */
const percent = (share) => (share >= 0.9995 && share < 1 ? "> 99.9 %" : share > 0 && share < 0.0005 ? "< 0.1 %" : `${(100 * share).toFixed(1)} %`);
