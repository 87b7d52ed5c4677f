// The page's state: which run, which picture, what is asked of it; and when to ask again.

import { Answer } from "./answer.js";
import { Refused, ask, get } from "./api.js";
import { ByHand } from "./by_hand.js";
import { onChange, table } from "./colours.js";
import { element, explained } from "./explained.js";
import { Stream, boxes, placed } from "./layers.js";
import { normal } from "./latent.js";
import { Pad } from "./pad.js";
import { Panel } from "./panel.js";
import { Pointer } from "./pointer.js";
import { Rooms } from "./rooms.js";
import { Subject } from "./subject.js";
import { Times } from "./times.js";
import { count, short, text, use } from "./texts.js";

/** @typedef {import("./frame.js").Tensor} Tensor */
/** @typedef {import("./layers.js").Choice} Choice */

/** @template {HTMLElement} T @param {string} id @returns {T} */
const by = (id) => /** @type {T} */ (document.getElementById(id));

/** @param {string} id @returns {HTMLInputElement} what is typed or chosen there */
const field = (id) => by(id);

const state = {
  run: 0,
  /** @type {{id: number, name: string}[]} */ runs: [],
  trains: false,
  /** @type {any} */ facts: null,
  /** @type {{source: string, name?: string, sample?: number, letters?: string}} */ picture: { source: "drawn" },
  /** @type {Float32Array<ArrayBuffer>} the latent vector that is drawn of */ code: new Float32Array(0),
  /** @type {Uint8Array | null} */ file: null,
  /** @type {{header: any, arrays: Record<string, Tensor>} | null} */ seen: null,
  /** @type {Choice | {share: number} | null} */ choice: null,
  /** @type {any[]} */ tests: [],
  /** @type {any[]} */ chosen: [],
  place: 0,
  most: 64,
  /** @type {{layer: number, map: number, off?: boolean, given?: number, kernel?: number[]}[]} */ edits: [],
  editing: false,
  busy: false,
  again: false,
  /** @type {number[]} */ times: [],
};

const pad = new Pad(by("pad"), by("field"), () => {
  by("hint").hidden = true;
  state.picture = { source: "drawn" };
  by("test-truth").textContent = "";
  refresh();
});
const panel = new Panel(by("panel"));
/** @type {Subject} */
let subject; // needs its texts
const byHand = new ByHand(by("by-hand"), step_, () => refresh());
const times = new Times(by("times"), () => { byHand.forget(); refresh(); });
const answer = new Answer(by("said"), by("bars"), by("answer-note"), (k) => choose({ share: k }));
const pointer = new Pointer(by("status"), async (choice) => {
  if (choice.direction !== "forward" || !state.facts.layers[choice.layer]?.weights.weight) return null;
  return (await ask(`api/runs/${state.run}/kernels`, question({ layer: choice.layer, index: [choice.index[0]], gradients: false }))).arrays;
});
const stream = new Stream(by("layers"), { choose, kernels: (layer) => void kernels(layer), more, point: (...told) => pointer.show(...told) });

const rooms = new Rooms(by("rooms"), /** @type {HTMLElement} */ (document.querySelector("main")), {
  get run() { return state.run; },
  get facts() { return state.facts; },
  get runs() { return state.runs; },
  get trains() { return state.trains; },
  look: (run) => { rooms.name = "layers"; field("run").value = String(run); void open(run); },
  renew,
  question, tell, take: sampled, draw,
  get code() { return state.seen?.header.panel?.code ?? null; },
});

/** @param {unknown} error */
function tell(error) {
  const box = by("error");
  if (error === null) {
    box.hidden = true;
    return;
  }
  const fault = error instanceof Refused ? error.fault : { what: String(error), where: "", fix: "" };
  const lines = [element("strong", {}, fault.what)];
  if (fault.where) lines.push(element("span", {}, text("error.where", { where: short(fault.where, 160) })));
  if (fault.fix) lines.push(element("span", {}, text("error.fix", { fix: fault.fix })));
  box.replaceChildren(...lines);
  box.hidden = false;
}

function question(more = {}) {
  const backward = field("backward").checked;
  const target = Number(field("target").value);
  const loss = field("score").value === "loss" && target >= 0;
  const header = { ...state.picture, depth: subject.depth, weights: byHand.name || times.name, target, loss, gradients: backward, most: state.most, edits: state.edits, ...more };
  /** @type {Record<string, {data: Uint8Array | Float32Array, shape: number[]}>} */
  const arrays = {};
  if (state.picture.source === "drawn") arrays.picture = pad.bytes();
  if (state.picture.source === "code") arrays.picture = { data: state.code, shape: [state.code.length] };
  if (state.picture.source === "file" && state.file) arrays.picture = { data: state.file, shape: [state.file.length] };
  return { header, arrays };
}

