// Steps of an optimizer by hand: a label, a rule and a rate, one step on this picture, and back again.

import { element } from "./explained.js";
import { number, short, text } from "./texts.js";

export class ByHand {
  /** @param {HTMLElement} place @param {(settings: {target: number, optimizer: string, rate: number}) => Promise<{weights: string, before: number, after: number}>} ask @param {() => void} changed */
  constructor(place, ask, changed) {
    this.place = place;
    const by = (/** @type {string} */ name) => /** @type {any} */ (place.querySelector(name));
    [this.label, this.rule, this.rate, this.output] = [by("#step-label"), by("#step-rule"), by("#step-rate"), by("output")];
    [this.go, this.undo] = [by("#step"), by("#step-undo")];
    this.changed = changed;
    /** @type {{weights: string, before: number, after: number}[]} */
    this.taken = [];
    this.go.addEventListener("click", async () => {
      this.go.disabled = true; // one after the other: each begins where the last one ended
      try {
        this.taken.push(await ask({ target: Number(this.label.value), optimizer: this.rule.value, rate: Number(this.rate.value) }));
        this.tell();
        changed();
      } catch { /* it was told where faults are */
      } finally {
        this.go.disabled = false;
      }
    });
    this.undo.addEventListener("click", () => { this.taken.pop(); this.tell(); changed(); });
  }

  /** The name of the weights after the last step; "": none was taken. */
  get name() {
    return this.taken[this.taken.length - 1]?.weights ?? "";
  }

  /** @param {string[]} classes none: nothing can be stepped towards */
  reset(classes) {
    this.place.hidden = classes.length === 0;
    this.label.replaceChildren(...classes.map((name, k) => element("option", { value: String(k) }, short(name))));
    this.forget();
  }

  forget() {
    this.taken = [];
    this.tell();
  }

  /** The label of a picture that is known. @param {number} k */
  expect(k) {
    if (k >= 0) this.label.value = String(k);
  }

  tell() {
    const last = this.taken[this.taken.length - 1];
    this.undo.disabled = !last;
    this.output.textContent = last ? text("step.told", { n: this.taken.length, before: number(last.before, 4), after: number(last.after, 4) }) : text("step.none");
  }
}
