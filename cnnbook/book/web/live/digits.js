// Draw a digit: the pad, the test digits, and the network that answers. What each layer shows stands in
// digits_layers.js and digits_network.js; how one number comes about in digits_sums.js (the sums), digits_story.js
// (in words), digits_scene.js, digits_drawing.js and digits_spread.js (as pictures), digits_panel.js (step by step).
"use strict";
(() => {
  const SIDE = 224, PEN = 19, SHOWN = 5, FIRST = 7;

  // A pad that keeps its strokes, so that the last one can be taken back.
  class Pad {
    constructor(canvas, changed) {
      Object.assign(this, { canvas, changed, strokes: [], sample: null });
      this.pen = canvas.getContext("2d", { willReadFrequently: true });
      canvas.addEventListener("pointerdown", (event) => {
        event.preventDefault();
        canvas.setPointerCapture(event.pointerId);
        if (this.sample) this.show(null); // a drawing of one's own begins on an empty pad
        this.strokes.push([this.place(event)]);
        this.redraw();
      });
      canvas.addEventListener("pointermove", (event) => {
        if (!canvas.hasPointerCapture(event.pointerId) || !this.strokes.length) return;
        const points = event.getCoalescedEvents?.() ?? []; // a fast pen is in several places between two frames
        for (const point of points.length ? points : [event]) this.strokes.at(-1).push(this.place(point));
        this.redraw();
      });
    }

    place({ clientX, clientY }) {
      const { left, top, width, height } = this.canvas.getBoundingClientRect();
      return [((clientX - left) * SIDE) / width, ((clientY - top) * SIDE) / height];
    }

    undo() {
      this.strokes.pop();
      this.redraw();
    }

    // A test digit (a canvas of 28 x 28 and its pixels), or nothing.
    show(sample) {
      Object.assign(this, { sample, strokes: [] });
      this.redraw();
    }

    redraw() {
      const { pen } = this;
      pen.clearRect(0, 0, SIDE, SIDE);
      if (this.sample) pen.drawImage(this.sample.canvas, 0, 0, SIDE, SIDE);
      Object.assign(pen, { lineWidth: PEN, lineCap: "round", lineJoin: "round", strokeStyle: "white" });
      for (const [first, ...points] of this.strokes) {
        pen.beginPath();
        pen.moveTo(...first);
        for (const point of points.length ? points : [first]) pen.lineTo(...point);
        pen.stroke();
      }
      this.changed();
    }

    // What the network gets: a test digit as it is, a drawing made small and brought to the middle.
    pixels() {
      if (this.sample) return Float32Array.from(this.sample.pixels);
      const { data } = this.pen.getImageData(0, 0, SIDE, SIDE);
      const ink = new Float32Array(SIDE * SIDE);
      for (let i = 0; i < ink.length; i++) ink[i] = data[4 * i + 3]; // the pad is clear where nothing is drawn
      return window.cnnbook.center(ink, SIDE);
    }
  }

  // One run for a frame of the screen. Pictures that came and went in the meantime are never computed.
  function runner(net, picture, show) {
    let wanted = false, running = Promise.resolve(), busy = false;
    const frame = () => new Promise((done) => { requestAnimationFrame(done); });
    const work = async () => {
      busy = true;
      try {
        while (wanted) {
          await frame();
          wanted = false;
          const pixels = picture();
          show(pixels, await net.run(pixels));
        }
      } finally { busy = false; }
    };
    const run = () => {
      wanted = true;
      if (!busy) running = work();
    };
    return Object.assign(run, { idle: () => running });
  }

  function sampleButton(digits, i, choose) {
    const button = document.createElement("button"), canvas = document.createElement("canvas");
    const pixels = imageOf(digits, i), sample = { canvas, pixels, label: digits.labels[i] };
    window.cnnbookDigits.paintMap(canvas, { data: pixels, shape: [28, 28, 1] }, 0, { scale: 255, ink: true });
    button.type = "button";
    button.setAttribute("aria-label", `Test digit: ${window.cnnbookDigits.sums.a(sample.label)}`);
    button.append(canvas);
    button.onclick = () => choose(sample, button);
    return button;
  }

  const imageOf = ({ images }, i) => images.subarray(i * 784, (i + 1) * 784);

  // Of all test digits in the page the two of which the network is least sure.
  async function hardest(net, digits, answer) {
    const scores = await Promise.all(Array.from(digits.labels, (_, i) => net.run(imageOf(digits, i), [answer])));
    const sure = scores.map((output, i) => window.cnnbook.softmax(output[answer].data)[digits.labels[i]]);
    return Array.from(sure.keys()).sort((a, b) => sure[a] - sure[b]).slice(0, 2);
  }

  // The drawing, the network, the answer, in one: what is drawn is shown everywhere.
  class Explainer {
    constructor(works, net, digits) {
      Object.assign(this, { works, net, digits, find: (selector) => works.querySelector(selector) });
    }

    // examples: outputs of all layers for some digits; weights: of each layer, by its name.
    build(examples, weights) {
      const { works, net, find } = this, pieces = window.cnnbookDigits;
      this.stages = pieces.stagesOf(net.layers, examples[0]);
      this.chosen = pieces.chooseMaps(this.stages, examples, SHOWN);
      this.answer = new pieces.Answer(works, this.stages.at(-1).shape[0]);
      const open = (layer, map) => this.panel.open(layer, map), opened = (layer, map) => this.view.select(layer, map);
      this.view = new pieces.NetworkView(find(".network"), this.stages, this.chosen, open);
      this.panel = new pieces.Panel(find(".panel"), this.stages, weights, opened);
      this.run = runner(net, () => this.pad.pixels(), (pixels, outputs) => this.show(pixels, outputs));
      this.pad = new Pad(find(".pad"), () => this.drawn());
      find(".undo").onclick = () => this.pad.undo();
      find(".clear").onclick = () => this.pad.show(null);
      find(".follow").onclick = () => this.panel.follow();
      find(".check").onclick = () => this.check();
      window.cnnbook.onTheme(() => this.draw());
    }

    addSamples(indices) {
      const choose = (sample, button) => {
        this.pad.show(sample);
        button.setAttribute("aria-pressed", "true");
      };
      this.find(".choices").append(...indices.map((i) => sampleButton(this.digits, i, choose)));
    }

    async addHardest() {
      this.addSamples(await hardest(this.net, this.digits, this.stages.at(-1).name));
    }

    tellHowGood() {
      const { test_images: count, accuracy } = this.net.more, percent = (100 * accuracy).toFixed(1);
      const all = count.toLocaleString("en");
      this.find(".hard").textContent = `Of ${all} such digits it reads ${percent} % correctly. ` +
        `The last two here are the hardest of the ${this.digits.count} kept in this page.`;
    }

    drawn() {
      this.find(".undo").disabled = !this.pad.strokes.length;
      for (const button of this.find(".choices").children) button.removeAttribute("aria-pressed");
      this.run();
    }

    show(pixels, outputs) {
      const last = this.stages.at(-1), blank = pixels.every((v) => v === 0);
      Object.assign(this, { pixels, outputs, shares: window.cnnbook.softmax(outputs[last.name].data) });
      last.blank = blank;
      this.answer.show(this.shares, blank, this.pad.sample?.label);
      this.find(".time").textContent = `${this.net.more.parameters.toLocaleString("en")} parameters, ` +
        `${Math.max(outputs.ms, 0.1).toFixed(outputs.ms < 10 ? 1 : 0)} ms, in this page`;
      this.draw();
    }

    draw() {
      const { pixels, outputs, shares, stages, chosen } = this, pieces = window.cnnbookDigits;
      pieces.paintMap(this.find(".picture"), { data: pixels, shape: [28, 28, 1] }, 0, { scale: 255, ink: true });
      for (const stage of stages) stage.scale = pieces.magnitude(outputs[stage.name], chosen[stage.name]);
      this.view.draw(outputs, shares);
      this.panel.show(outputs, shares);
    }

    async check() {
      const checked = this.find(".checked");
      checked.textContent = "Comparing …";
      const report = await this.net.compare(), isSame = report.worst <= 1e-4 && report.sameTop === report.images;
      const verdict = isSame ? "That is rounding: the page computes what Keras computes."
        : "That is more than rounding: something is wrong here.";
      checked.textContent = `${window.cnnbook.describe(report)} ${verdict}`;
    }
  }

  async function start(root) {
    const { cnnbook } = window, works = root.querySelector(".works");
    const [net] = await Promise.all([cnnbook.network("digits"), cnnbook.script("live/digits_sample.js")]);
    const { digits } = cnnbook, explainer = new Explainer(works, net, digits);
    const firsts = Array.from({ length: 10 }, (_, digit) => digits.labels.indexOf(digit)).filter((i) => i >= 0);
    const examples = await Promise.all(firsts.map((i) => net.run(imageOf(digits, i))));
    const weights = await Promise.all(net.layers.map(async ({ name }) => [name, await net.weights(name)]));
    explainer.build(examples, Object.fromEntries(weights));
    explainer.addSamples(firsts);
    explainer.tellHowGood();
    root.querySelector(".still").hidden = true;
    works.hidden = false;
    works.querySelector(`.choices [aria-label$=" ${FIRST}"]`).click();
    await explainer.run.idle();
    root.dataset.ready = "yes";
    await explainer.addHardest();
  }

  const root = document.querySelector("#live-digits");
  window.cnnbook.whenNear(root, () => start(root).catch((error) => {
    root.dataset.failed = String(error?.message ?? error);
    root.querySelector(".still p").textContent = `The network could not be started: ${root.dataset.failed}`;
    throw error;
  }), 600);
})();
