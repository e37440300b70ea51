// Draw a digit: the panel in which one map is seen being computed, place by place, step by step.
"use strict";
(() => {
  const digits = (window.cnnbookDigits ??= {});
  const PAUSES = { steps: [4500, 3000, 2000, 1200, 700], cells: [1500, 700, 300, 120, 40] }; // milliseconds, by speed
  const HEADER = 56; // pixels that the head of a page may cover
  const calm = () => matchMedia("(prefers-reduced-motion: reduce)").matches;
  const clamp = (v, count) => Math.min(Math.max(v, 0), count - 1);

  class Panel {
    // opened(layer, map) is told which map is shown; (null) when the panel is closed.
    constructor(root, stages, weights, opened) {
      Object.assign(this, { root, stages, weights, opened, cell: [0, 0], step: 0, mode: "steps", timer: null });
      const isFree = () => this.step === this.last && !this.timer;
      this.scene = new digits.Scene(this.find(".scene"), (cell) => this.moveTo(cell), isFree);
      this.spread = new digits.Spread(this.find(".spread"));
      for (const stage of stages) {
        const item = document.createElement("li"), button = document.createElement("button");
        Object.assign(button, { type: "button", textContent: stage.kind === "Dense" ? "scores" : stage.title });
        button.dataset.layer = stage.name;
        button.onclick = () => this.open(stage.name, this.mapFor(stage));
        item.append(button);
        this.find(".trail").append(item);
      }
      this.listen();
    }

    find(selector) { return this.root.querySelector(selector); }

    get neighbours() {
      const i = this.stages.indexOf(this.stage);
      return [this.stages[i - 1], this.stages[i + 1]];
    }

    get dense() { return this.stage.kind === "Dense"; }
    get size() { return this.dense ? [1, 1] : this.stage.shape.slice(0, 2); }
    get count() { return this.stage.shape.at(-1); }
    get last() { return this.story.steps.length - 1; }

    listen() {
      const click = (selector, act) => {
        this.find(selector).onclick = ({ target }) => act(target.closest("button"));
      };
      const choose = (button) => button && this.open(this.stage.name, Number(button.dataset.map), true);
      click(".close", () => this.close());
      click(".earlier", () => this.open(this.stage.name, this.map - 1, true));
      click(".later", () => this.open(this.stage.name, this.map + 1, true));
      click(".next", () => this.turn(1));
      click(".back", () => this.turn(-1));
      click(".play", () => (this.timer ? this.stop() : this.play()));
      click(".slide", () => this.slide());
      click(".from", () => this.walkBack());
      for (const selector of [".to", ".ahead"]) click(selector, () => this.walkOn());
      click(".account", (button) => button && this.pick(button));
      for (const many of [".sheet", ".shares"]) click(many, choose);
      this.find(".pace").onchange = ({ target }) => this.pace(target.value);
      this.find(".all").ontoggle = () => this.drawAll();
      this.enterAll = digits.roam(this.find(".sheet"));
      this.root.addEventListener("keydown", (event) => this.key(event));
      new IntersectionObserver((entries) => {
        this.isSeen = entries.at(-1).isIntersecting;
        if (this.stage && this.isSeen && this.isOld) this.renew();
      }).observe(this.root);
    }

    // Which map of a layer to show first: the same one where layers work map by map, else the liveliest.
    mapFor(stage) {
      if (stage.kind === "Dense") return this.shares.indexOf(Math.max(...this.shares));
      return this.stage?.shape[2] === stage.shape[2] ? this.map : digits.sums.liveliest(this.outputs[stage.name]);
    }

    // Open a map. `stay` keeps place and step; otherwise the place is where the map is strongest.
    open(layer, map, stay = false) {
      this.stop();
      const stage = this.stages.find(({ name }) => name === layer);
      Object.assign(this, { stage, map: clamp(map, stage.shape.at(-1)) });
      Object.assign(this, { channel: null, ranks: null, followed: null, all: false }); // of the sum
      if (!stay) {
        this.cell = this.dense ? [0, 0] : digits.sums.strongest(this.outputs[layer], this.map);
        this.step = this.mode === "steps" ? 0 : Infinity; // update() makes it the last one
      }
      this.root.hidden = false;
      this.title();
      this.drawAll();
      this.update();
      this.opened(layer, this.map);
      if (stay) return;
      this.find(".title").focus({ preventScroll: true });
      this.see(this.root);
    }

    close() {
      this.stop();
      this.root.hidden = true;
      this.stage = this.story = null;
      this.opened(null);
    }

    // One number, followed from the first layer on.
    follow() {
      const first = this.stages.find(({ kind }) => kind === "Conv2D");
      this.open(first.name, digits.sums.liveliest(this.outputs[first.name]));
    }

    // To the layer before: what lies in the middle of the window.
    walkBack() {
      const [to] = this.neighbours, { window } = this.story, mixes = this.stage.kind === "Conv2D";
      const middle = window && [window.top, window.left].map((v) => Math.floor(v + (window.size - 1) / 2));
      this.open(to.name, mixes ? this.channel : this.mapFor(to));
      if (middle) this.cell = middle;
      this.update();
    }

    // To the layer after: the same place, and where all maps are mixed, the map that takes most from this one.
    walkOn() {
      const { stage, map, cell, size } = this, [, to] = this.neighbours;
      if (to.kind === "Dense") {
        this.open(to.name, this.mapFor(to));
        return;
      }
      const place = cell.map((v, axis) => clamp(Math.floor(((v + 0.5) / size[axis]) * to.shape[axis]), to.shape[axis]));
      const mixes = to.kind === "Conv2D", weights = this.weights[to.name];
      const [from, out] = [stage.name, to.name].map((name) => this.outputs[name]);
      this.open(to.name, mixes ? digits.sums.listener(from, to.layer, weights, map, place, out) : this.mapFor(to));
      this.cell = place;
      if (mixes) Object.assign(this, { channel: map, followed: cell, ranks: null });
      this.update();
    }

    // New numbers, because something was drawn. As long as the panel is out of sight, it need not be drawn anew.
    show(outputs, shares) {
      Object.assign(this, { outputs, shares, isOld: true });
      if (this.stage && this.isSeen) this.renew();
    }

    renew() {
      this.isOld = false;
      this.drawAll();
      this.update();
    }

    title() {
      const { stage, map, count } = this, [before, after] = this.neighbours, label = digits.mapLabel(stage, map);
      const name = ({ kind, title }) => ({ Dense: "the scores", Rescaling: "the picture" })[kind] ?? title;
      this.find(".title").textContent = this.dense ? label : count > 1 ? `${label} of ${count}` : "The picture";
      this.find(".does").textContent = stage.does;
      this.find(".all").hidden = count === 1 || this.dense;
      this.find("summary").textContent = `All ${count} maps of ${stage.title}`;
      for (const [selector, end] of [[".earlier", 0], [".later", count - 1]]) {
        Object.assign(this.find(selector), { hidden: count === 1, disabled: map === end });
      }
      for (const button of this.root.querySelectorAll(".trail button")) {
        if (button.dataset.layer === stage.name) button.setAttribute("aria-current", "step");
        else button.removeAttribute("aria-current");
      }
      this.find(".from").hidden = !before;
      this.find(".to").hidden = !after;
      if (before) this.find(".from").innerHTML = `<span>Where does this come from?</span> ← ${name(before)}`;
      if (after) this.find(".to").innerHTML = `<span>Where does it go?</span> ${name(after)} →`;
      if (after) this.find(".ahead").textContent = `Follow it to ${name(after)} →`;
    }

    drawAll() {
      const { stage, map, count } = this, all = this.find(".all"), sheet = this.find(".sheet");
      if (!stage || !all.open || all.hidden) return;
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

    // One of the terms of the sum: an incoming map, or for a score the number that was weighted.
    pick(button) {
      const { channel, row, column } = button.dataset;
      if (button.matches(".unfold")) this.all = !this.all;
      else if (this.dense) {
        this.open(this.neighbours[0].name, Number(channel));
        this.cell = [Number(row), Number(column)];
      } else Object.assign(this, { channel: Number(channel), followed: null });
      this.update();
    }

    pace(mode) {
      this.stop();
      Object.assign(this, { mode, step: mode === "steps" ? 0 : Infinity });
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

    // Where the next step leads: on within the sum, then to the next place; for the scores to the next digit.
    go(by) {
      const step = this.step + by, [rows, columns] = this.size, places = rows * columns;
      if (this.mode === "steps" && step >= 0 && step <= this.last) this.step = step;
      else {
        if (this.dense) this.open(this.stage.name, (this.map + by + this.count) % this.count, true);
        const place = (this.cell[0] * columns + this.cell[1] + by + places) % places;
        this.cell = [Math.floor(place / columns), place % columns];
        this.step = this.mode === "steps" && by > 0 ? 0 : this.last;
      }
      this.update();
    }

    turn(by) {
      this.stop();
      this.go(by);
      this.see();
    }

    // What the step is about stands above the bar, with its sentence, and if possible together with the maps (or with
    // the whole head of the panel, when it has just been opened). The grids have their place from the first step on.
    see(head) {
      const parts = ".scene, .spread, .sums > figure, .sums > svg, .term, .shares, .now";
      const shown = [...this.root.querySelectorAll(parts)]
        .filter((part) => part.offsetParent && getComputedStyle(part).visibility !== "hidden");
      if (!shown.length) return;
      const box = (part) => part.getBoundingClientRect(), last = box(this.step ? shown.at(-1) : shown[0]);
      const until = ["sums", "telling"].map((name) => box(this.find(`.${name}`))).find(({ height }) => height);
      const end = Math.max(until.bottom, last.bottom), bottom = innerHeight - this.find(".controls").offsetHeight - 12;
      const starts = [...(head ? [head] : []), shown[0], this.find(".telling")].map((part) => box(part).top);
      const start = starts.find((top) => end - top <= bottom - HEADER) ?? last.top;
      const by = head && start === starts[0] ? start - HEADER
        : end > bottom ? end - bottom : Math.min(start - HEADER, 0);
      if (by) scrollBy({ top: by, behavior: calm() ? "auto" : "smooth" });
    }

    play() {
      const isLast = () => this.cell.every((v, axis) => v === this.size[axis] - 1);
      if (this.mode === "cells" && isLast()) this.cell = [0, 0];
      const wait = () => { this.timer = setTimeout(tick, PAUSES[this.mode][this.find(".speed input").value - 1]); };
      const tick = () => {
        const { timer } = this;
        this.go(1);
        if (this.mode === "steps") this.see();
        if (this.mode === "cells" && isLast() && !this.dense) this.stop();
        else if (this.dense || this.timer === timer) wait(); // opening the next score has stopped it
        this.playing(this.timer !== null);
      };
      wait();
      this.playing(true);
      this.update();
    }

    stop() {
      if (!this.timer) return;
      clearTimeout(this.timer);
      this.timer = null;
      this.playing(false);
      if (this.story) this.update();
    }

    playing(now) {
      this.find(".play").textContent = now ? "Pause" : "Play";
      this.find(".speed").hidden = !now;
      this.find(".say").setAttribute("aria-live", now ? "off" : "polite"); // too fast to be read aloud
    }

    key(event) {
      const by = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
      if (event.key === "Escape") this.close();
      else if (by && !event.defaultPrevented && !event.target.matches("input, select")) {
        event.preventDefault();
        this.turn(by);
      }
    }

    moveTo(cell) {
      this.stop();
      this.cell = cell.map((v, axis) => clamp(v, this.size[axis]));
      this.step = Infinity;
      this.update();
    }

    // The story of the number in this place. While the window slides by itself, the listed maps stay the same.
    tell() {
      const { stage, map, cell, all, outputs, followed } = this, input = outputs[stage.input];
      const weights = this.weights[stage.name];
      if (stage.kind === "Conv2D" && !(this.ranks && this.timer)) {
        this.ranks = digits.sums.ranking(digits.sums.convolution(input, stage.layer, weights, map, cell));
        this.channel ??= this.ranks[0];
      }
      const { channel, ranks } = this;
      return digits.tell(stage, { input, weights, map, cell, all, outputs, followed, channel, ranks });
    }

    update() {
      this.story = this.tell();
      this.step = Math.min(this.step, this.last);
      const { stage, story, step, map, cell, timer, size } = this, input = this.outputs[stage.input];
      const whole = step === this.last;
      const at = cell[0] * size[1] + cell[1], sliding = timer && this.mode === "cells", sums = this.find(".sums");
      this.find(".say").textContent = story.steps[step];
      this.find(".count").textContent = this.progress(at);
      this.find(".slide").hidden = !whole || this.dense || Boolean(timer);
      this.find(".ahead").hidden = !whole || !this.neighbours[1] || Boolean(timer);
      this.find(".work").classList.toggle("beside", Boolean(story.graph) || stage.kind === "MaxPooling2D");
      const until = sliding ? at + 1 : Infinity, output = this.outputs[stage.name];
      this.scene.draw({ stage, story, input, output, map, cell, at, until, whole });
      digits.drawGrids(sums, story, step);
      if (story.graph) digits.drawGraph(sums, story.graph, input, step);
      this.spread.draw(story.spread, step > 0);
      digits.drawRows(this.find(".account"), story, step, { input, channel: this.channel });
      digits.drawShares(this.find(".shares"), story.shares, output, map, whole);
    }

    progress(at) {
      const { cell: [y, x], size: [rows, columns], step, last, mode } = this, steps = `Step ${step + 1} of ${last + 1}`;
      if (this.dense) return steps;
      const done = mode === "cells" ? `Place ${at + 1} of ${rows * columns}` : steps;
      return `${done} · row ${y + 1}, column ${x + 1}`;
    }
  }

  digits.Panel = Panel;
})();