/** Look again, as soon as the last look is painted: never more than one question is on its way. */
async function refresh() {
  if (!state.facts || state.picture.source === "none") return;
  if (state.busy) {
    state.again = true;
    return;
  }
  state.busy = true;
  const begun = performance.now();
  try {
    do {
      state.again = false;
      state.seen = await ask(`api/runs/${state.run}/look`, question());
      tell(null);
      show();
    } while (state.again);
    state.times.push(performance.now() - begun);
    settle();
  } catch (error) {
    if (state.picture.source === "sample" && !state.seen && error instanceof Refused) withoutTests(error);
    else tell(error);
  } finally {
    state.busy = false;
    if (state.again) void refresh();
  }
}

/** The data of the run are not where they were: one can still draw. @param {Refused} error */
function withoutTests(error) {
  by("tests").hidden = true;
  by("gone").textContent = text("tests.gone", { what: error.fault.what });
  by("gone").hidden = false;
  by("hint").hidden = false;
  state.picture = nothing();
  state.again = state.picture.source === "drawn";
}

/** What is looked at before anything was chosen. */
function nothing() {
  const { form = "images", size, latent } = state.facts;
  if (form === "codes") state.code = Float32Array.from(latent.start);
  return form === "codes" ? { source: "code" } : form === "sequences" ? { source: "typed", letters: "ACGT".repeat(Math.ceil(size[1] / 4)).slice(0, size[1]) } : { source: form === "images" ? "drawn" : "none" };
}

/** What is asked once the picture rests: the explanation that is open, and weights that are shown. */
let settled = 0;
function settle() {
  clearTimeout(settled);
  settled = window.setTimeout(async () => {
    rooms.changed();
    const open = stream.rows.filter((row) => row.open).map((row) => kernels(row.position));
    await Promise.all([...(state.choice && !state.editing ? [explain()] : []), ...open]);
    dispatchEvent(new Event("rest")); // all that was asked is shown
  }, 150);
}

function scale() {
  const shared = /** @type {HTMLInputElement} */ (document.querySelector("input[name=scale]:checked")).value === "layer";
  return { shared, gain: 2 ** Number(field("gain").value), gradients: field("backward").checked };
}

function show() {
  if (!state.seen) return;
  const { header, arrays } = state.seen;
  stream.show(arrays, scale(), header);
  if (state.picture.source !== "drawn" || field("coarse").checked) pad.show(arrays.picture);
  by("fitted").textContent = header.fitted && state.picture.source !== "drawn" ? text("pad.fitted", { what: header.fitted }) : "";
  subject.show(header, state.picture.source === "typed" && document.activeElement?.id === "letters");
  const told = header.panel ?? {};
  const itself = told.values || told.boxes || arrays.mask || arrays.image; // is the answer, and no one number or place of it
  answer.show(itself ? { ...header.answer, prediction: "" } : header.answer, state.facts, !(byHand.name || times.name));
  by("answer").hidden = !itself && !header.answer.prediction;
  panel.show(told, arrays, state.facts);
  by("of-what").textContent = itself ? header.answer.prediction : "";
}

/** @param {Choice | {share: number}} choice */
function choose(choice) {
  state.choice = choice;
  state.editing = false;
  document.body.classList.add("explaining");
  void explain();
}

async function explain() {
  const choice = state.choice;
  if (!choice) return;
  const share = "share" in choice;
  const more = share ? { index: [choice.share] } : { layer: choice.layer, index: trimmed(choice), direction: choice.direction, parameter: choice.parameter };
  try {
    const { header, arrays } = await ask(`api/runs/${state.run}/${share ? "share" : "number"}`, question({ gradients: false, ...more }));
    if (choice !== state.choice || state.editing) return;
    const layers = state.facts.layers;
    const layer = (/** @type {number} */ position) => (position < 0 ? text("picture") : layers[position].name);
    const about = { title: title(choice), direction: share ? "forward" : choice.direction, layer, classes: state.facts.classes, letters: state.facts.form === "sequences", ...(share ? {} : acts(choice)) };
    by("explained").replaceChildren(explained(header, arrays, about));
    pad.outline(subject.boxes(header.field));
    stream.mark(share ? null : { ...choice, index: trimmed(choice) }, sources(header, arrays, about.direction));
    tell(null);
  } catch (error) {
    tell(error);
  }
}

