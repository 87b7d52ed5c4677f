// The picture: drawn with mouse, pen, touch or keys, or what came from a file or the test part.

/** @typedef {import("./frame.js").Tensor} Tensor */

export class Pad {
  /** @param {HTMLCanvasElement} canvas @param {HTMLCanvasElement} field @param {() => void} changed */
  constructor(canvas, field, changed) {
    this.canvas = canvas;
    this.field = field;
    this.changed = changed;
    this.context = /** @type {CanvasRenderingContext2D} */ (canvas.getContext("2d", { willReadFrequently: true }));
    this.size = [28, 28];
    this.pen = 8;
    this.ink = "#ffffff";
    this.ground = "#000000";
    this.channels = 1;
    /** @type {{x: number, y: number} | null} */
    this.last = null;
    this.draws = true;
    this.listen();
  }

  /** Made anew for a network. @param {number[]} size (H, W) @param {number} channels @param {boolean} dark @param {boolean} draws */
  reset(size, channels, dark, draws) {
    const times = Math.max(1, Math.round(280 / Math.max(...size)));
    this.size = size;
    this.channels = channels;
    this.draws = draws;
    [this.canvas.height, this.canvas.width] = [this.field.height, this.field.width] = size.map((side) => side * times);
    this.field.height = this.field.width = 0;
    [this.ink, this.ground] = dark ? ["#ffffff", "#000000"] : ["#000000", "#ffffff"];
    this.cursor = { x: this.canvas.width / 2, y: this.canvas.height / 2 };
    this.down = false;
    this.clear();
  }

  clear() {
    this.context.fillStyle = this.ground;
    this.context.fillRect(0, 0, this.canvas.width, this.canvas.height);
  }

  /** What is to be sent: the picture's bytes, 0 … 255. */
  bytes() {
    const { width, height } = this.canvas;
    const pixels = this.context.getImageData(0, 0, width, height).data;
    const data = new Uint8Array(width * height * this.channels);
    if (this.channels === 1) for (let i = 0; i < data.length; i++) data[i] = pixels[4 * i];
    else for (let i = 0, j = 0; i < pixels.length; i += 4, j += 3) [data[j], data[j + 1], data[j + 2]] = [pixels[i], pixels[i + 1], pixels[i + 2]];
    return { data, shape: [height, width, this.channels] };
  }

  /** Show the picture as the network sees it. @param {Tensor} picture (H, W, 3) bytes */
  show(picture) {
    const [height, width] = picture.shape;
    const small = document.createElement("canvas");
    [small.width, small.height] = [width, height];
    const pixels = new ImageData(width, height);
    for (let i = 0, j = 0; i < pixels.data.length; i += 4, j += 3) {
      pixels.data.set([picture.data[j], picture.data[j + 1], picture.data[j + 2], 255], i);
    }
    /** @type {CanvasRenderingContext2D} */ (small.getContext("2d")).putImageData(pixels, 0, 0);
    this.context.imageSmoothingEnabled = false;
    this.context.drawImage(small, 0, 0, this.canvas.width, this.canvas.height);
  }

  /** The receptive field, over the picture. @param {number[][][]} boxes each (first, last) rows, columns */
  outline(boxes) {
    [this.field.width, this.field.height] = [this.canvas.width, this.canvas.height];
    const context = /** @type {CanvasRenderingContext2D} */ (this.field.getContext("2d"));
    const [stepY, stepX] = [this.canvas.height / this.size[0], this.canvas.width / this.size[1]];
    for (const [[top, bottom], [left, right]] of boxes) {
      /** @type {[number, number, number, number]} */
      const frame = [left * stepX + 1.5, top * stepY + 1.5, (right - left + 1) * stepX - 3, (bottom - top + 1) * stepY - 3];
      for (const [wide, style] of /** @type {[number, string][]} */ ([[5, "#fff"], [2.5, "#b3125a"]])) {
        context.lineWidth = wide;
        context.strokeStyle = style;
        context.strokeRect(...frame);
      }
    }
  }

  /** @param {{x: number, y: number}} to */
  stroke(to) {
    const from = this.last ?? to;
    this.context.strokeStyle = this.context.fillStyle = this.ink;
    this.context.lineWidth = (this.pen * this.canvas.width) / 100;
    this.context.lineCap = this.context.lineJoin = "round";
    this.context.beginPath();
    this.context.moveTo(from.x, from.y);
    this.context.lineTo(to.x + 0.01, to.y);
    this.context.stroke();
    this.last = to;
    this.changed();
  }

  listen() {
    const place = (/** @type {PointerEvent} */ event) => {
      const frame = this.canvas.getBoundingClientRect();
      return {
        x: ((event.clientX - frame.left) * this.canvas.width) / frame.width,
        y: ((event.clientY - frame.top) * this.canvas.height) / frame.height,
      };
    };
    this.canvas.addEventListener("pointerdown", (event) => {
      if (!this.draws || event.button !== 0) return;
      this.canvas.setPointerCapture(event.pointerId);
      this.last = null;
      this.stroke(place(event));
    });
    this.canvas.addEventListener("pointermove", (event) => {
      if (!this.canvas.hasPointerCapture(event.pointerId)) return;
      for (const each of event.getCoalescedEvents?.() ?? []) this.stroke(place(each));
      this.stroke(place(event));
    });
    this.canvas.addEventListener("keydown", (event) => this.key(event));
  }

  /** @param {KeyboardEvent} event */
  key(event) {
    /** @type {Record<string, number[]>} */
    const steps = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };
    const step = steps[event.key];
    if (!this.draws || !this.cursor || (!step && ![" ", "Delete", "Backspace"].includes(event.key))) return;
    event.preventDefault();
    if (step) {
      const far = this.canvas.width / 28;
      this.last = this.down ? this.cursor : null;
      this.cursor = {
        x: Math.max(0, Math.min(this.canvas.width, this.cursor.x + step[0] * far)),
        y: Math.max(0, Math.min(this.canvas.height, this.cursor.y + step[1] * far)),
      };
      const at = Math.round((this.cursor.x / this.canvas.width) * this.size[1]);
      const row = Math.round((this.cursor.y / this.canvas.height) * this.size[0]);
      this.outline([[[row - 1, row], [at - 1, at]]]);
      if (this.down) this.stroke(this.cursor);
    } else if (event.key === " ") {
      this.down = !this.down;
      this.last = null;
      if (this.down) this.stroke(this.cursor);
    } else {
      this.clear();
      this.changed();
    }
  }
}
