// How does a trained network answer in a page, without a server, a library or a connection?
//
// In these lines. Maps lie in one Float32Array each: row by row, in a row pixel by pixel, and the
// values of all channels of a pixel side by side, as in Keras. So the value of channel k at row y and
// column x of maps of (h, w, c) is data[(y * w + x) * c + k]. Network.run() goes through the layers in
// order and returns the output of each by its name, so that a page can show all that lies between.
"use strict";
(() => {

// Weights come as text: base64, which every page can hold, and 16 bits a number to be small, or 8.
function fromBase64(text) {
  const binary = atob(text), bytes = new Uint8Array(binary.length);
  for (let i = 0; i < bytes.length; i++) bytes[i] = binary.charCodeAt(i);
  return bytes;
}

function floats(text) {
  return new Float32Array(fromBase64(text).buffer);
}

// What each of the 65,536 numbers of 16 bits stands for: a sign, five bits of a power of two, ten of a fraction.
const HALVES = Float32Array.from({ length: 65536 }, (_, bits) => {
  const sign = bits & 0x8000 ? -1 : 1, exponent = (bits >> 10) & 31, fraction = (bits & 1023) / 1024;
  return sign * (exponent ? 2 ** (exponent - 15) * (1 + fraction) : 2 ** -14 * fraction);
});

function readNumbers(buffer, { at, size, dtype, scales }) {
  if (dtype === "float32") return new Float32Array(buffer, at, size);
  if (dtype === "int8") { // -127 to 127, and for each column how much 1 is
    const ones = readNumbers(buffer, scales);
    return Float32Array.from(new Int8Array(buffer, at, size), (v, i) => v * ones[i % ones.length]);
  }
  const halves = new Uint16Array(buffer, at, size), out = new Float32Array(size);
  for (let i = 0; i < size; i++) out[i] = HALVES[halves[i]];
  return out;
}

class Network {
  // layers: what each layer is, and from which layers it takes its input; weights: all numbers, as text.
  constructor({ layers, weights }) {
    const { buffer } = fromBase64(weights);
    const read = (value) => (value?.dtype ? readNumbers(buffer, value) : value);
    this.layers = layers.map((layer) =>
      Object.fromEntries(Object.entries(layer).map(([key, value]) => [key, read(value)])));
    this.layer = Object.fromEntries(this.layers.map((layer) => [layer.name, layer]));
  }

  // pixels: 0 to 255, (h, w, c); wanted: names of layers. Without them, the outputs of all layers come back.
  run(pixels, wanted = this.layers.map(({ name }) => name)) {
    const unknown = wanted.find((name) => !this.layer[name]);
    if (unknown) throw new Error(`There is no layer ${unknown}.`);
    const outputs = {}, last = this.lastUses();
    let left = wanted.length;
    for (const [number, layer] of this.layers.entries()) {
      const inputs = layer.from.map((name) => outputs[name]);
      outputs[layer.name] = layer.type === "InputLayer" ? take(layer, pixels) : compute(layer, inputs);
      if (wanted.includes(layer.name) && --left === 0) break;
      for (const name of layer.from) if (last[name] === number && !wanted.includes(name)) delete outputs[name];
    }
    return Object.fromEntries(wanted.map((name) => [name, outputs[name]]));
  }

  // The number of the layer that needs an output last: after that its memory can go.
  lastUses() {
    return Object.fromEntries(this.layers.flatMap(({ from }, number) => from.map((name) => [name, number])));
  }
}

function take({ shape }, pixels) {
  const size = shape.reduce((a, b) => a * b);
  if (pixels.length !== size) throw new Error(`The network takes ${size} numbers; got ${pixels.length}.`);
  return { data: Float32Array.from(pixels), shape };
}

function compute(layer, inputs) {
  const { activation } = layer, output = OPERATIONS[layer.type](layer, ...inputs);
  if (activation === "relu") output.data.forEach((v, i, all) => { if (v < 0) all[i] = 0; });
  if (activation === "sigmoid") output.data.forEach((v, i, all) => { all[i] = 1 / (1 + Math.exp(-v)); });
  if (activation === "softmax") output.data.set(softmax(output.data));
  return output;
}

const OPERATIONS = {
  Rescaling: ({ scale, offset }, { data, shape }) => ({ data: data.map((v) => v * scale + offset), shape }),

  // Each filter lies on each window: multiply, add up, add the bias. Four input channels go at a time,
  // which spares reading and writing the sums; where all four are 0, as after ReLU, nothing is to be done.
  Conv2D({ kernel, bias, kernel_shape: [kh, kw, cin, cout], strides, same }, { data, shape }) {
    const { rows, columns, top, left } = windows(shape, [kh, kw], strides, same), [h, w] = shape;
    // fast.js computes the same, where it was loaded and the browser can
    if (globalThis.fastSums && kh * kw * strides === 1 && cout % 8 === 0) {
      return { data: fastSums(data, kernel, bias, h * w, cout), shape: [h, w, cout] };
    }
    const out = new Float32Array(rows * columns * cout), sums = new Float64Array(cout);
    for (let y = 0, at = 0; y < rows; y++) for (let x = 0; x < columns; x++, at += cout) {
      sums.set(bias);
      for (let i = 0; i < kh; i++) {
        const row = y * strides + i - top;
        if (row < 0 || row >= h) continue; // zeros lie there
        for (let j = 0; j < kw; j++) {
          const column = x * strides + j - left;
          if (column < 0 || column >= w) continue;
          addProducts(sums, data, (row * w + column) * cin, kernel, (i * kw + j) * cin * cout, cin, cout);
        }
      }
      out.set(sums, at);
    }
    return { data: out, shape: [rows, columns, cout] };
  },

  // One small kernel for each map, which looks at that map alone.
  DepthwiseConv2D({ kernel, bias, kernel_shape: [kh, kw, n], strides, same }, { data, shape }) {
    const { rows, columns, top, left } = windows(shape, [kh, kw], strides, same), [h, w] = shape;
    const out = new Float32Array(rows * columns * n);
    for (let y = 0, at = 0; y < rows; y++) for (let x = 0; x < columns; x++, at += n) {
      const sums = out.subarray(at, at + n);
      sums.set(bias);
      for (let i = 0; i < kh; i++) {
        const row = y * strides + i - top;
        if (row < 0 || row >= h) continue;
        for (let j = 0; j < kw; j++) {
          const column = x * strides + j - left;
          if (column < 0 || column >= w) continue;
          const from = (row * w + column) * n, k = (i * kw + j) * n;
          for (let c = 0; c < n; c++) sums[c] += data[from + c] * kernel[k + c];
        }
      }
    }
    return { data: out, shape: [rows, columns, n] };
  },

  // The builder has made two numbers a channel of mean, variance, gamma and beta.
  BatchNormalization({ scale, shift }, { data, shape }) {
    const n = scale.length, out = new Float32Array(data.length);
    for (let i = 0; i < out.length; i += n) {
      for (let c = 0; c < n; c++) out[i + c] = data[i + c] * scale[c] + shift[c];
    }
    return { data: out, shape };
  },

  ReLU({ max }, { data, shape }) {
    const out = new Float32Array(data.length), most = max ?? Infinity;
    for (let i = 0; i < out.length; i++) {
      const v = data[i];
      out[i] = v < 0 ? 0 : v > most ? most : v;
    }
    return { data: out, shape };
  },

  MaxPooling2D({ size }, { data, shape: [h, w, c] }) {
    const rows = Math.floor(h / size), columns = Math.floor(w / size); // what is left over at the edge is not seen
    const out = new Float32Array(rows * columns * c).fill(-Infinity);
    for (let y = 0; y < rows * size; y++) for (let x = 0; x < columns * size; x++) {
      const from = (y * w + x) * c, to = (Math.floor(y / size) * columns + Math.floor(x / size)) * c;
      for (let k = 0; k < c; k++) out[to + k] = Math.max(out[to + k], data[from + k]);
    }
    return { data: out, shape: [rows, columns, c] };
  },

  GlobalAveragePooling2D(_, { data, shape: [h, w, c] }) {
    const sums = new Float64Array(c);
    for (let i = 0; i < data.length; i++) sums[i % c] += data[i];
    return { data: Float32Array.from(sums, (sum) => sum / (h * w)), shape: [c] };
  },

  Dense({ kernel, bias, kernel_shape: [n, m] }, { data }) {
    const sums = Float64Array.from(bias);
    addProducts(sums, data, 0, kernel, 0, n, m);
    return { data: Float32Array.from(sums), shape: [m] };
  },

  Add(_, first, ...others) {
    const out = first.data.slice();
    for (const { data } of others) for (let i = 0; i < out.length; i++) out[i] += data[i];
    return { data: out, shape: first.shape };
  },
  Flatten: (_, { data }) => ({ data, shape: [data.length] }),
  Dropout: (_, input) => input, // drops nothing but in training
};

// sums[o] += the sum over c of data[from + c] * kernel[k + c * cout + o]
function addProducts(sums, data, from, kernel, k, cin, cout) {
  let c = 0;
  for (; c + 3 < cin; c += 4, k += 4 * cout) {
    const a = data[from + c], b = data[from + c + 1], d = data[from + c + 2], e = data[from + c + 3];
    if (!(a || b || d || e)) continue;
    for (let o = 0, p = k, q = k + cout, r = q + cout, s = r + cout; o < cout; o++) {
      sums[o] += a * kernel[p + o] + b * kernel[q + o] + d * kernel[r + o] + e * kernel[s + o];
    }
  }
  for (; c < cin; c++, k += cout) {
    const v = data[from + c];
    for (let o = 0; o < cout; o++) sums[o] += v * kernel[k + o];
  }
}

// How many windows fit, and how many zeros lie above and to the left. Where the zeros of "same" are an odd
// number, Keras lays the odd one below and to the right.
function windows([h, w], [kh, kw], strides, same) {
  const count = (n, k) => (same ? Math.ceil(n / strides) : Math.floor((n - k) / strides) + 1);
  const before = (n, k) => (same ? Math.floor(Math.max((count(n, k) - 1) * strides + k - n, 0) / 2) : 0);
  return { rows: count(h, kh), columns: count(w, kw), top: before(h, kh), left: before(w, kw) };
}

// Logits to shares of 1. The largest is taken off first, so that no power is too large to be written.
function softmax(logits) {
  const top = Math.max(...logits), powers = Array.from(logits, (v) => Math.exp(v - top));
  const sum = powers.reduce((a, b) => a + b);
  return powers.map((v) => v / sum);
}

// Where did it look? The logit of class k is a sum over places and channels: value times weight. So each place
// has a share in it: 0 to 1, where it speaks for the class. Behind average pooling all places have the same
// weights, and this is Grad-CAM; behind Flatten each place has its own.
function classActivation({ data, shape: [h, w, c] }, { kernel, kernel_shape: [rows, classes] }, k) {
  const heat = new Float32Array(h * w), own = rows === data.length ? c : 0;
  for (let p = 0; p < h * w; p++) {
    let sum = 0;
    for (let j = 0; j < c; j++) sum += data[p * c + j] * kernel[(p * own + j) * classes + k];
    heat[p] = Math.max(sum, 0);
  }
  const top = Math.max(...heat) || 1;
  return heat.map((v) => v / top);
}

function largestDifference(ours, theirs) {
  if (ours.length !== theirs.length) return Infinity;
  return ours.reduce((most, v, i) => Math.max(most, Math.abs(v - theirs[i])), 0);
}

// The page against Keras, on images whose answers Keras gave when the book was made: the largest difference of
// any number in each layer, of the probabilities and of the heat maps, and how often both name the same class.
// A NaN stays one through Math.max, and is below no bound.
function selfCheck({ images: text, count, outputs, answer, probabilities, maps, heat }, network) {
  const images = fromBase64(text), size = images.length / count, best = (p) => p.indexOf(Math.max(...p));
  const list = ({ data, count: n }) => ({ values: floats(data), n });
  const known = Object.entries(outputs).map(([name, kept]) => ({ name, ...list(kept) }));
  const [shares, heats] = [list(probabilities), list(heat)], report = { images: count, layers: {}, sameTop: 0 };
  const part = ({ values, n }, i) => values.subarray((i * values.length) / n, ((i + 1) * values.length) / n);
  const note = (table, name, ...pair) => { table[name] = Math.max(table[name] ?? 0, largestDifference(...pair)); };
  for (let i = 0; i < count; i++) {
    const kept = known.filter(({ n }) => i < n), names = new Set([...kept.map(({ name }) => name), answer, maps]);
    const run = network.run(images.subarray(i * size, (i + 1) * size), [...names]);
    for (const layer of kept) note(report.layers, layer.name, run[layer.name].data, part(layer, i));
    const ours = softmax(run[answer].data), theirs = part(shares, i), top = best(theirs);
    note(report, "probability", ours, theirs);
    report.sameTop += Number(best(ours) === top);
    if (i < heats.n) note(report, "map", classActivation(run[maps], network.layer[answer], top), part(heats, i));
  }
  return { ...report, worst: Math.max(...Object.values(report.layers)) };
}

const engine = { Network, OPERATIONS, softmax, classActivation, selfCheck, windows, fromBase64, floats };
Object.assign(globalThis, engine); // in a page and in a worker
if (typeof module !== "undefined") module.exports = engine; // in Node

})();
