// One binary message: the length of a header (4 bytes, little endian), the header as JSON, then raw numbers (server/frame.py).

/** @typedef {Int8Array | Uint8Array | Int32Array | Float32Array | Float64Array} Numbers */
/** @typedef {{data: Numbers, shape: number[]}} Tensor */

const TYPES = { uint8: Uint8Array, int8: Int8Array, int32: Int32Array, float32: Float32Array, float64: Float64Array };

/** @param {object} header @param {Record<string, {data: Uint8Array | Float32Array, shape: number[]}>} arrays */
export function pack(header, arrays) {
  /** @type {Record<string, object>} */
  const places = {};
  let size = 0;
  for (const [name, { data, shape }] of Object.entries(arrays)) {
    places[name] = { dtype: data instanceof Float32Array ? "float32" : "uint8", shape, offset: size };
    size += Math.ceil(data.byteLength / 8) * 8;
  }
  const head = new TextEncoder().encode(JSON.stringify({ ...header, arrays: places }));
  const start = Math.ceil((4 + head.length) / 8) * 8;
  const message = new Uint8Array(start + size).fill(32, 4 + head.length, start);
  new DataView(message.buffer).setUint32(0, start - 4, true);
  message.set(head, 4);
  let offset = start;
  for (const { data } of Object.values(arrays)) {
    message.set(new Uint8Array(data.buffer, data.byteOffset, data.byteLength), offset);
    offset += Math.ceil(data.byteLength / 8) * 8;
  }
  return message;
}

/** @param {ArrayBuffer} message @returns {{header: any, arrays: Record<string, Tensor>}} */
export function unpack(message) {
  const length = new DataView(message).getUint32(0, true);
  const header = JSON.parse(new TextDecoder().decode(new Uint8Array(message, 4, length)));
  /** @type {Record<string, Tensor>} */
  const arrays = {};
  for (const [name, place] of Object.entries(header.arrays)) {
    const { dtype, shape, offset } = /** @type {{dtype: keyof typeof TYPES, shape: number[], offset: number}} */ (place);
    const count = shape.reduce((product, side) => product * side, 1);
    arrays[name] = { data: new TYPES[dtype](message, 4 + length + offset, count), shape };
  }
  return { header, arrays };
}
