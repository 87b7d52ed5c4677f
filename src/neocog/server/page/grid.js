// Numbers as a row of small pictures on one canvas, to look at, to hover over, and to walk through with the keyboard.

import { paint } from "./colours.js";
import { most } from "./texts.js";

/** @typedef {import("./frame.js").Tensor} Tensor */
/** @typedef {{map: number | null, top: number, left: number, bottom: number, right: number}} Box */
/** @typedef {{shared: boolean, gain: number, side: number, full: number, width: number}} Look `side`: pixels for a map of `full` numbers a side */

const GAP = 5;
const STRIP = 8; // pixels of the height of a map along a sequence

export class Grid {
  /**
   * @param {string} label for those who cannot see it
   * @param {(index: number[]) => void} chosen
   * @param {(index: number[] | null, at: {x: number, y: number}) => void} pointed
   */
  constructor(label, chosen, pointed) {
    this.canvas = document.createElement("canvas");
    this.canvas.className = "grid";
    this.canvas.tabIndex = 0;
    this.canvas.setAttribute("role", "application");
    this.canvas.setAttribute("aria-label", label);
    this.chosen = chosen;
    this.pointed = pointed;
    this.source = document.createElement("canvas");
    /** @type {number[] | null} where the keyboard is */
    this.cursor = null;
    /** @type {Box[]} */
    this.marks = [];
    this.maps = this.height = this.width = 0;
    this.zoom = this.tall = this.columns = 1; // pixels of a number across and down
    this.gap = GAP;
    this.listen();
  }

  /** Lay out what is to be shown. @param {Tensor} tensor (C, H, W), (C, L), (F,) or kernels (O, C, …) @param {Tensor} scale @param {Look} look */
  set(tensor, scale, look) {
    this.tensor = tensor;
    this.scale = scale;
    this.look = look;
    const shape = tensor.shape;
    this.vector = shape.length === 1;
    const sides = shape.slice(-2);
    [this.height, this.width] = this.vector ? [1, 1] : shape.length === 2 ? [1, shape[1]] : sides;
    this.maps = tensor.data.length / Math.max(1, this.height * this.width);
    this.lay(look, shape);
    this.paint();
  }

  /** @param {Look} look @param {number[]} shape */
  lay(look, shape) {
    const larger = Math.max(this.height, this.width);
    const strip = !this.vector && shape.length < 4 && this.height === 1;
    if (this.vector) {
      this.gap = 0;
      this.zoom = this.maps <= 32 ? 22 : this.maps <= 256 ? 12 : this.maps <= 1200 ? 7 : 4;
      this.columns = Math.max(1, Math.min(this.maps, Math.floor(look.width / this.zoom)));
    } else {
      const wanted = shape.length > 3 ? Math.min(48, 12 * larger) : look.side * (0.4 + 0.6 * Math.min(1, larger / look.full));
      this.gap = strip ? 2 : shape.length > 3 ? 3 : GAP;
      this.zoom = Math.max(1, Math.min(strip ? Infinity : Math.floor(wanted / larger), Math.floor(look.width / this.width)));
      const inOne = Math.floor((look.width - this.gap * (this.maps - 1)) / (this.maps * this.width)); // a few maps stand in one row
      if (shape.length === 3 && !strip && inOne >= 1 && inOne < this.zoom && inOne >= 0.6 * this.zoom) this.zoom = inOne;
      const fit = Math.max(1, Math.floor((look.width + this.gap) / (this.width * this.zoom + this.gap)));
      if (strip) this.columns = 1; // one below another, so that a place keeps its column
      else this.columns = Math.min(this.maps, shape.length > 3 && shape[1] <= fit ? Math.max(1, Math.floor(fit / shape[1])) * shape[1] : Math.ceil(this.maps / Math.ceil(this.maps / fit)));
    }
    this.tall = strip ? STRIP : this.zoom;
    const rows = Math.ceil(this.maps / this.columns);
    const wide = this.columns * (this.width * this.zoom + this.gap) - this.gap;
    const tall = rows * (this.height * this.tall + this.gap) - this.gap;
    if (this.canvas.width !== wide || this.canvas.height !== tall) [this.canvas.width, this.canvas.height] = [wide, tall];
    const [across, down] = this.vector ? [this.columns, rows] : [this.width, this.height * this.maps];
    if (this.source.width !== across || this.source.height !== down || !this.pixels) {
      [this.source.width, this.source.height] = [across, down];
      this.pixels = new ImageData(across, down);
    }
  }