/** A step of an optimizer on this picture. @param {{target: number, optimizer: string, rate: number}} settings */
async function step_(settings) {
  try {
    const { header } = await ask(`api/runs/${state.run}/step`, question({ ...settings, gradients: false }));
    tell(null);
    return header;
  } catch (error) {
    tell(error);
    throw error;
  }
}

/** What can be done to the layer of a number: its map switched off, its kernels written anew. @param {Choice} choice */
function acts(choice) {
  if (choice.direction !== "forward" || choice.layer < 0) return {};
  const [layer, map] = [state.facts.layers[choice.layer].module, choice.index[0]];
  const off = state.edits.some((edit) => edit.off && edit.layer === layer && edit.map === map);
  const without = (/** @type {(edit: any) => boolean} */ same) => state.edits.filter((edit) => !(edit.layer === layer && edit.map === map && same(edit)));
  const change = () => changed(off ? without((edit) => edit.off) : [...state.edits, { layer, map, off: true }]);
  const kernel = (/** @type {number} */ given, /** @type {number[]} */ weights) => {
    changed([...without((edit) => edit.kernel && edit.given === given), { layer, map, given, kernel: [...weights] }]);
  };
  return { off, switch: change, kernel, edits: () => (state.editing = true) };
}

/** @param {typeof state.edits} edits */
function changed(edits) {
  state.edits = edits;
  const box = by("changes");
  box.hidden = !edits.length;
  box.children[0].textContent = text(edits.length === 1 ? "changes.one" : "changes", { n: edits.length });
  refresh();
}

/** An index of a matrix of weights, which is drawn as one map. @param {Choice} choice */
function trimmed(choice) {
  const axes = choice.direction === "weight" ? state.facts.layers[choice.layer].weights[choice.parameter].length : choice.index.length;
  return choice.index.slice(choice.index.length - axes);
}

/** @param {any} header @param {Record<string, Tensor>} arrays @param {string} direction */
function sources(header, arrays, direction) {
  /** @type {{layer: number, direction: string, boxes: import("./grid.js").Box[]}[]} */
  const found = [];
  header.parts.forEach((/** @type {any} */ part, /** @type {number} */ position) => {
    if (part.about.in === undefined || part.about.in === null || part.about.in < 0) return;
    found.push({ layer: part.about.in, direction: direction === "forward" ? "forward" : "backward", boxes: boxes(arrays[`${position}.places`], state.seen?.header.layers[part.about.in]?.slice ?? null) });
  });
  return found;
}

/** @param {Choice | {share: number}} choice */
function title(choice) {
  if ("share" in choice) return short(state.facts.classes[choice.share], 120);
  const layer = choice.layer < 0 ? text("layer.input") : state.facts.layers[choice.layer].name;
  const place = choice.direction === "weight" ? trimmed(choice).join(", ") : placed(choice.index);
  const score = text(field("score").value === "loss" && Number(field("target").value) >= 0 ? "score.loss" : "score.logit");
  const kinds = { forward: "value.of", backward: "gradient.of", weight: "weight.of" };
  return text(kinds[/** @type {keyof typeof kinds} */ (choice.direction)], { layer, place, score, parameter: choice.parameter });
}

/** @param {number} layer */
async function kernels(layer) {
  try {
    const { arrays } = await ask(`api/runs/${state.run}/kernels`, question({ layer }));
    stream.rows[layer].showKernels(arrays, scale());
  } catch (error) {
    tell(error);
  }
}

function more() {
  state.most = 4096;
  refresh();
}

