// Draw a digit: the panel in which one map is seen being computed, place by place, step by step.
"use strict";
(() => {
  const digits = (window.cnnbookDigits ??= {});
  const PAUSES = { steps: [4500, 3000, 2000, 1200, 700], cells: [1500, 700, 300, 120, 40] };  // milliseconds, by speed
  const HEADER = 56; // pixels that the head of a page may cover
  const calm = () => matchMedia("(prefers-reduced-motion: reduce)").matches;
  const clamp = (v, count) => Math.min(Math.max(v, 0), count - 1);

  class Panel {
    // opened(layer, map) is told which map is shown; (null) when the panel is closed.
    constructor(root, stages, weights, opened) {
      Object.assign(this, { root, stages, weights, opened, cell: [0, 0], step: 0, mode: "steps", timer: null });
      this.canvases = { input: this.find(".input canvas"), output: this.find(".output canvas") };
      for (const { name, title, kind } of stages) {
        const item = document.createElement("li"), button = document.createElement("button");
        Object.assign(button, { type: "button", textContent: kind === "Dense" ? "scores" : title });
        button.dataset.layer = name;
        button.onclick = () => this.open(name, this.mapFor(this.stageOf(name)));
        item.append(button);
        this.find(".trail").append(item);
      }
      this.listen();
    }

    find(selector) { return this.root.querySelector(selector); }
    stageOf(name) { return this.stages.find((stage) => stage.name === name); }
    get neighbours() {
      const i = this.stages.indexOf(this.stage);
      return [this.stages[i - 1], this.stages[i + 1]];
    }

    get size() { return this.stage.kind === "Dense" ? [1, 1] : this.stage.shape.slice(0, 2); }
    get count() { return this.stage.shape.at(-1); }

    listen() {
      const click = (selector, act) => { this.find(selector).onclick = act; };
      click(".close", () => this.close());
      click(".earlier", () => this.open(this.stage.name, this.map - 1, true));
      click(".later", () => this.open(this.stage.name, this.map + 1, true));
      click(".next", () => this.turn(1));
      click(".back", () => this.turn(-1));
      click(".play", () => (this.timer ? this.stop() : this.play()));
      click(".from", () => this.walk(0));
      click(".to", () => this.walk(1));
      click(".onward", () => this.walk(1));
      click(".slide", () => this.slide());
      this.find(".pace").onchange = ({ target }) => this.pace(target.value);
      this.find(".all").ontoggle = () => this.drawAll();
      this.find(".all .sheet").onclick = ({ target }) => {
        const button = target.closest("button");
        if (button) this.open(this.stage.name, Number(button.dataset.map), true);
      };
      this.enterAll = digits.roam(this.find(".all .sheet"));
      this.find(".account").onclick = ({ target }) => this.pick(target.closest("button"));
      this.find(".shares").onclick = ({ target }) => {
        const button = target.closest("button");
        if (button) this.open(this.stage.name, Number(button.dataset.map), true);
      };
      this.root.addEventListener("keydown", (event) => this.key(event));
      for (const [side, canvas] of Object.entries(this.canvases)) this.scrub(canvas, side);
      new ResizeObserver(() => this.story && this.rays()).observe(this.find(".scene"));
    }

    // Which map of another layer to show first: the same one where layers work map by map, else where the most happens.
    mapFor(stage) {
      if (stage.kind === "Dense") return this.shares.indexOf(Math.max(...this.shares));
      const output = this.outputs[stage.name], maps = stage.shape[2];
      if (this.stage?.shape[2] === maps) return this.map;
      const squares = new Float64Array(maps), means = new Float64Array(maps), cells = output.data.length / maps;
      for (const [i, v] of output.data.entries()) {
        squares[i % maps] += (v * v) / cells;
        means[i % maps] += v / cells;
      }
      const spread = squares.map((square, k) => square - means[k] ** 2);
      return spread.indexOf(Math.max(...spread));
    }

    // Open a map. `stay` keeps the place and the way of looking; otherwise the place is where the map is strongest.
    open(layer, map, stay = false) {
      this.stop();
      const stage = this.stageOf(layer), same = this.stage === stage;
      Object.assign(this, { stage, map: clamp(map, stage.shape.at(-1)) });
      if (!stay) this.cell = this.strongest();
      Object.assign(this, { channel: null, ranks: null, all: false });
      this.cell = this.cell.map((v, axis) => clamp(v, this.size[axis]));
      if (!same || !stay) this.step = 0;
      this.root.hidden = false;
      this.title();
      this.drawAll();
      this.update();
      this.opened(layer, this.map);
      if (!stay) this.reveal();
    }

    reveal() {
      this.find("h3").focus({ preventScroll: true });
      this.root.scrollIntoView({ block: "start", behavior: calm() ? "auto" : "smooth" });
    }

    close() {
      this.stop();
      this.root.hidden = true;
      this.opened(null);
      this.stage = this.story = null;
    }

    // One number, followed from the first layer on.
    follow() {
      const first = this.stages.find(({ kind }) => kind === "Conv2D");
      this.open(first.name, this.mapFor(first));
    }

    strongest() {
      const { data, shape } = this.outputs[this.stage.name], maps = shape.at(-1);
      if (shape.length === 1) return [0, 0];
      let best = 0;
      for (let i = 0; i < shape[0] * shape[1]; i++) if (data[i * maps + this.map] > data[best * maps + this.map]) best = i;
      return [Math.floor(best / shape[1]), best % shape[1]];
    }

    // To the layer before (0) or after (1), to the same place of the picture.
    walk(way) {
      const to = this.neighbours[way], [height, width] = this.size, { window } = this.story;
      const map = way === 0 && this.stage.kind === "Conv2D" ? this.channel : this.mapFor(to);
      const source = way === 0 && window ? [window.top + (window.size - 1) / 2, window.left + (window.size - 1) / 2] : this.cell;
      const spot = this.cell.map((v, axis) => (v + 0.5) / [height, width][axis]);
      this.open(to.name, map);
      if (to.kind !== "Dense" && window) {
        this.cell = way === 0 ? source.map(Math.floor) : spot.map((v, axis) => clamp(Math.floor(v * to.shape[axis]), to.shape[axis]));
      }
      this.update();
    }

    // New numbers, because something was drawn.
    show(outputs, shares) {
      Object.assign(this, { outputs, shares });
      if (!this.stage) return;
      this.drawAll();
      this.update();
    }

    title() {
      const { stage, map, count } = this, [before, after] = this.neighbours, dense = stage.kind === "Dense";
      this.find("h3").textContent = dense ? digits.mapLabel(stage, map) : count > 1 ? `${digits.mapLabel(stage, map)} of ${count}` : "The picture";
      this.find(".does").textContent = stage.does;
      this.find(".all").hidden = count === 1 || dense;
      this.find(".all summary").textContent = `All ${count} maps of ${stage.title}`;
      for (const [selector, off] of [[".earlier", map === 0], [".later", map === count - 1]]) {
        Object.assign(this.find(selector), { hidden: count === 1, disabled: off });
      }
      for (const button of this.find(".trail").querySelectorAll("button")) {
        if (button.dataset.layer === stage.name) button.setAttribute("aria-current", "step");
        else button.removeAttribute("aria-current");
      }
      const name = ({ kind, title }) => (kind === "Dense" ? "the scores" : kind === "Rescaling" ? "the picture" : title);
      this.find(".from").hidden = !before;
      this.find(".to").hidden = !after;
      if (before) this.find(".from").innerHTML = `<span>Where does this come from?</span> ← ${name(before)}`;
      if (after) this.find(".onward").textContent = `Follow it into ${name(after)} →`;
      if (after) this.find(".to").innerHTML = `<span>Where does it go?</span> ${name(after)} →`;
    }

    drawAll() {
      const { stage, map, count } = this, sheet = this.find(".all .sheet");
      if (!stage || !this.find(".all").open || this.find(".all").hidden) return;
      if (sheet.dataset.layer !== stage.name) {
        sheet.replaceChildren(...Array.from({ length: count }, (_, k) => digits.mapButton(stage, k)));
        sheet.dataset.layer = stage.name;
      }
      for (const [k, button] of [...sheet.children].entries()) {
        digits.paintButton(button, stage, this.outputs, this.shares);
        button.setAttribute("aria-pressed", k === map);
      }
      if (!sheet.contains(document.activeElement)) this.enterAll(sheet.children[map]);
    }

    // A channel or a place, chosen among the terms of the sum.
    pick(button) {
      if (!button) return;
      if (button.matches(".fold")) this.all = !this.all;
      else if (this.stage.kind === "Dense") {
        const { channel, row, column } = button.dataset, before = this.neighbours[0];
        this.open(before.name, Number(channel));
        this.cell = [Number(row), Number(column)];
      } else this.channel = Number(button.dataset.channel);
      this.update();
    }

    // From the first place to the last, a place at a time.
    slide() {
      this.find(".pace").value = "cells";
      this.pace("cells");
      this.cell = [0, 0];
      this.play();
      this.find(".play").focus({ preventScroll: true });
      this.see();
    }

    pace(mode) {
      this.mode = mode;
      this.stop();
      this.step = mode === "cells" ? this.story.steps.length - 1 : 0;
      this.update();
    }

    // Where the next step leads: within the sum, and from its end to the next place; for the scores to the next digit.
    go(by) {
      const last = this.story.steps.length - 1, step = this.step + by, [rows, columns] = this.size;
      if (this.mode === "steps" && step >= 0 && step <= last) this.step = step;
      else if (this.stage.kind === "Dense") {
        this.open(this.stage.name, (this.map + by + this.count) % this.count, true);
        this.step = this.mode === "steps" && by > 0 ? 0 : last;
      } else {
        const i = (this.cell[0] * columns + this.cell[1] + by + rows * columns) % (rows * columns);
        this.cell = [Math.floor(i / columns), i % columns];
        this.step = this.mode === "steps" && by > 0 ? 0 : last;
      }
      this.update();
    }

    turn(by) {
      this.stop();
      this.go(by);
      this.see();
    }

    // What the step is about comes into view, if it is not.
    see() {
      const parts = [...this.root.querySelectorAll(".scene, .sums > figure, .sums > svg, .term, .shares")];
      const shown = parts.filter((part) => part.offsetParent && getComputedStyle(part).visibility !== "hidden");
      if (!shown.length) return;
      const about = (this.step ? shown.at(-1) : shown[0]).getBoundingClientRect(), { top } = shown[0].getBoundingClientRect();
      const space = [HEADER, innerHeight - this.find(".controls").offsetHeight - 12];
      const whole = about.bottom - top < space[1] - space[0]; // both the maps and what is new fit in
      const above = (whole ? top : about.top) - space[0], below = about.bottom - space[1];
      const by = below > 0 ? below : Math.min(above, 0);
      if (by) scrollBy({ top: by, behavior: calm() ? "auto" : "smooth" });
    }

    play() {
      const [rows, columns] = this.size, atEnd = this.cell[0] === rows - 1 && this.cell[1] === columns - 1;
      if (this.mode === "cells" && atEnd) this.cell = [0, 0];
      const tick = () => {
        this.go(1);
        if (this.mode === "steps") this.see();
        const [y, x] = this.cell;
        if (this.mode === "cells" && y === rows - 1 && x === columns - 1 && this.stage.kind !== "Dense") this.stop();
        else wait();
      };
      const wait = () => { this.timer = setTimeout(tick, PAUSES[this.mode][this.find(".speed input").value - 1]); };
      wait();
      this.find(".play").textContent = "Pause";
      this.find(".speed").hidden = false;
      this.find(".say").setAttribute("aria-live", "off"); // too fast to be read aloud
      this.update();
    }

    stop() {
      if (!this.timer) return;
      clearTimeout(this.timer);
      this.timer = null;
      this.find(".play").textContent = "Play";
      this.find(".speed").hidden = true;
      this.find(".say").removeAttribute("aria-live");
      if (this.stage) this.update();
    }

    key(event) {
      const by = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
      if (event.key === "Escape") this.close();
      else if (event.target === this.canvases.output) this.move(event);
      else if (by && !event.target.matches("input, select, .sheet *")) {
        event.preventDefault();
        this.turn(by);
      }
    }

    move(event) {
      const [rows, columns] = this.size, [y, x] = this.cell;
      const to = { ArrowLeft: [y, x - 1], ArrowRight: [y, x + 1], ArrowUp: [y - 1, x], ArrowDown: [y + 1, x], Home: [0, 0],
        End: [rows - 1, columns - 1] }[event.key];
      if (!to) return;
      event.preventDefault();
      this.moveTo(to);
    }

    moveTo([y, x]) {
      this.stop();
      this.cell = [clamp(y, this.size[0]), clamp(x, this.size[1])];
      this.step = this.story.steps.length - 1;
      this.update();
    }

    // Pressed and drawn across a map, the window follows; with the mouse alone only when the sum stands complete.
    scrub(canvas, side) {
      const follow = (event) => {
        const whole = this.step === this.story.steps.length - 1 && !this.timer;
        if (!event.buttons && !(whole && event.pointerType === "mouse")) return;
        const { left, top, width, height } = canvas.getBoundingClientRect();
        const y = ((event.clientY - top) / height) * canvas.height, x = ((event.clientX - left) / width) * canvas.width;
        const { size, step } = this.story.window;
        const cell = (v) => (side === "output" ? Math.floor(v) : Math.round((v - size / 2) / step));
        const to = [cell(y), cell(x)].map((v, axis) => clamp(v, this.size[axis]));
        if (event.buttons || to.some((v, axis) => v !== this.cell[axis])) this.moveTo(to);
      };
      canvas.addEventListener("pointerdown", follow);
      canvas.addEventListener("pointermove", follow);
    }

    // The story of the number in this place. While the window slides by itself, the listed maps stay the same.
    tell() {
      const { stage, map, cell, all, outputs } = this, input = outputs[stage.input], weights = this.weights[stage.name];
      if (stage.kind === "Conv2D" && !(this.ranks && this.timer)) {
        this.ranks = digits.sums.ranking(digits.sums.convolution(input, stage.layer, weights, map, cell));
        this.channel ??= this.ranks[0];
      }
      return digits.tell(stage, { input, weights, map, cell, all, outputs, channel: this.channel, ranks: this.ranks });
    }

    update() {
      const { stage, map, cell } = this, input = this.outputs[stage.input], story = this.story = this.tell();
      const last = story.steps.length - 1, where = stage.kind === "Dense" ? "" : ` · row ${cell[0] + 1}, column ${cell[1] + 1}`;
      this.step = Math.min(this.step, last);
      this.find(".count").textContent = `Step ${this.step + 1} of ${last + 1}${where}`;
      this.find(".say").textContent = story.steps[this.step];
      this.find(".slide").hidden = this.step < last || this.size[0] === 1 || this.timer !== null;
      this.find(".onward").hidden = this.step < last || !this.neighbours[1] || this.timer !== null;
      this.find(".work").classList.toggle("beside", Boolean(story.graph) || stage.kind === "MaxPooling2D");
      this.scene();
      digits.drawGrids(this.find(".sums"), story, this.step);
      if (story.graph) digits.drawGraph(this.find(".sums"), story.graph, input, this.step);
      if (story.spread) digits.drawSpread(this.find(".sums"), story.spread, this.step);
      digits.drawRows(this.find(".account"), story, this.step, { input, channel: this.channel });
      digits.drawShares(this.find(".shares"), story.shares, this.outputs[stage.name], map, this.step === last);
    }

    scene() {
      const { stage, story, cell } = this, dense = stage.kind === "Dense", last = this.step === story.steps.length - 1;
      this.find(".scene").hidden = dense;
      if (dense) return;
      const input = this.outputs[stage.input], output = this.outputs[stage.name], at = cell[0] * this.size[1] + cell[1];
      const picture = input.shape[2] === 1;
      digits.paintMap(this.canvases.input, input, story.channel, { ink: picture });
      digits.paintMap(this.canvases.output, output, this.map, { ink: stage.kind === "Rescaling",
        until: this.timer && this.mode === "cells" ? at + 1 : Infinity, without: last ? -1 : at });
      const seen = story.channel, name = (map, of) => `Map ${map + 1} of ${of}`, scaled = stage.kind === "Rescaling";
      this.caption(".input", picture ? "The picture" : name(seen, stage.input), input, seen, picture);
      this.caption(".output", scaled ? "The picture from 0 to 1" : name(this.map, stage.title), output, this.map, scaled);
      this.slider(cell, at);
      this.rays();
    }

    slider([y, x], at) {
      const { output, input } = this.canvases, [rows, columns] = this.size;
      input.setAttribute("role", "img");
      input.setAttribute("aria-label", "What the window moves over");
      const values = { role: "slider", tabindex: 0, "aria-label": "Place in the map; arrow keys move it", "aria-valuemin": 1,
        "aria-valuemax": rows * columns, "aria-valuenow": at + 1,
        "aria-valuetext": `Row ${y + 1}, column ${x + 1}: ${digits.sums.number(this.story.value, 3)}` };
      for (const [name, value] of Object.entries(values)) output.setAttribute(name, value);
    }

    // What lies there, and which number each colour stands for.
    caption(side, name, output, map, ink) {
      const [h, w, maps] = output.shape, most = digits.magnitude(output, [map]);
      const low = output.data.some((v, i) => v < 0 && i % maps === map);
      const text = (v) => digits.sums.number(v, v % 1 ? 2 : 0);
      this.find(`${side} figcaption`).innerHTML = `${name}, ${h} × ${w}<span class="legend">${low ? text(-most) : 0} ` +
        `<i class="ramp${ink ? " ink" : low ? " both" : ""}"></i> ${text(most)}</span>`;
    }

    rays() {
      if (!this.stage || this.stage.kind === "Dense") return;
      digits.drawRays(this.find(".rays"), this.canvases, this.story.window, this.cell);
    }
  }

  digits.Panel = Panel;
})();