  paint() {
    if (!this.tensor || !this.scale || !this.look || !this.pixels) return;
    const target = new Uint32Array(this.pixels.data.buffer);
    const codes = /** @type {Int8Array} */ (this.tensor.data);
    const largest = most(this.scale.data);
    const each = this.height * this.width;
    if (this.scale.data.length === 1) paint(codes, 0, codes.length, this.look.gain, target, 0);
    else for (let map = 0; map < this.maps; map++) {
      const factor = this.look.shared ? (largest > 0 ? this.scale.data[map] / largest : 0) : 1;
      paint(codes, map * each, each, factor * this.look.gain, target, map * each);
    }
    const from = /** @type {CanvasRenderingContext2D} */ (this.source.getContext("2d"));
    from.putImageData(this.pixels, 0, 0);
    this.compose();
  }

  /** From the numbers' own pixels to those of the screen, with the marks above them. */
  compose() {
    const to = /** @type {CanvasRenderingContext2D} */ (this.canvas.getContext("2d"));
    to.imageSmoothingEnabled = false;
    if (this.vector) to.drawImage(this.source, 0, 0, this.source.width * this.zoom, this.source.height * this.zoom);
    else {
      to.clearRect(0, 0, this.canvas.width, this.canvas.height);
      for (let map = 0; map < this.maps; map++) {
        const [x, y] = this.corner(map);
        to.drawImage(this.source, 0, map * this.height, this.width, this.height, x, y, this.width * this.zoom, this.height * this.tall);
      }
    }
    for (const mark of this.marks) this.outline(to, mark);
  }

  /** @param {number} map */
  corner(map) {
    const stepX = this.width * this.zoom + this.gap;
    const stepY = this.height * this.tall + this.gap;
    return [(map % this.columns) * stepX, Math.floor(map / this.columns) * stepY];
  }

  /** @param {CanvasRenderingContext2D} to @param {Box} box */
  outline(to, box) {
    const maps = box.map === null ? Array.from({ length: this.maps }, (_, map) => map) : [box.map];
    for (const map of maps.filter((m) => m < this.maps)) {
      const [x, y] = this.corner(map);
      const left = x + box.left * this.zoom;
      const top = y + box.top * this.tall;
      const wide = (box.right - box.left + 1) * this.zoom;
      const tall = (box.bottom - box.top + 1) * this.tall;
      to.lineWidth = 3;
      to.strokeStyle = "#fff";
      to.strokeRect(left + 0.5, top + 0.5, wide - 1, tall - 1);
      to.lineWidth = 1.5;
      to.strokeStyle = "#b3125a";
      to.strokeRect(left + 0.5, top + 0.5, wide - 1, tall - 1);
    }
  }

  /** @param {Box[]} marks */
  mark(marks) {
    if (!marks.length && !this.marks.length) return;
    this.marks = marks;
    this.compose();
  }

  /** The number at an index, as near as a byte of it tells. @param {number[]} index */
  value(index) {
    if (!this.tensor || !this.scale) return NaN;
    let place = 0;
    this.tensor.shape.forEach((side, axis) => (place = place * side + index[axis]));
    const scale = this.scale.data.length > 1 ? this.scale.data[index[0]] : this.scale.data[0];
    return (this.tensor.data[place] / 127) * scale;
  }