/** @param {number} id */
async function open(id) {
  state.facts = null;
  state.choice = null;
  state.seen = null;
  changed([]);
  state.run = id;
  if (document.body.classList.contains("closed")) rooms.name = "layers";
  document.body.classList.remove("closed");
  by("facts").textContent = text("opening");
  by("explained").replaceChildren(element("p", { class: "note" }, text("inspector.hint")), element("p", { class: "note", id: "hint-backward" }, text("inspector.hint.backward")));
  document.body.classList.remove("explaining");
  try {
    const facts = await get(`api/runs/${id}`);
    state.facts = facts;
    document.title = `${facts.name} · neocog studio`;
    const channels = text(`channels.${facts.channels in { 1: 0, 3: 0 } ? facts.channels : "n"}`, { n: facts.channels });
    const sides = facts.form === "sequences" ? text("letters", { n: count(facts.size[1]) }) : `${facts.size.join(" × ")}, ${channels}`;
    by("facts").textContent = text("facts", { model: facts.model, parameters: count(facts.parameters), sides, task: facts.task });
    subject.reset(facts);
    pad.reset(subject.sides(facts.size), facts.channels, facts.dark, facts.draws);
    prepare(facts);
    by("hint").hidden = facts.form !== undefined && facts.form !== "images" && facts.form !== "volumes";
    by("hint").textContent = text(facts.draws ? "pad.hint" : "pad.hint.none");
    by("pad-frame").classList.toggle("dark", facts.dark);
    state.picture = nothing();
    const asked = /** @type {string[]} */ (facts.asked ?? facts.classes);
    by("target").replaceChildren(element("option", { value: "-1" }, text("backward.said")), ...asked.map((name, k) => element("option", { value: String(k) }, short(name))));
    by("test-class").replaceChildren(element("option", { value: "" }, text("tests.all")), ...facts.classes.map((/** @type {string} */ name) => element("option", { value: name }, short(name))));
    times.reset(facts.times);
    byHand.reset(facts.steps ? facts.classes : []);
    stream.reset(facts.layers, facts.size, facts.channels);
    rooms.reset();
    await tests();
    tell(null);
  } catch (error) {
    state.facts = null;
    by("facts").textContent = "";
    by("layers").replaceChildren();
    document.body.classList.add("closed"); // until a run can be opened
    rooms.reset();
    tell(error);
  }
}

async function tests() {
  state.tests = (await get(`api/runs/${state.run}/tests`)).samples;
  by("tests").hidden = !state.tests.length;
  by("gone").hidden = true;
  pick();
  const labelled = state.tests.some((row) => row.label);
  /** @type {HTMLElement} */ (by("test-class").parentElement).hidden = !labelled;
  /** @type {HTMLElement} */ (by("wrong").parentElement).hidden = !state.tests.some((row) => row.wrong);
  if (state.chosen.length) step(0);
  else if (state.picture.source !== "none") refresh();
}

/** The test samples that are asked for. */
function pick() {
  const label = field("test-class").value;
  const wrong = field("wrong").checked;
  state.chosen = state.tests.filter((row) => (!label || row.label === label) && (!wrong || row.wrong));
  state.place = 0;
  by("test-place").textContent = state.chosen.length ? "" : text("tests.none");
}

/** @param {number} by_ */
function step(by_) {
  const many = state.chosen.length;
  if (!many) return;
  state.place = (state.place + by_ + many) % many;
  const row = state.chosen[state.place];
  state.picture = { source: "sample", sample: row.sample };
  by("hint").hidden = true;
  by("test-place").textContent = text("tests.place", { n: count(state.place + 1), count: count(many) });
  byHand.expect(state.facts.classes.indexOf(row.label));
  const facts = { name: short(row.path, 40), label: short(row.label, 60), prediction: short(row.prediction, 60) };
  const known = row.prediction && row.label; // of other answers the panel tells more
  by("test-truth").textContent = known ? text(row.wrong ? "tests.mistake" : "tests.right", facts) : facts.label ? text("tests.labelled", facts) : facts.name;
  refresh();
}

/** A sample of the data, by its place in splits.csv. @param {number} sample @param {string} label */
function sampled(sample, label) {
  state.picture = { source: "split", sample };
  by("hint").hidden = true;
  by("test-truth").textContent = "";
  byHand.expect(state.facts.classes.indexOf(label));
  refresh();
}

/** Which means there are for what this run's network takes. @param {any} facts */
function prepare({ form = "images", draws, scored = true, channels }) {
  for (const id of ["clear", "coarse", "pen"]) /** @type {HTMLElement} */ (by(id).closest("label, button")).hidden = !draws;
  by("fresh").hidden = form !== "codes";
  by("open").hidden = form === "codes";
  field("file").accept = /** @type {Record<string, string>} */ ({ images: "image/*,.tif,.tiff,.npy,.dcm", sequences: ".fasta,.fa,.fna,.txt" })[form] ?? "";
  /** @type {HTMLElement} */ (document.querySelector(".ink")).hidden = !draws || channels !== 3;
  by("input-title").textContent = text(`picture.${form}`);
  by("gradients").hidden = !scored;
  by("hint-backward").hidden = !scored;
  if (!scored && field("backward").checked) field("backward").click();
}

/** A picture of a latent vector, of a network that draws. @param {Float32Array<ArrayBuffer>} code */
function draw(code) {
  state.code = code.slice();
  state.picture = { source: "code" };
  refresh();
}

