// Draw a digit: the whole network in one view, a column (on a phone a row) for each layer; and the answer.
"use strict";
(() => {
  const digits = (window.cnnbookDigits ??= {});
  const SVG = "http://www.w3.org/2000/svg";

  const mapLabel = ({ kind, title }, map) => (kind === "Dense" ? `Score of the digit ${map}`
    : kind === "Rescaling" ? "The picture, brought to 0 to 1" : `${title}, map ${map + 1}`);

  // A button with a map on it, or with a digit and its bar.
  function mapButton(stage, map) {
    const button = document.createElement("button");
    Object.assign(button, { type: "button", className: stage.kind === "Dense" ? "map class" : "map", tabIndex: -1 });
    Object.assign(button.dataset, { layer: stage.name, map });
    button.setAttribute("aria-label", `${mapLabel(stage, map)}: see how it is computed`);
    button.innerHTML = stage.kind === "Dense" ? `<b>${map}</b><span><i></i></span>` : "<canvas></canvas>";
    return button;
  }

  function paintButton(button, stage, outputs, shares) {
    const map = Number(button.dataset.map);
    if (stage.kind !== "Dense") {
      const ink = stage.kind === "Rescaling";
      digits.paintMap(button.firstChild, outputs[stage.name], map, { scale: stage.scale, ink });
      return;
    }
    button.classList.toggle("best", shares[map] === Math.max(...shares) && !stage.blank);
    button.querySelector("i").style.width = stage.blank ? 0 : `${100 * shares[map]}%`;
  }

  class NetworkView {
    // open(layer, map) is called when a map is chosen.
    constructor(root, stages, chosen, open) {
      const find = (selector) => root.querySelector(selector);
      Object.assign(this, { stages, chosen, wires: find(".wires"), caption: find(".caption") });
      this.list = find(".stages ol");
      for (const stage of stages) this.list.append(this.column(stage));
      const enter = digits.roam(this.list);
      enter(this.list.querySelector("button"));
      this.list.addEventListener("click", ({ target }) => {
        const button = target.closest("button");
        if (button) open(button.dataset.layer, Number(button.dataset.map));
      });
      const on = (types, act) => types.forEach((type) => this.list.addEventListener(type, act));
      on(["pointerover", "focusin"], ({ target }) => this.point(target));
      on(["pointerleave", "focusout"], () => this.point(null));
      new ResizeObserver(() => this.wire()).observe(this.list);
      this.point(null);
    }

    column(stage) {
      const item = document.createElement("li"), [h, w, maps] = stage.shape, dense = stage.kind === "Dense";
      const size = dense ? `${h} scores` : `${h} × ${w}`, count = maps > 1 ? `${maps} maps` : "";
      item.dataset.layer = stage.name;
      item.classList.toggle("ends", stage.group !== this.stages[this.stages.indexOf(stage) + 1]?.group);
      item.innerHTML = `<p class="group"></p><p class="name"><b></b><span>${size}</span><span>${count}</span></p>` +
        '<p class="does"></p><div class="maps"></div>';
      const previous = this.stages[this.stages.indexOf(stage) - 1];
      item.querySelector(".group").textContent = stage.group === previous?.group ? "" : stage.group;
      item.querySelector("b").textContent = dense ? "scores" : stage.name;
      item.querySelector(".does").textContent = stage.does;
      item.querySelector(".maps").append(...this.chosen[stage.name].map((map) => mapButton(stage, map)));
      return item;
    }

    draw(outputs, shares) {
      for (const button of this.list.querySelectorAll("button")) {
        paintButton(button, this.stages.find(({ name }) => name === button.dataset.layer), outputs, shares);
      }
    }

    // What the layer under the pointer does, and what leads to the map under the pointer.
    point(target) {
      const item = target?.closest("li"), button = target?.closest("button") ?? this.current;
      const stage = this.stages.find(({ name }) => name === (item ?? this.current?.closest("li"))?.dataset.layer);
      const colours = "Blue stands for numbers above zero, orange for those below; the stronger the colour, the " +
        "larger the number. Choose a layer to read what it does.";
      this.caption.textContent = stage ? stage.does : colours;
      if (stage) this.caption.prepend(Object.assign(document.createElement("b"), { textContent: `${stage.title}.` }));
      for (const wire of this.wires.children) {
        wire.classList.toggle("on", wire.dataset.to === `${button?.dataset.layer}-${button?.dataset.map}`);
      }
    }

    // The map that is open; none when the panel was closed: then the keyboard goes back to where it came from.
    select(layer, map) {
      const left = this.current ?? this.list.querySelector(".open button");
      this.current = layer && this.list.querySelector(`button[data-layer="${layer}"][data-map="${map}"]`);
      for (const button of this.list.querySelectorAll("button")) button.removeAttribute("aria-pressed");
      for (const item of this.list.children) item.classList.toggle("open", item.dataset.layer === layer);
      this.current?.setAttribute("aria-pressed", "true");
      if (!layer) left?.focus();
      this.point(this.current);
    }

    // Lines from each map to those that are made of it.
    wire() {
      this.wires.replaceChildren();
      const box = this.wires.getBoundingClientRect();
      if (!box.width) return; // on a phone the layers stand below each other, without lines
      this.wires.setAttribute("viewBox", `0 0 ${box.width} ${box.height}`);
      const items = [...this.list.children], buttons = (item) => [...item.querySelectorAll("button")];
      for (const [i, stage] of this.stages.entries()) {
        if (!i) continue;
        const mixes = ["Conv2D", "Dense"].includes(stage.kind);
        for (const to of buttons(items[i])) for (const from of buttons(items[i - 1])) {
          if (mixes || from.dataset.map === to.dataset.map) this.wires.append(this.line(from, to, box));
        }
      }
      this.point(null);
    }

    line(from, to, box) {
      const [a, b] = [from, to].map((button) => button.getBoundingClientRect());
      const path = document.createElementNS(SVG, "path");
      const x = a.right - box.left, y = (a.top + a.bottom) / 2 - box.top;
      const u = b.left - box.left, v = (b.top + b.bottom) / 2 - box.top, bend = (u - x) / 2;
      path.setAttribute("d", `M${x} ${y}C${x + bend} ${y} ${u - bend} ${v} ${u} ${v}`);
      path.dataset.to = `${to.dataset.layer}-${to.dataset.map}`;
      return path;
    }
  }

  // The ten bars beside the drawing, and the answer in words.
  class Answer {
    constructor(root, count) {
      this.list = root.querySelector(".bars");
      this.words = root.querySelector(".answer");
      this.status = root.querySelector("[role=status]");
      this.list.innerHTML = Array.from({ length: count }, (_, k) =>
        `<li data-digit="${k}"><b>${k}</b><span><i></i></span><em></em></li>`).join("");
    }

    show(shares, blank, label) {
      const best = shares.indexOf(Math.max(...shares));
      for (const [k, item] of [...this.list.children].entries()) {
        item.classList.toggle("best", !blank && k === best);
        item.querySelector("i").style.width = blank ? 0 : `${100 * shares[k]}%`;
        item.querySelector("em").textContent = blank ? "" : digits.sums.percent(shares[k]);
      }
      const text = this.words.textContent = blank ? "Nothing is drawn yet." : this.sentence(shares, best, label);
      clearTimeout(this.timer); // said when the drawing rests, not with every point
      this.timer = setTimeout(() => { this.status.textContent = text; }, 400);
    }

    // Honest words: how sure it is, what else it thinks of, and whether it is right where we know.
    sentence(shares, best, label) {
      const { a } = digits.sums, whole = (p) => (p > 0.995 ? "more than 99\u00a0%" : `${Math.round(100 * p)}\u00a0%`);
      const second = shares.indexOf([...shares].sort((p, q) => q - p)[1]), sure = shares[best];
      const truth = label === undefined ? "" : ` It is ${label === best ? "right" : "wrong"}: this is ${a(label)}.`;
      if (sure > 0.9) return `It reads ${a(best)}, and is ${whole(sure)} sure.${truth}`;
      const [first, other] = [whole(sure), whole(shares[second])];
      return sure > 0.6 ? `It reads ${a(best)}, with ${first}, but thinks of ${a(second)} as well (${other}).${truth}`
        : `It cannot say what this is: perhaps ${a(best)} (${first}), perhaps ${a(second)} (${other}).${truth}`;
    }
  }

  Object.assign(digits, { NetworkView, Answer, mapButton, paintButton, mapLabel });
})();