  /** @param {number} map @param {number} row @param {number} column */
  index(map, row, column) {
    const shape = this.tensor?.shape ?? [];
    if (shape.length === 1) return [map];
    if (shape.length === 2) return [map, column];
    return [...unravelled(map, shape.slice(0, -2)), row, column];
  }

  /** @param {MouseEvent} event */
  hit(event) {
    const frame = this.canvas.getBoundingClientRect();
    const x = ((event.clientX - frame.left) * this.canvas.width) / frame.width;
    const y = ((event.clientY - frame.top) * this.canvas.height) / frame.height;
    const [stepX, stepY] = [this.width * this.zoom + this.gap, this.height * this.tall + this.gap];
    const [across, down] = [Math.floor(x / stepX), Math.floor(y / stepY)];
    const map = down * this.columns + across;
    const [column, row] = [Math.floor((x - across * stepX) / this.zoom), Math.floor((y - down * stepY) / this.tall)];
    const inside = map >= 0 && map < this.maps && across < this.columns && column >= 0 && row >= 0 && column < this.width && row < this.height;
    return inside ? { map, row, column } : null;
  }

  listen() {
    this.canvas.addEventListener("click", (event) => {
      const hit = this.hit(event);
      if (hit) this.chosen(this.index(hit.map, hit.row, hit.column));
    });
    this.canvas.addEventListener("pointermove", (event) => {
      const hit = this.hit(event);
      this.pointed(hit && this.index(hit.map, hit.row, hit.column), { x: event.clientX, y: event.clientY });
    });
    this.canvas.addEventListener("pointerleave", () => this.pointed(null, { x: 0, y: 0 }));
    this.canvas.addEventListener("keydown", (event) => this.key(event));
    this.canvas.addEventListener("blur", () => this.pointed(null, { x: 0, y: 0 }));
  }

  /** @param {KeyboardEvent} event */
  key(event) {
    if (!this.tensor) return; // nothing was looked at yet
    let [map, row, column] = this.cursor ?? [0, Math.floor(this.height / 2), Math.floor(this.width / 2)];
    const across = this.vector ? [1, this.columns] : [0, 0];
    if (event.key === "Enter" || event.key === " ") this.chosen(this.index(map, row, column));
    else if (event.key === "ArrowRight") this.vector ? (map += across[0]) : (column += 1);
    else if (event.key === "ArrowLeft") this.vector ? (map -= across[0]) : (column -= 1);
    else if (event.key === "ArrowDown") this.vector ? (map += across[1]) : (row += 1);
    else if (event.key === "ArrowUp") this.vector ? (map -= across[1]) : (row -= 1);
    else if (event.key === "PageDown") map += 1;
    else if (event.key === "PageUp") map -= 1;
    else return;
    event.preventDefault();
    const held = (/** @type {number} */ n, /** @type {number} */ most) => Math.max(0, Math.min(most - 1, n));
    this.cursor = [held(map, this.maps), held(row, this.height), held(column, this.width)];
    [map, row, column] = this.cursor;
    const frame = this.canvas.getBoundingClientRect();
    const [x, y] = this.corner(map);
    const [shareX, shareY] = [frame.width / this.canvas.width, frame.height / this.canvas.height];
    this.mark([{ map, top: row, left: column, bottom: row, right: column }]);
    this.pointed(this.index(map, row, column), {
      x: frame.left + (x + (column + 1) * this.zoom) * shareX,
      y: frame.top + (y + (row + 1) * this.tall) * shareY,
    });
  }
}

/** A place in a row of maps as an index over several axes. @param {number} place @param {number[]} sides */
function unravelled(place, sides) {
  const index = sides.map(() => 0);
  for (let axis = sides.length - 1; axis >= 0; axis--) {
    index[axis] = place % sides[axis];
    place = Math.floor(place / sides[axis]);
  }
  return index;
}