/** @param {string} letters */
function typed(letters) {
  state.picture = { source: "typed", letters };
  by("test-truth").textContent = "";
  refresh();
}

/** @param {File} file */
async function take(file) {
  if (state.facts?.form === "codes") return;
  if (state.facts?.form === "sequences") {
    subject.letters.value = (await file.slice(0, 100_000).text());
    typed(subject.letters.value);
    return;
  }
  if (file.size > 64 * 2 ** 20) {
    tell(new Refused({ what: `${short(file.name)}: more than 64 MB`, where: "", fix: "" }));
    return;
  }
  state.file = new Uint8Array(await file.arrayBuffer());
  state.picture = { source: "file", name: file.name.slice(0, 200) };
  by("hint").hidden = true;
  by("test-truth").textContent = "";
  refresh();
}

function legend() {
  const canvas = /** @type {HTMLCanvasElement} */ (by("legend-colours"));
  const pixels = new ImageData(canvas.width, 1);
  const target = new Uint32Array(pixels.data.buffer);
  for (let x = 0; x < canvas.width; x++) target[x] = table[Math.round((x / (canvas.width - 1)) * 254) + 1];
  const context = /** @type {CanvasRenderingContext2D} */ (canvas.getContext("2d"));
  for (let y = 0; y < canvas.height; y++) context.putImageData(pixels, 0, y);
}

function listen() {
  const on = (/** @type {string} */ id, /** @type {string} */ event, /** @type {() => void} */ then) => by(id).addEventListener(event, then);
  on("run", "change", () => void open(Number(field("run").value)));
  on("clear", "click", () => { pad.clear(); pad.changed(); });
  on("fresh", "click", () => draw(normal(state.code.length)));
  on("open", "click", () => by("file").click());
  on("file", "change", () => { const file = field("file").files?.[0]; if (file) void take(file); field("file").value = ""; });
  on("pen", "input", () => (pad.pen = Number(field("pen").value)));
  on("ink", "input", () => (pad.ink = field("ink").value));
  on("coarse", "change", () => refresh());
  on("test-class", "change", () => { pick(); step(0); });
  on("wrong", "change", () => { pick(); step(0); });
  on("previous", "click", () => step(-1));
  on("next", "click", () => step(1));
  on("backward", "change", () => { by("of").hidden = !field("backward").checked; refresh(); });
  on("target", "change", () => { by("score").hidden = !state.facts?.steps || Number(field("target").value) < 0; refresh(); });
  on("score", "change", () => refresh());
  on("undo", "click", () => { state.editing = false; changed([]); });
  on("gain", "input", () => show());
  for (const each of document.querySelectorAll("input[name=scale]")) each.addEventListener("change", () => show());
  on("close", "click", () => { state.choice = null; document.body.classList.remove("explaining"); stream.mark(null, []); pad.outline([]); });
  document.addEventListener("keydown", (event) => { if (event.key === "Escape") by("close").click(); });
  addEventListener("paste", (event) => { const file = event.clipboardData?.files[0]; if (file) void take(file); });
  addEventListener("dragover", (event) => { event.preventDefault(); document.body.classList.add("dropping"); });
  addEventListener("dragleave", () => document.body.classList.remove("dropping"));
  addEventListener("drop", (event) => {
    event.preventDefault();
    document.body.classList.remove("dropping");
    const file = event.dataTransfer?.files[0];
    if (file) void take(file);
  });
  let resized = 0;
  addEventListener("resize", () => { clearTimeout(resized); resized = window.setTimeout(show, 100); });
  onChange(() => { legend(); show(); settle(); });
}

/** The runs that there are now. @param {{id: number, name: string}[]} runs */
function renew(runs) {
  if (runs.length === state.runs.length && runs.length) return;
  state.runs = runs;
  by("run").replaceChildren(...runs.map((run) => element("option", { value: String(run.id) }, short(run.name))));
  by("run").hidden = !runs.length;
  field("run").value = String(state.run);
}

async function begin() {
  use(await get("texts.json"));
  subject = new Subject(by("subject"), typed, () => refresh());
  by("of").hidden = true;
  by("score").hidden = true;
  legend();
  listen();
  try {
    const { runs, trains } = await get("api/runs");
    state.trains = trains === true;
    renew(runs);
    if (runs.length) await open(0);
    else rooms.reset();
  } catch (error) {
    tell(error);
  }
}

void begin();
/** For bench/studio.py: how long each look took from the stroke until its maps were painted. */
Object.assign(window, { studioTimes: state.times });
