// The rooms of the studio beside the layers: which there are for a run, which one is open, and when it has to look again.

import { element } from "./explained.js";
import { Compare } from "./compare.js";
import { Latent } from "./latent.js";
import { Samples } from "./samples.js";
import { Stress } from "./stress.js";
import { text } from "./texts.js";
import { Train } from "./train.js";

/**
 * What a room may ask of the page: `question(more)` about the picture that is shown; `take` shows a sample of the data, `look` opens
 * a run, and `renew` says which runs there are now. `code`: the latent vector of the picture, `draw` has one drawn.
 * @typedef {{run: number, facts: any, question: (more?: object) => import("./api.js").Question, take: (sample: number, label: string) => void, tell: (error: unknown) => void, runs: Named[], trains: boolean, look: (run: number) => void, renew: (runs: Named[]) => void, code: number[] | null, draw: (code: Float32Array<ArrayBuffer>) => void}} Page
 * @typedef {{id: number, name: string}} Named
 */

export class Rooms {
  /** @param {HTMLElement} nav @param {HTMLElement} main @param {Page} page */
  constructor(nav, main, page) {
    [this.nav, this.page, this.name] = [nav, page, "layers"];
    this.rooms = { latent: new Latent(page), samples: new Samples(page), stress: new Stress(page), compare: new Compare(page), train: new Train(page) };
    for (const [name, room] of Object.entries(this.rooms)) {
      room.place = element("section", { class: "room", id: `room-${name}`, "aria-labelledby": `title-${name}` });
      main.append(room.place);
    }
  }

  /** For a run that was opened. */
  reset() {
    /** @type {string[]} */
    const names = [...(this.page.facts ? (this.page.facts.rooms ?? ["layers"]) : []), ...(this.page.trains ? ["train"] : [])];
    this.nav.hidden = names.length < 2;
    this.nav.replaceChildren(...names.map((name) => {
      const button = element("button", { type: "button" }, text(`room.${name}`));
      button.dataset.room = name;
      button.addEventListener("click", () => this.enter(name));
      return button;
    }));
    for (const [name, room] of Object.entries(this.rooms)) {
      if (name === "train" && room.place?.hasChildNodes()) continue; // of no one run
      room.place?.replaceChildren();
      if (!names.includes(name)) continue;
      room.place?.append(element("h2", { id: `title-${name}` }, text(`room.${name}.title`)));
      room.reset();
    }
    this.enter(names.includes(this.name) ? this.name : names[0]);
  }

  /** @param {string} name */
  enter(name) {
    this.name = name;
    document.body.dataset.room = name;
    for (const button of this.nav.querySelectorAll("button")) button.setAttribute("aria-current", String(button.dataset.room === name));
    this.changed();
    dispatchEvent(new Event("resize")); // layers that were hidden had no width
  }

  /** The picture, or the weights, are others now. */
  changed() {
    if ((this.page.facts || this.name === "train") && this.name in this.rooms) void this.rooms[/** @type {keyof typeof this.rooms} */ (this.name)].changed();
  }
}

/** A select with its label. @param {string} name of its text @param {[string, string][]} options value, text @param {() => void} changed */
export function chooser(name, options, changed) {
  const select = /** @type {HTMLSelectElement} */ (element("select"));
  select.append(...options.map(([value, said]) => element("option", { value }, said)));
  select.addEventListener("change", changed);
  return { select, label: element("label", {}, element("span", {}, text(name)), select) };
}

/** Paint (H, W, 3) bytes. @param {HTMLCanvasElement} canvas @param {ArrayLike<number>} data @param {number} height @param {number} width */
export function paint(canvas, data, height, width) {
  [canvas.width, canvas.height] = [width, height];
  const pixels = new ImageData(width, height);
  for (let i = 0, j = 0; i < pixels.data.length; i += 4, j += 3) {
    [pixels.data[i], pixels.data[i + 1], pixels.data[i + 2], pixels.data[i + 3]] = [data[j], data[j + 1], data[j + 2], 255];
  }
  /** @type {CanvasRenderingContext2D} */ (canvas.getContext("2d")).putImageData(pixels, 0, 0);
}
