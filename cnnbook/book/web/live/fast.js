// The same sums, eight at a time. A convolution of 1x1 is most of what a photograph costs: for each pixel and each
// filter a sum over all channels. JavaScript multiplies one pair of numbers at a time; WebAssembly, which browsers run
// as well, multiplies four. These lines write one small function in its bytes, and engine.js uses it where it is there.
//
//   for each two pixels, for each eight filters:
//     begin with the bias; for each channel add the value of the pixel * each of the eight weights; write all sums
"use strict";
(() => {

// Instructions of WebAssembly that are used, by their published numbers.
const get = (...names) => names.flatMap((name) => [0x20, LOCALS.indexOf(name)]);
const set = (name, ...code) => [...code, 0x21, LOCALS.indexOf(name)];
const number = (value) => [0x41, value]; // of 0 to 63
const [ADD, SUBTRACT, BELOW, ABOVE] = [0x6a, 0x6b, 0x48, 0x4a];
const sum = (names) => [...get(...names), ...(names.length > 1 ? [ADD] : [])];
const load = (at, offset = 0) => [...sum(at), 0xfd, 0x00, 4, offset]; // four numbers that lie side by side
const spread = (at) => [...get(at), 0xfd, 0x09, 2, 0]; // one number, four times
const store = (at, offset, value) => [...at, ...get(value), 0xfd, 0x0b, 4, offset];
const addProduct = (sum, value, weight) => set(sum, ...get(sum, value, weight), 0xfd, 0xe6, 1, 0xfd, 0xe4, 1);
const loopWhile = (condition, ...body) => [0x03, 0x40, ...body.flat(), ...condition, 0x0d, 0, 0x0b];

const ARGUMENTS = ["pixels", "kernel", "bias", "out", "count", "pixelBytes", "outBytes"];
const NUMBERS = ["filter", "one", "two", "weight", "end"];
const FOURS = ["sum1", "sum2", "sum3", "sum4", "value1", "value2", "weights1", "weights2"];
const LOCALS = [...ARGUMENTS, ...NUMBERS, ...FOURS];
const step = (name, ...by) => set(name, ...get(name), ...by, ADD);

const overChannels = loopWhile([...get("one", "end"), BELOW],
  set("value1", ...spread("one")), set("value2", ...spread("two")),
  set("weights1", ...load(["weight"])), set("weights2", ...load(["weight"], 16)),
  addProduct("sum1", "value1", "weights1"), addProduct("sum2", "value1", "weights2"),
  addProduct("sum3", "value2", "weights1"), addProduct("sum4", "value2", "weights2"),
  step("one", ...number(4)), step("two", ...number(4)), step("weight", ...get("outBytes")));

const here = [...get("out", "filter"), ADD], below = [...here, ...get("outBytes"), ADD];
const overFilters = loopWhile([...get("filter", "outBytes"), BELOW],
  set("sum1", ...load(["bias", "filter"])), set("sum3", ...get("sum1")),
  set("sum2", ...load(["bias", "filter"], 16)), set("sum4", ...get("sum2")),
  set("one", ...get("pixels")), set("end", ...get("pixels", "pixelBytes"), ADD), set("two", ...get("end")),
  set("weight", ...get("kernel", "filter"), ADD), overChannels,
  store(here, 0, "sum1"), store(here, 16, "sum2"), store(below, 0, "sum3"), store(below, 16, "sum4"),
  step("filter", ...number(32)));

const body = loopWhile([...get("count"), ...number(0), ABOVE],
  set("filter", ...number(0)), overFilters,
  step("pixels", ...get("pixelBytes", "pixelBytes"), ADD), step("out", ...get("outBytes", "outBytes"), ADD),
  set("count", ...get("count"), ...number(2), SUBTRACT));

// A module: a head, then its parts, each with its length before it.
const size = (n) => (n < 128 ? [n] : [(n & 127) | 128, n >> 7]);
const sized = (bytes) => [...size(bytes.length), ...bytes];
const part = (kind, bytes) => [kind, ...sized(bytes)];
const name = (text) => sized([...text].map((letter) => letter.charCodeAt(0)));
const [I32, V128] = [0x7f, 0x7b];
const code = [2, NUMBERS.length, I32, FOURS.length, V128, ...body, 0x0b];
const MODULE = Uint8Array.from([0, 0x61, 0x73, 0x6d, 1, 0, 0, 0,
  ...part(1, [1, 0x60, ARGUMENTS.length, ...ARGUMENTS.map(() => I32), 0]), ...part(3, [1, 0]), ...part(5, [1, 0, 1]),
  ...part(7, [2, ...name("memory"), 2, 0, ...name("sums"), 0, 0]), ...part(10, [1, ...sized(code)])]);

// pixels: (count, channels); kernel: (channels, filters), of which there are a multiple of eight.
function fastSums(pixels, kernel, bias, count, filters) {
  const places = [], room = count + 1; // for a pixel more, where their number is odd
  const lengths = [(pixels.length / count) * room, kernel.length, filters, room * filters];
  let end = 0;
  for (const length of lengths) {
    places.push(end);
    end += Math.ceil(length / 4) * 16;
  }
  const lacking = Math.ceil((end - memory.buffer.byteLength) / 65536);
  if (lacking > 0) memory.grow(lacking);
  const numbers = new Float32Array(memory.buffer);
  for (const [i, values] of [pixels, kernel, bias].entries()) numbers.set(values, places[i] / 4);
  sums(...places, count, (pixels.length / count) * 4, filters * 4);
  return numbers.slice(places[3] / 4, places[3] / 4 + count * filters);
}

let memory, sums;
try { ({ memory, sums } = new WebAssembly.Instance(new WebAssembly.Module(MODULE)).exports); } catch { return; }
globalThis.fastSums = fastSums;

})();
