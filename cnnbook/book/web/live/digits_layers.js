// Draw a digit: which layers there are and what each does, in words; and how a map is painted.
"use strict";
(() => {
  const digits = (window.cnnbookDigits ??= {});
  const GROUPS = ["picture", "edges", "corners and bends", "parts of digits"];

  // What each kind of layer does, in plain sentences. "again" is true where the same was explained before.
  const SENTENCES = {
    Rescaling: ({ shape: [h, w] }) => `The picture has ${h} × ${w} pixels, numbers from 0 (black) to 255 (white). ` +
      "They are divided by 255, so that they lie between 0 and 1: a network learns more easily from small numbers.",
    Conv2D({ layer, shape: [, , maps], reach }, before, again) {
      const [size, , channels] = layer.kernel_shape;
      const step = layer.strides > 1 ? `, ${layer.strides} pixels at a time` : "";
      const relu = layer.activation === "relu" ? " Whatever is below zero becomes 0 (ReLU)." : "";
      if (channels === 1) {
        return `${maps} small filters of ${size} × ${size} weights slide over the picture${step}. Each makes a map ` +
          `that shows where its pattern lies, for example an edge or a stroke in one direction.${relu}`;
      }
      const wide = `A number here sees ${reach} × ${reach} pixels of the picture`;
      return `${maps} filters of ${size} × ${size} look at all ${channels} maps of ${before} at once. ` + (again
        ? `${wide}, so it can answer to a whole part of a digit.${relu}`
        : `${wide}, so it can answer where edges meet: to corners, bends and ends of strokes.${relu}`);
    },
    MaxPooling2D: ({ layer: { size } }) => `Of every ${size} × ${size} numbers only the largest stays. The maps ` +
      "become smaller, and it matters less where exactly a stroke was.",
    BatchNormalization: (_, before, again) => (again
      ? `As before, each map of ${before} is multiplied by a scale and shifted, both its own.`
      : "Each map is multiplied by one number and shifted by another, both its own. That brings all maps to a " +
        "similar range, which usually makes training easier."),
    ReLU: (_, before, again) => (again ? "Again, whatever is below zero becomes 0."
      : "Whatever is below zero becomes 0. Without such a bend, many layers could do no more than a single one."),
    Dense: ({ layer: { kernel_shape: [count, classes] } }, before) =>
      `The ${digits.sums.number(count, 0)} numbers of ${before} are laid in one row (flatten). For each of the ` +
      `${classes === 10 ? "ten" : classes} digits all of them are weighted and added up to a score, ` +
      "and the scores become probabilities (softmax). Dropout, which stands between, works in training only.",
  };

  // The layers that change numbers, in order. Flatten and dropout only hand them on.
  function stagesOf(layers, outputs) {
    const shown = layers.filter(({ type }) => type in SENTENCES), seen = {}, stages = [];
    let group = 0, sees = 1, step = 1;
    for (const [i, layer] of shown.entries()) {
      const { type, name } = layer, input = i ? shown[i - 1].name : layer.from[0];
      if (type === "Conv2D") group += 1;
      sees += ((layer.kernel_shape?.length === 4 ? layer.kernel_shape[0] : layer.size ?? 1) - 1) * step;
      step *= layer.strides ?? layer.size ?? 1;
      const stage = { name, layer, kind: type, input, group: type === "Dense" ? "answer" : GROUPS[group] ?? "maps",
        shape: outputs[name].shape, title: type === "Rescaling" ? "picture" : name, reach: sees };
      const many = type === "Conv2D" && layer.kernel_shape[2] === 1 ? "first" : type;
      stage.does = SENTENCES[type](stage, stages.at(-1)?.title, seen[many]);
      seen[many] = true;
      stages.push(stage);
    }
    return stages;
  }

  // For each layer a few maps to show at first. Layers that work map by map show the same maps all along.
  function chooseMaps(stages, examples, count) {
    const chosen = {};
    for (const [i, { name, kind, shape }] of stages.entries()) {
      if (shape.length === 1) { chosen[name] = Array.from({ length: shape[0] }, (_, k) => k); continue; }
      let last = i; // of the layers up to the next convolution
      while (stages[last + 1] && !["Conv2D", "Dense"].includes(stages[last + 1].kind)) last += 1;
      const begins = kind === "Conv2D" || kind === "Rescaling";
      const outputs = examples.map((example) => example[stages[last].name]);
      chosen[name] = begins ? digits.sums.choose(outputs, count) : chosen[stages[i - 1].name];
    }
    return chosen;
  }

  // The largest number of a layer, or of some maps of it, without its sign.
  function magnitude({ data, shape }, maps) {
    const count = shape.at(-1);
    return data.reduce((most, v, i) => (maps && !maps.includes(i % count) ? most : Math.max(most, Math.abs(v))), 1e-9);
  }

  // One map on a canvas of its own, a pixel a number; pictures in white on black, all else in blue and orange.
  // Cells from `until` on are only hinted at, the cell `without` is left out.
  function paintMap(canvas, output, map, { scale, ink = false, until = Infinity, without = -1 } = {}) {
    const [h, w, maps] = output.shape, { ground, blue, orange } = window.cnnbook.mapColors();
    if (canvas.width !== w || canvas.height !== h) Object.assign(canvas, { width: w, height: h });
    const context = canvas.getContext("2d"), image = context.createImageData(w, h);
    const low = ink ? [21, 24, 28] : ground, high = ink ? [255, 255, 255] : blue;
    const most = scale ?? magnitude(output, [map]);
    for (let i = 0; i < w * h; i++) {
      const share = i === without ? 0 : output.data[i * maps + map] / most, strength = Math.min(Math.abs(share), 1);
      const color = share < 0 ? orange : high, faint = i < until ? 1 : 0.12;
      for (let c = 0; c < 3; c++) image.data[4 * i + c] = low[c] + (color[c] - low[c]) * strength * faint;
      image.data[4 * i + 3] = 255;
    }
    context.putImageData(image, 0, 0);
  }

  // Arrow keys go to the nearest button in their direction; Tab enters and leaves the group as a whole.
  function roam(group) {
    const buttons = () => [...group.querySelectorAll("button")].filter((button) => button.offsetParent);
    const middle = (button) => {
      const { left, top, width, height } = button.getBoundingClientRect();
      return [left + width / 2, top + height / 2];
    };
    const DIRECTIONS = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };
    const enter = (button) => {
      for (const other of group.querySelectorAll("button")) other.tabIndex = other === button ? 0 : -1;
    };
    group.addEventListener("focusin", ({ target }) => target.matches("button") && enter(target));
    group.addEventListener("keydown", (event) => {
      const direction = DIRECTIONS[event.key], from = event.target.closest("button");
      if (!direction || !from) return;
      event.preventDefault();
      const [x, y] = middle(from), [dx, dy] = direction;
      const distance = (button) => {
        const [bx, by] = middle(button), along = (bx - x) * dx + (by - y) * dy;
        return along > 2 ? along + 3 * Math.abs((bx - x) * dy - (by - y) * dx) : Infinity;
      };
      const nearest = buttons().reduce((best, b) => (distance(b) < distance(best) ? b : best), from);
      nearest.focus();
    });
    return enter;
  }

  Object.assign(digits, { stagesOf, chooseMaps, paintMap, magnitude, roam });
})();
