// Draw a digit: the pad, the test digits, and the network that answers. What each layer shows stands in digits_layers.js
// and digits_network.js, how a number comes about in digits_sums.js, digits_story.js and digits_panel.js.
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
        for (const point of event.getCoalescedEvents?.() ?? [event]) this.strokes.at(-1).push(this.place(point));
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
      pen.fillStyle = "black";
      pen.fillRect(0, 0, SIDE, SIDE);
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
      return window.cnnbook.center(Float32Array.from({ length: SIDE * SIDE }, (_, i) => data[4 * i]), SIDE);
    }
  }

  // One run for a frame of the screen. Pictures that came and went in the meantime are never computed.
  function runner(net, picture, show) {
    let wanted = false, running = false;
    const frame = () => new Promise((done) => { requestAnimationFrame(done); });
    return async () => {
      wanted = true;
      if (running) return;
      running = true;
      try {
        while (wanted) {
          await frame();
          wanted = false;
          const pixels = picture();
          show(pixels, await net.run(pixels));
        }
      } finally { running = false; }
    };
  }

  function sampleButton({ images, labels }, i, choose) {
    const button = document.createElement("button"), canvas = document.createElement("canvas");
    const pixels = images.subarray(i * 784, (i + 1) * 784), sample = { canvas, pixels, label: labels[i] };
    window.cnnbookDigits.paintMap(canvas, { data: pixels, shape: [28, 28, 1] }, 0, { scale: 255, ink: true });
    button.type = "button";
    button.setAttribute("aria-label", `Test digit ${i + 1}, a ${labels[i]}`);
    button.append(canvas);
    button.onclick = () => choose(sample, button);
    return button;
  }

  // The first test digit of each kind, and two that the network finds hardest.
  async function chooseSamples(net, { images, labels, count }, answer) {
    const sure = [], firsts = Array.from({ length: 10 }, (_, digit) => labels.indexOf(digit)).filter((i) => i >= 0);
    for (let i = 0; i < count; i++) {
      const scores = (await net.run(images.subarray(i * 784, (i + 1) * 784), [answer]))[answer].data;
      sure.push(window.cnnbook.softmax(scores)[labels[i]]);
    }
    const hardest = [...sure.keys()].filter((i) => !firsts.includes(i)).sort((a, b) => sure[a] - sure[b]);
    return [...firsts, ...hardest.slice(0, 2)];
  }

  async function start(root) {
    const { cnnbook } = window, find = (selector) => root.querySelector(selector);
    const [net] = await Promise.all([cnnbook.network("digits"), cnnbook.script("live/digits_sample.js")]);
    const { digits } = cnnbook, pieces = window.cnnbookDigits, examples = [];
    const samples = await chooseSamples(net, digits, net.layers.at(-1).name);
    for (const i of samples) examples.push(await net.run(digits.images.subarray(i * 784, (i + 1) * 784)));
    const stages = pieces.stagesOf(net.layers, examples[0]), last = stages.at(-1).name;
    const weights = Object.fromEntries(await Promise.all(stages.map(async ({ name }) => [name, await net.weights(name)])));
    const answer = new pieces.Answer(root, stages.at(-1).shape[0]);
    let outputs, shares;

    const open = (layer, map) => panel.open(layer, map);
    const chosen = pieces.chooseMaps(stages, examples, SHOWN);
    const view = new pieces.NetworkView(find(".network"), stages, chosen, open);
    const panel = new pieces.Panel(find(".panel"), stages, weights, (layer, map) => view.select(layer, map));

    const draw = (pixels) => {
      pieces.paintMap(find(".picture"), { data: pixels, shape: [28, 28, 1] }, 0, { scale: 255, ink: true });
      for (const stage of stages) stage.scale = pieces.magnitude(outputs[stage.name], chosen[stage.name]);
      view.draw(outputs, shares);
      panel.show(outputs, shares);
    };
    const show = (pixels, result) => {
      outputs = result;
      shares = cnnbook.softmax(outputs[last].data);
      stages.at(-1).blank = pixels.every((v) => v === 0);
      answer.show(shares, stages.at(-1).blank, pad.sample?.label);
      draw(pixels);
      root.dataset.ready = "yes";
    };
    const run = runner(net, () => pad.pixels(), show);
    const pad = new Pad(find(".pad"), () => {
      find(".undo").disabled = !pad?.strokes.length;
      if (!pad?.sample) for (const button of find(".choices").children) button.removeAttribute("aria-pressed");
      if (pad) run();
    });
    const choose = (sample, button) => {
      pad.show(sample);
      for (const other of find(".choices").children) other.removeAttribute("aria-pressed");
      button.setAttribute("aria-pressed", "true");
    };
    find(".choices").append(...samples.map((i) => sampleButton(digits, i, choose)));
    find(".hard").textContent = `The last two are the hardest of the ${digits.count} kept in this page.`;
    find(".undo").onclick = () => pad.undo();
    find(".clear").onclick = () => pad.show(null);
    find(".follow").onclick = () => panel.follow();
    find(".check").onclick = async () => {
      find(".checked").textContent = "Comparing …";
      find(".checked").textContent = cnnbook.describe(await net.compare());
    };
    cnnbook.onTheme(() => draw(pad.pixels()));
    find(".still").hidden = true;
    find(".works").hidden = false;
    find(`.choices [aria-label$="a ${FIRST}"]`).click();
  }

  // The network is loaded when the reader comes near.
  const root = document.querySelector("#live-digits");
  const near = new IntersectionObserver((entries) => {
    if (!entries.some((entry) => entry.isIntersecting)) return;
    near.disconnect();
    start(root).catch((error) => {
      root.dataset.failed = String(error?.message ?? error);
      root.querySelector(".still p").textContent = `The network could not be started: ${root.dataset.failed}`;
      throw error;
    });
  }, { rootMargin: "600px" });
  near.observe(root);
})();
