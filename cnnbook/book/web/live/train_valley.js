// The valley with one weight: a ball walks against the slope, by the learning rate; it may be dragged, too.
"use strict";

class TrainValley {
  constructor(root) {
    this.root = root;
    this.rate = 1;
    this.path = [1];
    this.shown = 1; // where the ball is drawn; it rolls from one place to the next
    this.timer = 0;
    this.rolling = 0;
    this.chart = new TrainChart(this.find("valley"), {
      x: [-1.7, 6.7], y: [-0.1, 1.8], height: 340, names: { x: "weight w", y: "loss" },
    });
    this.calm = matchMedia("(prefers-reduced-motion: reduce)");
    this.wire();
    this.offerRates();
    this.show();
  }
  find(name) { return this.root.querySelector(`#train-${name}`); }
  get w() { return this.path[this.path.length - 1]; }
  static number(value, places = 3) { // what is not 0 is not written as 0: a small number keeps two digits
    const size = Math.abs(value);
    if (size < 1e-12) return "0"; // rounding
    if (size >= 1e5 || size < 1e-4) return cnnbook.scientific(value);
    const written = size < 0.01 ? value.toPrecision(2) : value.toFixed(size >= 100 ? 0 : places);
    return Number(written).toString().replace("-", "−");
  }

  // ---- Steps ----
  step() {
    const { slope } = TrainSums.valley, from = this.w;
    this.path.push(from - this.rate * slope(from));
    this.roll(from, this.w);
    this.show();
    const { word } = TrainSums.gait(this.path);
    if (word === "arrives" || Math.abs(this.w) > 1e4 || this.path.length > 200) this.pause();
  }
  play() {
    if (this.timer) { this.pause(); return; }
    if (TrainSums.gait(this.path).word === "arrives" || Math.abs(this.w) > 1e4) this.restart();
    this.find("walk").textContent = "Pause";
    this.timer = setInterval(() => this.step(), 850);
    this.step();
  }
  pause() {
    clearInterval(this.timer);
    this.timer = 0;
    this.find("walk").textContent = "Play";
  }
  restart(w = this.path[0]) {
    this.pause();
    cancelAnimationFrame(this.rolling);
    this.path = [w];
    this.shown = w;
    this.show();
  }
  roll(from, to) { // along the curve, half a second
    cancelAnimationFrame(this.rolling);
    if (this.calm.matches) { this.shown = to; return; }
    const begin = performance.now();
    const frame = (now) => {
      const t = Math.min(1, Math.max(0, (now - begin) / 450)), eased = t * t * (3 - 2 * t);
      this.shown = from + (to - from) * eased;
      this.draw();
      if (t < 1) this.rolling = requestAnimationFrame(frame);
    };
    this.rolling = requestAnimationFrame(frame);
  }

