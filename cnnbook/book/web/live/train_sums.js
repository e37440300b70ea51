// How a network learns, as sums: a valley with one weight, and softmax regression on small digits.
// They know nothing of a page, and run in Node as well. Every slope is worked out by hand; a test compares with Keras.
"use strict";

const TrainSums = (() => {
  // ---- One weight: two pixels of a dark photograph, and how bright they should be ----
  const PIXELS = [0.2, 0.4], TARGETS = [0.5, 1.0];
  const mean = (values) => values.reduce((sum, value) => sum + value, 0) / values.length;
  const valley = {
    pixels: PIXELS,
    targets: TARGETS,
    loss: (w) => mean(PIXELS.map((pixel, i) => (w * pixel - TARGETS[i]) ** 2)),
    slope: (w) => mean(PIXELS.map((pixel, i) => 2 * pixel * (w * pixel - TARGETS[i]))),
    bottom: mean(PIXELS.map((pixel, i) => pixel * TARGETS[i])) / mean(PIXELS.map((pixel) => pixel ** 2)),
  };

  // What a walk in the valley does, from its last two places: "crawls", "nears", "arrives", "overshoots", "climbs".
  function gait(path) {
    const [before, now] = path.slice(-2).map((w) => w - valley.bottom);
    if (path.length < 2) return { word: "waits", share: NaN };
    if (Math.abs(now) < 1e-3) return { word: "arrives", share: 0 };
    const share = now / before; // of the distance to the bottom, with its side
    if (!Number.isFinite(share)) return { word: "arrives", share: 0 };
    if (Math.abs(share) > 1 + 1e-9) return { word: "climbs", share };
    if (Math.abs(share) > 1 - 1e-9) return { word: "swings", share };
    if (share < 0) return { word: "overshoots", share };
    return { word: share > 0.9 ? "crawls" : "nears", share };
  }

  // ---- Softmax regression: one weight for each pixel and class, one bias for each class ----
  const LN10 = Math.log(10);

  // Random numbers that are the same for the same seed, everywhere (mulberry32).
  function randomFrom(seed) {
    let state = seed >>> 0;
    return () => {
      state = (state + 0x6d2b79f5) >>> 0;
      let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
      mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
      return ((mixed ^ (mixed >>> 14)) >>> 0) / 4294967296;
    };
  }
  function shuffled(count, random) { // Fisher and Yates
    const order = Uint32Array.from({ length: count }, (_, i) => i);
    for (let i = count - 1; i > 0; i--) {
      const j = Math.floor(random() * (i + 1));
      [order[i], order[j]] = [order[j], order[i]];
    }
    return order;
  }

  // Weights lie as in Keras: kernel[pixel * classes + k]. All begin at 0: every digit gets the same probability.
  const zeros = (inputs, classes = 10) => ({
    inputs, classes, kernel: new Float64Array(inputs * classes), bias: new Float64Array(classes),
  });

  // The probabilities for one image, into `into`; pixels are bytes, divided by 255.
  function answer({ inputs, classes, kernel, bias }, images, index, into) {
    into.set(bias);
    for (let i = 0; i < inputs; i++) {
      const pixel = images[index * inputs + i] / 255;
      if (pixel) for (let k = 0; k < classes; k++) into[k] += pixel * kernel[i * classes + k];
    }
    let most = -Infinity, sum = 0;
    for (const logit of into) most = Math.max(most, logit);
    for (let k = 0; k < classes; k++) sum += into[k] = Math.exp(into[k] - most);
    for (let k = 0; k < classes; k++) into[k] /= sum;
    return into;
  }
  const best = (probabilities) => probabilities.indexOf(Math.max(...probabilities));

  // Loss and gradient of a batch. For the logit of class k the slope is p[k], less 1 if k is the right class.
  function gradient(model, { images, labels }, batch) {
    const { inputs, classes } = model, slopes = zeros(inputs, classes), p = new Float64Array(classes);
    let loss = 0, right = 0;
    for (const index of batch) {
      answer(model, images, index, p);
      const label = labels[index];
      loss -= Math.log(Math.max(p[label], 1e-300)) / batch.length;
      right += best(p) === label ? 1 : 0;
      p[label] -= 1;
      for (let k = 0; k < classes; k++) slopes.bias[k] += p[k] /= batch.length;
      for (let i = 0; i < inputs; i++) {
        const pixel = images[index * inputs + i] / 255;
        if (pixel) for (let k = 0; k < classes; k++) slopes.kernel[i * classes + k] += pixel * p[k];
      }
    }
    return { loss, right, ...slopes };
  }

  // Stochastic gradient descent: each weight goes against its slope.
  function step(model, slopes, rate) {
    for (let i = 0; i < model.kernel.length; i++) model.kernel[i] -= rate * slopes.kernel[i];
    for (let k = 0; k < model.bias.length; k++) model.bias[k] -= rate * slopes.bias[k];
  }

  // How many are right, and what does the network answer to each?
  function judge(model, { images, labels }) {
    const p = new Float64Array(model.classes);
    const answers = Uint8Array.from(labels, (_, i) => best(answer(model, images, i, p)));
    return { answers, accuracy: mean(Array.from(answers, (digit, i) => Number(digit === labels[i]))) };
  }

  // One training: its network, its place in the shuffled images, and what it has measured.
  class Run {
    constructor(data, unseen, { rate, batch, seed = 1 }) {
      Object.assign(this, { data, unseen, rate, batch, seed, model: zeros(data.images.length / data.labels.length) });
      this.count = data.labels.length;
      this.random = randomFrom(seed);
      this.order = shuffled(this.count, this.random);
      Object.assign(this, { steps: 0, seen: 0, at: 0, inEpoch: [], epochLosses: [], window: { loss: 0, images: 0 } });
      this.losses = []; // [epochs, mean loss of the last 100 images or more]
      this.accuracies = [[0, judge(this.model, unseen).accuracy]];
    }
    get nextSize() { return Math.min(this.batch, this.count - this.at); }
    get epochs() { return this.seen / this.count; }
    get accuracy() { return this.accuracies[this.accuracies.length - 1][1]; }

    next() { // one batch
      const batch = this.order.subarray(this.at, this.at + this.nextSize);
      const slopes = gradient(this.model, this.data, batch);
      step(this.model, slopes, this.rate);
      this.steps += 1;
      this.seen += batch.length;
      this.at += batch.length;
      this.note(slopes.loss, batch.length);
      if (this.at >= this.count) this.shuffle();
      return slopes.loss;
    }
    note(loss, images) {
      this.inEpoch.push([loss, images]);
      const { window } = this;
      window.loss += loss * images;
      window.images += images;
      if (window.images >= 100 || this.at >= this.count) {
        this.losses.push([(this.seen - window.images / 2) / this.count, window.loss / window.images]);
        this.window = { loss: 0, images: 0 };
      }
      const tested = this.accuracies[this.accuracies.length - 1][0];
      if (this.epochs - tested >= 0.0999 || this.at >= this.count) this.test();
    }
    test() {
      if (this.accuracies[this.accuracies.length - 1][0] < this.epochs) {
        this.accuracies.push([this.epochs, judge(this.model, this.unseen).accuracy]);
      }
    }
    shuffle() { // an epoch is over
      this.epochLosses.push(this.inEpoch.reduce((sum, [loss, images]) => sum + loss * images, 0) / this.count);
      Object.assign(this, { inEpoch: [], at: 0, order: shuffled(this.count, this.random) });
    }
    get recentLoss() { // of the last epoch that is over; before, of what has been seen
      if (this.epochLosses.length) return this.epochLosses[this.epochLosses.length - 1];
      return this.losses.length ? this.losses[this.losses.length - 1][1] : LN10;
    }

    // What has happened, in one word, from the numbers.
    get verdict() {
      const [before, last] = [...this.epochLosses.slice(-2)];
      if (!this.steps) return "waits";
      const recent = this.recentLoss;
      if (!Number.isFinite(recent) || recent > 1.05 * LN10) return "worse than guessing";
      if (this.epochLosses.length < 2) return recent < LN10 - 0.02 ? "begins" : "hardly moves";
      const fall = (before - last) / before;
      if (fall > 0.03) return "falls";
      if (fall > 0.005) return "falls slowly";
      return fall < -0.02 ? "rises" : "is level";
    }
  }

  return { valley, gait, randomFrom, shuffled, zeros, answer, best, gradient, step, judge, Run, LN10 };
})();
if (typeof module !== "undefined") module.exports = TrainSums;
