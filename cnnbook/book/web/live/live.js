// What the live pieces of the book share: networks that compute beside the page, the palette, pictures of maps.
// engine.js comes before this file, a piece's own script after it. A page with two pieces loads it twice.
"use strict";
(() => {
if (window.cnnbook) return;
const STATIC = new URL("../", document.currentScript.src);

// Scripts of _static, each once. Data are scripts, too: a page from file:// may load no other kind of file.
const scripts = {};
function script(path) {
  scripts[path] ??= new Promise((done, failed) => {
    const element = document.createElement("script");
    element.src = new URL(path, STATIC).href;
    element.onload = () => done();
    element.onerror = () => {
      delete scripts[path]; // so that one can try again
      failed(new Error(`${path} could not be loaded.`));
    };
    document.head.append(element);
  });
  return scripts[path];
}

// One worker for all networks of a page, made of a text: a page from file:// may start no other.
let asking;
async function startWorker() {
  await script("live/worker_text.js");
  const url = URL.createObjectURL(new Blob([window.CNN_WORKER], { type: "text/javascript" }));
  const worker = new Worker(url), waiting = new Map();
  worker.onmessage = ({ data: { id, answer, error } }) => {
    const { done, failed } = waiting.get(id);
    waiting.delete(id);
    if (error === undefined) done(answer); else failed(new Error(error));
  };
  worker.onerror = (event) => {
    event.preventDefault();
    for (const { failed } of waiting.values()) failed(new Error(event.message || "The worker stopped."));
    waiting.clear();
  };
  let id = 0;
  const ask = (message) => new Promise((done, failed) => {
    waiting.set(++id, { done, failed });
    worker.postMessage({ ...message, id });
  });
  await ask({ task: "hello" });
  return ask;
}

// Where no worker may be made, the page computes itself, and lets the browser draw before.
async function computeHere() {
  await script("live/fast.js");
  await script("live/worker.js");
  return async (message) => {
    await new Promise((done) => { setTimeout(done); });
    return window.cnnTask(message);
  };
}

async function ask(message) {
  asking ??= startWorker().catch(computeHere);
  return (await asking)(message);
}

// A network by its name. The weights are loaded now, the answers of Keras on the first compare().
const networks = {};
function network(name) {
  networks[name] ??= loadNetwork(name).catch((error) => {
    delete networks[name];
    throw error;
  });
  return networks[name];
}

async function loadNetwork(name) {
  await script(`live/${name}_model.js`);
  const { missing, more, ...model } = window.CNN_MODELS[name];
  if (missing) throw new Error(missing);
  await ask({ task: "make", name, model });
  const isShown = ([, value]) => !value?.dtype; // all but the weights
  return {
    layers: model.layers.map((layer) => Object.fromEntries(Object.entries(layer).filter(isShown))),
    more,
    run: (pixels, wanted) => ask({ task: "run", name, pixels, wanted }),
    weights: (layer) => ask({ task: "weights", name, layer }),
    async compare() {
      await script(`live/${name}_checks.js`);
      return ask({ task: "compare", name, checks: window.CNN_CHECKS[name] });
    },
  };
}

// Two digits and a power of ten, as 1.3 × 10⁻⁵, which no line tears apart.
function scientific(value) {
  const [digits, power] = value.toExponential(1).split("e");
  const raise = (sign) => "⁻⁰¹²³⁴⁵⁶⁷⁸⁹"["-0123456789".indexOf(sign)];
  const raised = [...power.replace("+", "")].map(raise).join("");
  return `${digits.replace("-", "−")}\u00a0×\u00a010${raised}`;
}

// What compare() found, as a sentence for a status line. Only a network that looks at photographs has heat maps.
function describe({ images, worst, sameTop, probability, map }, { heatMaps = false } = {}) {
  const say = (v) => (v > 0 && v < 1e-3 ? scientific(v) : v.toPrecision(2));
  const rest = heatMaps ? `, the probabilities by ${say(probability)} and the heat maps by ${say(map)}`
    : ` and the probabilities by ${say(probability)}`;
  return `Compared on ${images} pictures with Keras, the library that this book trains with: the same answer for ` +
    `${sameTop}. The numbers of the layers differ by at most ${say(worst)}${rest}.`;
}

// Light or dark
const root = document.documentElement;
const dark = () => root.dataset.theme === "dark";
function onTheme(tell) {
  let was = dark();
  new MutationObserver(() => { if (was !== dark()) tell(was = dark()); })
    .observe(root, { attributeFilter: ["data-theme"] });
}

// What a piece needs is loaded when its reader comes near.
function whenNear(piece, start, pixels = 800) {
  const near = new IntersectionObserver((entries) => {
    if (!entries.some((entry) => entry.isIntersecting)) return;
    near.disconnect();
    start();
  }, { rootMargin: `${pixels}px` });
  near.observe(piece);
}

// The same for a piece that has a still picture in its place until it works, and keeps it where it cannot begin.
function beginNear(piece, start) {
  whenNear(piece, () => start().catch((error) => {
    piece.querySelector(".works").hidden = true;
    piece.querySelector(".still").hidden = false;
    piece.querySelector(".still p").append(` It cannot begin: ${error.message}`);
  }));
}

// The colours of amounts and signs, over the ground of a card; as in look.css, where light blue is a little darker.
function mapColors() {
  return dark() ? { ground: [35, 40, 47], blue: [86, 180, 233], orange: [240, 138, 60] }
    : { ground: [241, 239, 231], blue: [0, 96, 160], orange: [213, 94, 0] };
}

const magnitude = (data) => data.reduce((most, v) => Math.max(most, Math.abs(v)), 1e-9);

// Maps side by side, one pixel a value, one pixel between: blue for amounts, orange for what is below zero.
// All have one scale, unless each asks for a scale a map. locate() says what lies at a place of the canvas.
function paintMaps(canvas, { data, shape }, { maps, across, each = false } = {}) {
  const [h, w, c] = shape.length === 3 ? shape : [1, shape[0], 1];
  maps ??= Array.from({ length: c }, (_, k) => k);
  across ??= Math.min(maps.length, 16);
  const valuesOf = (map) => Float32Array.from({ length: h * w }, (_, i) => data[i * c + map]);
  const values = maps.map(valuesOf), scale = Math.max(...values.map(magnitude));
  const width = across * (w + 1) - 1, height = Math.ceil(maps.length / across) * (h + 1) - 1;
  Object.assign(canvas, { width, height });
  const context = canvas.getContext("2d"), image = context.createImageData(width, height), colors = mapColors();
  for (const [place, map] of values.entries()) {
    const left = (place % across) * (w + 1), top = Math.floor(place / across) * (h + 1);
    const most = each ? magnitude(map) : scale;
    for (let i = 0; i < map.length; i++) {
      const at = (top + Math.floor(i / w)) * width + left + (i % w);
      image.data.set(mix(colors, map[i] / most), 4 * at);
    }
  }
  context.putImageData(image, 0, 0);
  const locate = (x, y) => { // in pixels of the canvas, which may be shown larger
    const map = maps[Math.floor(y / (h + 1)) * across + Math.floor(x / (w + 1))];
    const inside = x % (w + 1) < w && y % (h + 1) < h && x >= 0 && x < width && y >= 0;
    return inside && map !== undefined ? { map, y: y % (h + 1), x: x % (w + 1) } : null;
  };
  return { scale, locate };
}

function mix({ ground, blue, orange }, share) {
  const color = share < 0 ? orange : blue, t = Math.min(Math.abs(share), 1);
  return [...ground.map((from, i) => Math.round(from + (color[i] - from) * t)), 255];
}

// A drawing as MNIST has its digits: the longer side 20 of 28 pixels, the centre of mass in the middle.
// The same sums as center_drawing() of cnnbook/widgets/drawing_pad.py.
function center(ink, side) {
  const box = inkBox(ink, side), picture = new Float32Array(784);
  if (!box) return picture;
  const { top, left, height, width } = box, scale = 20 / Math.max(height, width);
  const rows = Math.max(1, roundToEven(height * scale)), columns = Math.max(1, roundToEven(width * scale));
  const down = means(height, rows), right = means(width, columns), small = new Float64Array(rows * columns);
  let mass = 0, middleY = 0, middleX = 0;
  for (let y = 0; y < rows; y++) for (let x = 0; x < columns; x++) {
    let sum = 0;
    for (const [i, a] of down[y]) for (const [j, b] of right[x]) sum += a * b * ink[(top + i) * side + left + j];
    small[y * columns + x] = sum;
    mass += sum;
    middleY += y * sum;
    middleX += x * sum;
  }
  const place = (middle, size) => Math.min(Math.max(roundToEven(14 - middle / mass), 0), 28 - size);
  const y = place(middleY, rows), x = place(middleX, columns);
  for (let row = 0; row < rows; row++) {
    picture.set(small.subarray(row * columns, (row + 1) * columns), (y + row) * 28 + x);
  }
  return picture;
}

function inkBox(ink, side) {
  let top = side, left = side, bottom = -1, right = -1;
  for (let i = 0; i < side * side; i++) {
    if (!(ink[i] > 0)) continue;
    const y = Math.floor(i / side), x = i % side;
    top = Math.min(top, y);
    bottom = Math.max(bottom, y);
    left = Math.min(left, x);
    right = Math.max(right, x);
  }
  return bottom < 0 ? null : { top, left, height: bottom - top + 1, width: right - left + 1 };
}

// For each of `now` new pixels: the old ones it covers, each with its share.
function means(old, now) {
  return Array.from({ length: now }, (_, i) => {
    const from = (i * old) / now, to = ((i + 1) * old) / now, shares = [];
    for (let k = Math.floor(from); k < Math.min(old, Math.ceil(to)); k++) {
      shares.push([k, ((Math.min(to, k + 1) - Math.max(from, k)) * now) / old]);
    }
    return shares;
  });
}

// As Python rounds: a half goes to the even number.
function roundToEven(value) {
  const rounded = Math.round(value);
  return Math.abs(value % 1) === 0.5 && rounded % 2 !== 0 ? rounded - 1 : rounded;
}

window.cnnbook = {
  script, network, describe, scientific, dark, onTheme, whenNear, beginNear, paintMaps, mapColors, center,
  softmax: window.softmax, classActivation: window.classActivation, bytes: window.fromBase64,
};
})();
