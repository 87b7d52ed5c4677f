// What the page asks of the server: plain requests to its own origin, the token in a header.

import { pack, unpack } from "./frame.js";
import { Refused } from "./refused.js";
import { text } from "./texts.js";

export { Refused } from "./refused.js";

/** @typedef {{header: Record<string, unknown>, arrays: Record<string, {data: Uint8Array | Float32Array, shape: number[]}>}} Question */

const token = new URLSearchParams(location.hash.slice(1)).get("token") ?? "";

/** @param {string} address @param {RequestInit} [more] */
async function request(address, more = {}) {
  let response;
  try {
    response = await fetch(address, { ...more, headers: { ...more.headers, "X-Neocog-Token": token } });
  } catch (error) {
    if (error instanceof DOMException && error.name === "AbortError") throw error;
    throw new Refused({ what: text("error.offline"), where: "", fix: "" });
  }
  if (!response.ok) {
    const told = await response.json().catch(() => ({}));
    throw new Refused(told.error ?? { what: `${response.status}`, where: address, fix: "" });
  }
  return response;
}

/** @param {string} address @returns {Promise<any>} */
export const get = async (address) => (await request(address)).json();

/** @param {string} address @param {Question} question */
export async function ask(address, question) {
  const body = pack(question.header, question.arrays);
  return unpack(await (await request(address, { method: "POST", body, headers: { "Content-Type": "application/octet-stream" } })).arrayBuffer());
}