  // ---- Pictures and words ----
  show() {
    this.draw();
    this.list();
    this.say();
    const bright = Math.max(0, 0.4 * this.w); // the photograph comes in with 0.4 of its light
    this.find("photo").style.filter = `brightness(${Math.min(100, bright)})`;
    this.find("photo-word").textContent = `the dark photograph × ${TrainValley.number(this.w, 2)}`;
  }
  draw() {
    const { chart } = this, { loss, slope } = TrainSums.valley, [low, high] = chart.x;
    chart.begin();
    chart.axes([-1, 0, 1, 2, 3, 4, 5, 6], [0, 0.5, 1, 1.5], (tick) => String(tick).replace("-", "−"));
    const curve = Array.from({ length: 121 }, (_, i) => low + ((high - low) * i) / 120);
    chart.line(curve.map((w) => [w, loss(w)]), "valley-line");
    const steps = this.path.slice(-40);
    chart.line(steps.map((w) => [w, loss(w)]), "walked");
    for (const w of steps.slice(0, -1)) if (this.isInside(w)) chart.dot(w, loss(w), 4, "was");
    const at = this.w, tilt = slope(at), reach = 0.9;
    if (this.isInside(at)) chart.line([-reach, reach].map((d) => [at + d, loss(at) + d * tilt]), "tangent");
    this.drawNext(at, -this.rate * tilt);
    chart.end();
    this.placeBall();
  }
  drawNext(at, change) { // the next step, as an arrow along the floor
    const { chart } = this, y = chart.toY(-0.1) - 9, [low, high] = chart.x;
    if (!this.isInside(at) || Math.abs(change) < 0.02) return;
    const from = chart.toX(at), to = chart.toX(Math.max(low, Math.min(high, at + change))), tip = change > 0 ? -7 : 7;
    const head = `M${to + tip} ${y - 5} L${to} ${y} L${to + tip} ${y + 5}`;
    chart.parts.push(`<path class="next" d="M${from} ${y} H${to} ${head}"/>`);
  }
  isInside(w) {
    const { x, y } = this.chart;
    return w >= x[0] && w <= x[1] && TrainSums.valley.loss(w) <= y[1];
  }
  placeBall() {
    const { chart } = this, { loss } = TrainSums.valley, ball = this.find("ball");
    const w = Math.max(chart.x[0], Math.min(chart.x[1], this.shown)), height = Math.min(chart.y[1], loss(w));
    ball.style.left = `${chart.toX(w)}px`;
    ball.style.top = `${chart.toY(height)}px`;
    ball.classList.toggle("gone", !this.isInside(this.shown));
    ball.setAttribute("aria-valuenow", Math.max(-1.6, Math.min(6.6, this.w)).toFixed(2));
    ball.setAttribute("aria-valuetext", `w ${TrainValley.number(this.w)}, loss ${TrainValley.number(loss(this.w))}`);
  }
  list() {
    const { loss, slope } = TrainSums.valley, first = Math.max(0, this.path.length - 6);
    const rows = this.path.slice(first).map((w, i) => {
      const row = document.createElement("tr");
      const cells = [String(first + i), ...[w, slope(w), loss(w)].map((value) => TrainValley.number(value))];
      row.append(...cells.map((text) => Object.assign(document.createElement("td"), { textContent: text })));
      return row;
    });
    this.find("steps").replaceChildren(...rows);
  }
  say() {
    const { loss, slope, bottom } = TrainSums.valley, number = (value) => TrainValley.number(value);
    const bracket = (value) => (value < -1e-12 ? `(${number(value)})` : number(value));
    const { word, share } = TrainSums.gait(this.path), percent = `${Math.round(Math.abs(share) * 100)} %`;
    if (word === "waits") {
      const tilt = slope(this.w), way = Math.abs(tilt) < 1e-9 ? "so this is the bottom"
        : `so a ${tilt < 0 ? "larger" : "smaller"} weight is less wrong`;
      const played = this.isOffered ? ` Press Play to walk with rate ${number(this.rate)}.` : "";
      const here = `At w = ${number(this.w)} the loss is ${number(loss(this.w))}`;
      this.find("said").textContent = `${here} and the slope ${number(tilt)}, ${way}.${played}`;
      return;
    }
    const from = this.path[this.path.length - 2];
    const change = `${number(this.rate)} × ${bracket(slope(from))}`;
    const sum = `Step ${this.path.length - 1}: ${number(from)} − ${change} = ${number(this.w)}.`;
    const what = {
      arrives: `It has arrived: the bottom is at ${number(bottom)}.`,
      crawls: `It crawls: ${percent} of the way to the bottom are left after each step.`,
      nears: `It comes nearer: ${percent} of the way to the bottom are left after each step.`,
      overshoots: `It overshoots: it lands on the other side of the bottom, ${percent} as far from it as before.`,
      swings: "It swings from side to side and never comes nearer.",
      climbs: `It climbs out: each step ends on the other side, ${percent} as far from the bottom as before, so the`
        + " loss grows.",
    }[word];
    this.find("said").textContent = `${sum} ${what}`;
  }

  // ---- Hands ----
  wire() {
    this.find("walk").onclick = () => this.play();
    this.find("one").onclick = () => { this.pause(); this.step(); };
    this.find("again").onclick = () => this.restart(1);
    this.find("rate").oninput = (event) => this.useRate(Number(event.target.value));
    const ball = this.find("ball");
    ball.onpointerdown = (event) => {
      event.preventDefault();
      ball.focus();
      ball.setPointerCapture(event.pointerId);
      this.pause();
    };
    ball.onpointermove = (event) => {
      if (!ball.hasPointerCapture(event.pointerId)) return;
      this.put(this.chart.fromX(event.clientX - this.find("valley").getBoundingClientRect().left));
    };
    ball.onkeydown = (event) => {
      const keys = { ArrowLeft: -0.1, ArrowDown: -0.1, ArrowRight: 0.1, ArrowUp: 0.1 };
      const by = { ...keys, PageUp: 1, PageDown: -1, Home: -99, End: 99 }[event.key];
      if (by === undefined) return;
      event.preventDefault();
      this.put(this.w + by);
    };
    new ResizeObserver(() => this.draw()).observe(this.find("valley"));
  }
  put(w) { this.restart(Number(Math.max(-1.6, Math.min(6.6, w)).toFixed(2))); }
  useRate(rate) {
    this.rate = rate;
    this.find("rate").value = rate;
    this.find("rate-now").textContent = TrainValley.number(rate, 1);
    for (const chip of this.find("gaits").children) {
      chip.setAttribute("aria-pressed", String(Number(chip.dataset.rate) === rate));
    }
    this.draw();
  }
  offerRates() {
    const gaits = { 0.2: "crawls", 3: "arrives", 5: "one step", 9: "overshoots", 10.6: "climbs out" };
    const rates = Object.keys(gaits).map(Number).sort((a, b) => a - b); // an object has its whole numbers first
    for (const rate of rates) {
      const chip = document.createElement("button");
      Object.assign(chip, { type: "button", textContent: `${rate}: ${gaits[rate]}` });
      chip.dataset.rate = rate;
      chip.onclick = () => { // at step 0, standing: Play and Step go on from there
        this.useRate(rate);
        this.isOffered = true;
        this.restart(1);
        this.isOffered = false;
      };
      this.find("gaits").append(chip);
    }
    this.useRate(1);
  }
}
