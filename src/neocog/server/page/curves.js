// What a training measured after each epoch, as curves: losses in one picture, each other measure in its own.

import { element } from "./explained.js";
import { number, text } from "./texts.js";

const [WIDE, TALL, EDGE] = [320, 150, 6];
const SVG = "http://www.w3.org/2000/svg";
const NOT_SHOWN = ["epoch", "step", "lr"];

/** @param {Record<string, number>[]} rows of metrics.csv */
export function curves(rows) {
  if (!rows.length) return [];
  const names = Object.keys(rows[rows.length - 1]).filter((name) => !NOT_SHOWN.includes(name));
  const losses = names.filter((name) => name.endsWith("_loss"));
  const groups = [...(losses.length ? [losses] : []), ...names.filter((name) => !losses.includes(name)).slice(0, 5).map((name) => [name])];
  return groups.map((group) => picture(group, rows));
}

/** @param {string[]} names @param {Record<string, number>[]} rows */
function picture(names, rows) {
  const series = names.map((name) => rows.map((row) => [row.epoch, row[name]]).filter(([, y]) => Number.isFinite(y)));
  const all = series.flat();
  const [left, right] = [rows[0].epoch, rows[rows.length - 1].epoch];
  const [low, high] = [Math.min(...all.map(([, y]) => y)), Math.max(...all.map(([, y]) => y))];
  const place = ([x, y] = [0, 0]) => [EDGE + ((x - left) / Math.max(1e-9, right - left)) * (WIDE - 2 * EDGE), TALL - EDGE - ((y - low) / Math.max(1e-9, high - low)) * (TALL - 2 * EDGE)].map((v) => v.toFixed(1)).join(",");
  const told = names.map((name, i) => `${said(name)} ${number(series[i].at(-1)?.[1] ?? NaN, 3)}`);
  const svg = made("svg", { viewBox: `0 0 ${WIDE} ${TALL}`, class: "curve", role: "img", "aria-label": text("train.curve", { what: told.join(", "), epoch: right }) });
  svg.append(made("line", { class: "axis", x1: `${EDGE}`, x2: `${WIDE - EDGE}`, y1: `${TALL - EDGE}`, y2: `${TALL - EDGE}` }));
  series.forEach((points, i) => {
    svg.append(made("polyline", { class: `line series-${i}`, points: points.map((point) => place(point)).join(" ") }));
    if (points.length === 1) svg.append(made("circle", { class: `dot series-${i}`, r: "3", cx: place(points[0]).split(",")[0], cy: place(points[0]).split(",")[1] }));
  });
  const legend = told.map((each, i) => element("span", { class: `key series-${i}` }, each));
  return element("figure", {}, element("figcaption", {}, ...legend), svg, element("p", { class: "note" }, text("train.range", { low: number(low, 3), high: number(high, 3), first: left, last: right })));
}

/** "validation_accuracy" → "validation accuracy" @param {string} name */
const said = (name) => name.replaceAll("_", " ");

/** @param {string} tag @param {Record<string, string>} more */
function made(tag, more) {
  const found = document.createElementNS(SVG, tag);
  for (const [name, value] of Object.entries(more)) found.setAttribute(name, value);
  return found;
}
