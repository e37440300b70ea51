// A kernel of your own: nine or twenty-five numbers, a picture, and the map that they make of it.
// The sums themselves are in kernel_sums.js.
"use strict";
(() => {
  const root = document.querySelector("#live-kernel");
  if (!root) return;
  const find = (name) => root.querySelector(`#kernel-${name}`);
  const { convolve, productsAt, rotated, resized, numberFrom } = KernelSums;

  const PRESETS = [ // name, numbers, what it asks of each place
    ["vertical edges", "-1 0 1  -2 0 2  -1 0 1", "brighter to the right is positive, darker negative"],
    ["horizontal edges", "-1 -2 -1  0 0 0  1 2 1", "brighter below is positive, darker negative"],
    ["outline", "-1 -1 -1  -1 8 -1  -1 -1 -1", "how far is a pixel from the mean of its neighbours?"],
    ["sharpen", "0 -1 0  -1 5 -1  0 -1 0", "the picture, and its outline on top"],
    ["emboss", "-2 -1 0  -1 1 1  0 1 2", "the picture, lit from the upper left"],
    ["blur", "1/9 1/9 1/9  1/9 1/9 1/9  1/9 1/9 1/9", "the mean of nine pixels"],
    ["soft blur", "1/256 4/256 6/256 4/256 1/256  4/256 16/256 24/256 16/256 4/256  6/256 24/256 36/256 24/256 6/256"
      + "  4/256 16/256 24/256 16/256 4/256  1/256 4/256 6/256 4/256 1/256", "a mean in which near pixels count more"],
    ["motion", "1/5 0 0 0 0  0 1/5 0 0 0  0 0 1/5 0 0  0 0 0 1/5 0  0 0 0 0 1/5", "a mean along one line"],
    ["copy", "0 0 0  0 1 0  0 0 0", "the pixel itself, and nothing else"],
    ["move", "0 0 0  1 0 0  0 0 0", "the left neighbour: the picture moves to the right"],
    ["all zeros", "0 0 0  0 0 0  0 0 0", "nothing"],
  ].map(([name, numbers, asks]) => ({ name, texts: numbers.split(/\s+/), asks }));

  const state = {
    kernel: [], texts: [], preset: null, stride: 1, padding: 0, dilation: 1, view: "signs",
    side: 108, source: null, grey: null, map: null, row: 0, column: 0, passed: Infinity,
  };
  const settings = () => ({ stride: state.stride, padding: state.padding, dilation: state.dilation });
  const side = () => Math.sqrt(state.kernel.length);

  // ---- Words and numbers ----
  const minus = (text) => String(text).replace("-", "−");
  const round = (value) => { // as many decimals as one can read
    const size = Math.abs(value), places = size >= 1000 ? 0 : size >= 10 ? 1 : size >= 0.1 ? 2 : 3;
    return minus(Number(value.toFixed(places)).toLocaleString("en", { maximumFractionDigits: 3 }));
  };
  const inBrackets = (value) => (value < 0 ? `(${round(value)})` : round(value));
  const some = (count, one, many) => `${count} ${count === 1 ? one : many}`;
  const say = (text) => { find("status").textContent = text; };

  // ---- Colours ----
  const scratch = document.createElement("canvas").getContext("2d", { willReadFrequently: true });
  function color(name) { // a variable of look.css as [r, g, b]
    scratch.fillStyle = getComputedStyle(root).getPropertyValue(name).trim();
    return [1, 3, 5].map((at) => parseInt(scratch.fillStyle.slice(at, at + 2), 16));
  }
  const css = (name) => getComputedStyle(root).getPropertyValue(name).trim();

  // The colours of a map: the value at which they end, and a function from value to [r, g, b].
  function scaleOf(values) {
    if (state.view === "grey") {
      const high = 255;
      return { low: 0, high, of: (value) => Array(3).fill(Math.max(0, Math.min(255, (255 * value) / high))) };
    }
    const sizes = Float32Array.from(values, Math.abs).sort(); // the few largest may saturate
    const peak = sizes[Math.floor(0.995 * (sizes.length - 1))] || sizes[sizes.length - 1] || 1;
    const ground = color("--tint"), up = color("--blue"), down = color("--orange");
    const of = (value) => {
      const end = value < 0 ? down : up, share = Math.min(1, Math.abs(value) / peak);
      return ground.map((base, i) => base + (end[i] - base) * share);
    };
    return { low: -peak, high: peak, of };
  }

  // ---- Pictures ----
  // A picture as `wanted` x `wanted` grey values 0 to 255: the square in its middle, halved until it is small enough.
  function shrink(source, wanted) {
    const width = source.naturalWidth || source.width, height = source.naturalHeight || source.height;
    let size = Math.min(width, height), from = source, at = [(width - size) / 2, (height - size) / 2];
    for (;;) {
      const half = Math.ceil(size / 2), target = half > 2 * wanted ? half : wanted;
      const canvas = document.createElement("canvas");
      Object.assign(canvas, { width: target, height: target });
      const context = canvas.getContext("2d", { willReadFrequently: true });
      Object.assign(context, { imageSmoothingQuality: "high", fillStyle: "#fff" });
      context.fillRect(0, 0, target, target); // what is transparent becomes white
      context.drawImage(from, ...at, size, size, 0, 0, target, target);
      if (target === wanted) return greyOf(context.getImageData(0, 0, wanted, wanted).data);
      [from, size, at] = [canvas, target, [0, 0]];
    }
  }
  const greyOf = (rgba) => Float32Array.from({ length: rgba.length / 4 }, (_, i) =>
    Math.round(0.299 * rgba[4 * i] + 0.587 * rgba[4 * i + 1] + 0.114 * rgba[4 * i + 2]));

  function usePicture(source, words) {
    const grey = shrink(source, state.side); // may throw: then nothing has changed
    Object.assign(state, { source, grey });
    say(words);
    changed();
  }
  async function openFile(file) {
    if (!file) return;
    try {
      const bitmap = await createImageBitmap(file);
      usePicture(bitmap, `Your picture ${file.name}, ${bitmap.width} × ${bitmap.height} pixels, is cut to a square and`
        + " made grey and small. It has not left this machine.");
      for (const button of find("photos").children) button.setAttribute("aria-pressed", "false");
    } catch {
      say(`“${file.name}” cannot be opened as a picture${file.type ? ` (it says that it is ${file.type})` : ""}.`
        + " Choose a PNG, JPEG, WebP or GIF file; the picture stays as it was.");
    }
  }

  function offerPhotos(photos) {
    for (const [name, { src, title, alt }] of Object.entries(photos)) {
      const button = document.createElement("button"), image = new Image();
      Object.assign(image, { src, alt: "" });
      Object.assign(button, { type: "button", title: alt || title });
      button.setAttribute("aria-pressed", "false");
      button.append(image, document.createElement("span"));
      button.lastChild.textContent = title;
      button.onclick = async () => {
        await image.decode();
        for (const other of find("photos").children) other.setAttribute("aria-pressed", String(other === button));
        usePicture(image, `${title}, made grey and small.`);
      };
      button.dataset.photo = name;
      find("photos").append(button);
    }
  }

  // ---- The kernel ----
  function tintOf(value, peak) { // light enough to carry ink
    if (!value || !peak) return "";
    const share = Math.round(45 * Math.min(1, Math.abs(value) / peak));
    return `color-mix(in srgb, var(${value < 0 ? "--orange" : "--blue"}) ${share}%, var(--card))`;
  }
  function tintWeights() {
    const peak = Math.max(...state.kernel.map(Math.abs));
    [...find("weights").children].forEach((input, k) => { input.style.background = tintOf(state.kernel[k], peak); });
  }

  function setKernel(kernel, texts = kernel.map(round), preset = null) {
    const rebuilt = kernel.length !== state.kernel.length;
    Object.assign(state, { kernel: [...kernel], texts: [...texts], preset });
    if (rebuilt) buildGrids();
    [...find("weights").children].forEach((input, k) => {
      input.value = minus(state.texts[k]);
      input.removeAttribute("aria-invalid");
    });
    choose("size", side());
    const sum = kernel.reduce((a, b) => a + b, 0), all = kernel.reduce((a, b) => a + Math.abs(b), 0);
    state.view = sum > 0.02 * all ? "grey" : "signs"; // does it keep some brightness? then its map is a picture
    choose("view", state.view);
    kernelChanged();
  }
  function kernelChanged() {
    const sum = state.kernel.reduce((a, b) => a + b, 0);
    find("divide").disabled = Math.abs(sum) < 1e-9 || Math.abs(sum - 1) < 1e-9;
    find("divide").title = Math.abs(sum) < 1e-9 ? "The sum is 0: one cannot divide by it" : `The sum is ${round(sum)}`;
    for (const [k, chip] of [...find("presets").children].entries()) {
      chip.setAttribute("aria-pressed", String(PRESETS[k] === state.preset));
    }
    tintWeights();
    changed();
  }
  function usePreset(preset) {
    setKernel(preset.texts.map(numberFrom), preset.texts.map((text) => shortened(text)), preset);
    say(`${preset.name[0].toUpperCase()}${preset.name.slice(1)}: ${preset.asks}.`);
  }
  const shortened = (text) => (/\/\d{3}/.test(text) ? round(numberFrom(text)) : text); // 16/256 does not fit a cell

  function typed(input, index) {
    const value = numberFrom(input.value);
    if (Number.isNaN(value)) {
      input.setAttribute("aria-invalid", "true");
      const where = `Row ${Math.floor(index / side()) + 1}, column ${(index % side()) + 1}`;
      say(`${where}: “${input.value}” is not a number of at most a million. ${round(state.kernel[index])} still`
        + " counts; write 2, −0.5 or 1/9.");
      return;
    }
    if (input.getAttribute("aria-invalid")) say("");
    input.removeAttribute("aria-invalid");
    state.kernel[index] = value;
    state.texts[index] = input.value;
    state.preset = null;
    kernelChanged();
  }
  function buildGrids() {
    const count = state.kernel.length, width = side();
    for (const name of ["patch", "weights", "products"]) {
      find(name).style.setProperty("--side", width);
      find(name).dataset.side = width;
    }
    find("patch").replaceChildren(...Array.from({ length: count }, () => document.createElement("span")));
    find("products").replaceChildren(...Array.from({ length: count }, () => document.createElement("span")));
    find("weights").replaceChildren(...Array.from({ length: count }, (_, k) => {
      const input = document.createElement("input");
      Object.assign(input, { type: "text", autocomplete: "off", spellcheck: false, inputMode: "text" });
      input.setAttribute("aria-label", `weight in row ${Math.floor(k / width) + 1}, column ${(k % width) + 1}`);
      input.oninput = () => typed(input, k);
      input.onfocus = () => input.select();
      input.onkeydown = (event) => {
        const step = { ArrowUp: 1, ArrowDown: -1 }[event.key];
        if (!step) return;
        event.preventDefault();
        input.value = minus(Number((state.kernel[k] + step).toFixed(6)));
        typed(input, k);
      };
      input.onblur = () => { // what is no number goes when one leaves
        if (input.getAttribute("aria-invalid")) { input.value = minus(state.texts[k]); typed(input, k); }
      };
      return input;
    }));
  }

  // ---- Drawing ----
  function fit(canvas) { // as many dots as the screen has
    const size = Math.round(canvas.clientWidth * Math.min(3, devicePixelRatio || 1));
    if (canvas.width !== size || canvas.height !== size) Object.assign(canvas, { width: size, height: size });
    return canvas.getContext("2d");
  }
  function raster(width, height, colorOf) {
    const canvas = document.createElement("canvas"), context = canvas.getContext("2d");
    Object.assign(canvas, { width, height });
    const image = context.createImageData(width, height);
    for (let i = 0; i < width * height; i++) image.data.set([...colorOf(i), 255], 4 * i);
    context.putImageData(image, 0, 0);
    return canvas;
  }
  let pictureRaster, mapRaster;

  function frame(context, x, y, width, height, dot) { // orange between two light lines: seen on every ground
    for (const [style, line] of [[css("--card"), 5], [css("--orange"), 2.5]]) {
      Object.assign(context, { strokeStyle: style, lineWidth: line * dot, lineJoin: "round" });
      context.strokeRect(x, y, width, height);
    }
  }
  function drawPicture() {
    const canvas = find("picture"), context = fit(canvas), dot = canvas.width / canvas.clientWidth;
    const { before, after, reach, seen } = state.map.columns;
    const whole = state.side + before + after, unit = canvas.width / whole;
    context.imageSmoothingEnabled = false;
    context.fillStyle = css("--tint");
    context.fillRect(0, 0, canvas.width, canvas.height);
    context.drawImage(pictureRaster, before * unit, before * unit, state.side * unit, state.side * unit);
    if (before + after) {
      Object.assign(context, { strokeStyle: css("--soft"), lineWidth: dot });
      context.setLineDash([3 * dot, 3 * dot]);
      context.strokeRect(before * unit, before * unit, state.side * unit, state.side * unit);
      context.setLineDash([]);
    }
    drawUnseen(context, seen, before, unit);
    const left = state.column * state.stride * unit, top = state.row * state.stride * unit;
    const outside = 2 * dot, size = reach * unit + 2 * outside;
    const clear = (start) => Math.max(1.5 * dot, Math.min(start - outside, canvas.width - size - 1.5 * dot));
    frame(context, clear(left), clear(top), size, size, dot);
    if (state.dilation > 1) drawTaps(context, left, top, unit, dot);
  }
  function drawUnseen(context, seen, before, unit) { // rows and columns that no number of the kernel ever meets
    const path = new Path2D();
    seen.forEach((yes, i) => {
      if (yes) return;
      path.rect((before + i) * unit, before * unit, unit, state.side * unit);
      path.rect(before * unit, (before + i) * unit, state.side * unit, unit);
    });
    Object.assign(context, { fillStyle: css("--orange"), globalAlpha: 0.45 });
    context.fill(path, "nonzero");
    context.globalAlpha = 1;
  }
  function drawTaps(context, left, top, unit, dot) { // the pixels that meet a number of a dilated kernel
    context.fillStyle = css("--orange");
    for (let i = 0; i < side(); i++) for (let j = 0; j < side(); j++) {
      const x = left + j * state.dilation * unit, y = top + i * state.dilation * unit;
      if (unit < 7 * dot) context.fillRect(x, y, unit, unit);
      else frame(context, x + dot, y + dot, unit - 2 * dot, unit - 2 * dot, 0.7 * dot);
    }
  }
  function drawMap() {
    const canvas = find("map"), context = fit(canvas), dot = canvas.width / canvas.clientWidth;
    const { width, height } = state.map, unit = canvas.width / Math.max(width, height);
    context.imageSmoothingEnabled = false;
    context.fillStyle = css("--tint");
    context.fillRect(0, 0, canvas.width, canvas.height);
    const passed = Math.min(state.passed, width * height);
    const rows = Math.floor(passed / width), rest = passed - rows * width;
    context.globalAlpha = passed < width * height ? 0.22 : 1; // while it plays: faint where the window has not been
    context.drawImage(mapRaster, 0, 0, width * unit, height * unit);
    context.globalAlpha = 1;
    if (passed < width * height) {
      const part = (y, w, h) => w && h && context.drawImage(mapRaster, 0, y, w, h, 0, y * unit, w * unit, h * unit);
      part(0, width, rows);
      part(rows, rest, 1);
    }
    const grow = Math.max(0, (10 * dot - unit) / 2), size = unit + 2 * grow; // a place of 3 dots is hard to see
    const clear = (place) => Math.max(1.5 * dot, Math.min(place * unit - grow, canvas.width - size - 1.5 * dot));
    frame(context, clear(state.column), clear(state.row), size, size, dot);
  }

  // ---- The sum at one place ----
  function showSum() {
    const list = productsAt(state.grey, state.side, state.side, state.kernel, settings(), state.row, state.column);
    const peak = Math.max(...list.map(({ product }) => Math.abs(product)));
    const sum = list.reduce((total, { product }) => total + product, 0);
    list.forEach(({ pixel, inside, product }, k) => {
      const cell = find("patch").children[k], result = find("products").children[k];
      cell.textContent = pixel;
      cell.className = inside ? "" : "zero";
      cell.style.background = inside ? `rgb(${pixel} ${pixel} ${pixel})` : "";
      cell.style.color = inside ? (pixel < 118 ? "#fff" : "#000") : "";
      result.textContent = round(product);
      result.className = ["", "long", "long longer"][(result.textContent.length > 3) + (result.textContent.length > 5)];
      result.style.background = tintOf(product, peak);
    });
    const met = list.filter(({ weight }) => weight), skipped = list.length - met.length;
    const terms = met.map(({ pixel, weight }) => `${pixel}·${inBrackets(weight)}`).join(" + ") || "0";
    find("patch-name").textContent = `Window at row ${state.row + 1}, column ${state.column + 1}`;
    const total = document.createElement("b");
    total.textContent = `= ${round(sum)}`;
    const zeros = skipped ? ` ${some(skipped, "weight is", "weights are")} 0 and left out here.` : "";
    const rest = document.createElement("span");
    rest.textContent = shownAs(sum) + zeros;
    find("written").replaceChildren(`${terms} `, total, rest);
    return sum;
  }
  function shownAs(sum) {
    if (state.view === "grey") {
      if (sum < 0) return "Less than 0: black in the map.";
      return sum > 255 ? "More than 255: white in the map." : "A grey of the map.";
    }
    if (Math.abs(sum) < 0.03 * state.peak) return "As pale as the ground in the map, or nearly so.";
    return sum > 0 ? "Blue in the map." : "Orange in the map.";
  }
  let saying;
  function sayPlace() { // not at every step of a key that is held down
    clearTimeout(saying);
    saying = setTimeout(() => {
      const sum = state.map.data[state.row * state.map.width + state.column];
      say(`Row ${state.row + 1}, column ${state.column + 1}: ${round(sum)}.`);
    }, 350);
  }
  function goTo(row, column, aloud = false) {
    const { width, height } = state.map, clamp = (value, count) => Math.max(0, Math.min(count - 1, value));
    Object.assign(state, { row: clamp(row, height), column: clamp(column, width) });
    redraw();
    if (aloud) sayPlace();
  }

  // ---- The size of the map ----
  const math = { // MathML, in short
    n: (value) => `<mn>${value}</mn>`,
    i: (name) => `<mi>${name}</mi>`,
    o: (sign) => `<mo>${sign}</mo>`,
    row: (...parts) => `<mrow>${parts.join("")}</mrow>`,
    whole: (...parts) => `<math display="inline"><mrow>${parts.join("")}</mrow></math>`,
  };
  // (W + zeros - K) / S + 1, or with dilation (W + zeros - D(K - 1) - 1) / S + 1
  function sizeFormula(size, zeros, dilation, side, stride) {
    const { n, o, row } = math, bracket = row(o("("), side, o("−"), n(1), o(")"));
    const reach = state.dilation === 1 ? side : row(dilation, o("·"), bracket, o("−"), n(1));
    const above = row(size, o("+"), zeros, o("−"), reach);
    return `<mfrac>${above}${stride}</mfrac>${o("+")}${n(1)}`;
  }
  function lettersOf(same) { // what each letter of the formula stands for
    const letters = { W: "pixels a side", K: "of the kernel", ...(same ? {} : { P: "of the rim" }), S: "the step",
      ...(state.dilation === 1 ? {} : { D: "the distance between the kernel's numbers" }) };
    return `${Object.entries(letters).map(([letter, what]) => `<i>${letter}</i>\u00a0${what}`).join(", ")}.`;
  }
  function showSize() {
    const { columns, width } = state.map, { before, after, exact, count } = columns, { n, i, o, row, whole } = math;
    const same = state.padding === "same", both = (size) => `${size} × ${size}`;
    const zeros = same ? row(n(before), o("+"), n(after)) : row(n(2), o("·"), n(state.padding));
    const symbols = sizeFormula(i("W"), same ? i("zeros") : row(n(2), i("P")), i("D"), i("K"), i("S"));
    const numbers = sizeFormula(n(state.side), zeros, n(state.dilation), n(side()), n(state.stride));
    const down = exact === count ? "" : "<span>rounded down:</span>";
    find("formula").innerHTML = whole(symbols) + whole(o("="), numbers)
      + whole(o("="), n(Number(exact.toFixed(2)))) + down + `<b>${both(width)}</b>`;
    find("letters").innerHTML = lettersOf(same);
    find("meaning").textContent = meaningOf(columns);
    const padded = before + after ? `, with zeros ${both(state.side + before + after)}` : "";
    find("picture-size").textContent = both(state.side) + padded;
    find("map-size").textContent = both(width);
    find("picture-key").textContent = columns.seen.includes(0) ? "Orange: no number ever meets these pixels."
      : before + after ? "Outside the dashed line: zeros." : "Grey values from 0 (black) to 255 (white).";
  }
  function meaningOf({ before, after, reach, exact, count, seen }) {
    const words = [], { stride, dilation, padding } = state;
    const tail = seen.length - 1 - seen.lastIndexOf(1), between = seen.filter((yes) => !yes).length - tail;
    if (dilation > 1) words.push(`With dilation ${dilation} a row of ${side()} numbers reaches over ${reach} pixels.`);
    if (exact === count) words.push("The last window ends exactly at the edge.");
    else words.push(`After the last window there is no room for another step of ${stride}.`);
    if (tail === 1) words.push("So the last column and the last row are never looked at.");
    else if (tail) words.push(`So the last ${tail} columns and rows are never looked at.`);
    else if (exact !== count) words.push("Only zeros of the padding are left out.");
    if (between) {
      const why = stride > reach ? "the stride is larger than the kernel" : "stride and dilation together leave gaps";
      words.push(`In between, ${some(between, "column", "columns")} and as many rows are skipped: ${why}.`);
    }
    if (padding === "same") {
      const zeros = before === after ? `${some(before, "row", "rows")} of zeros at each side`
        : `${some(before, "row", "rows")} of zeros before and ${after} after`;
      const share = stride === 1 ? "is as large as the picture"
        : `has 1/${stride} of the picture's rows and columns, rounded up`;
      words.push(`“same” puts ${zeros}, so that the map ${share}.`);
    }
    return words.join(" ");
  }
  function showKeras() {
    const padded = typeof state.padding === "number" && state.padding > 0;
    const options = [`1, ${side()}`];
    if (state.stride > 1) options.push(`strides=${state.stride}`);
    if (state.padding === "same") options.push('padding="same"');
    if (state.dilation > 1) options.push(`dilation_rate=${state.dilation}`);
    const line = `${padded ? `ZeroPadding2D(${state.padding}), ` : ""}Conv2D(${options.join(", ")}, use_bias=False)`;
    find("keras").textContent = line;
    find("refused").hidden = state.stride === 1 || state.dilation === 1;
  }
  function showScale(scale, values) {
    const cut = values.filter((value) => value < scale.low - 0.5 || value > scale.high + 0.5).length;
    find("low").textContent = state.view === "grey" ? "0" : round(scale.low);
    find("high").textContent = state.view === "grey" ? "255" : `+${round(scale.high)}`;
    find("ramp").className = state.view;
    find("ramp").title = cut ? `${some(cut, "value lies", "values lie")} beyond the ends` : "";
  }

  // ---- From a change to the screen ----
  let waiting = false;
  function redraw() { // at most once a frame
    if (waiting) return;
    waiting = true;
    requestAnimationFrame(() => {
      waiting = false;
      drawPicture();
      drawMap();
      showSum();
    });
  }
  function changed() {
    if (!state.grey) return;
    const old = state.map, map = convolve(state.grey, state.side, state.side, state.kernel, settings());
    state.map = map;
    if (old && old.width !== map.width) { // the window stays where it was in the picture
      state.row = Math.min(map.height - 1, Math.round((state.row / old.height) * map.height));
      state.column = Math.min(map.width - 1, Math.round((state.column / old.width) * map.width));
      state.passed = Infinity;
    }
    repaint();
    showSize();
    showKeras();
  }
  function repaint() {
    const scale = scaleOf(state.map.data);
    state.peak = scale.high;
    pictureRaster = raster(state.side, state.side, (i) => Array(3).fill(state.grey[i]));
    mapRaster = raster(state.map.width, state.map.height, (i) => scale.of(state.map.data[i]));
    showScale(scale, state.map.data);
    redraw();
  }

  // ---- Play ----
  let playing = 0, before = 0, owed = 0;
  function stopPlaying() {
    cancelAnimationFrame(playing);
    playing = 0;
    find("play").textContent = "Play";
  }
  function play(now) {
    const { width, height } = state.map;
    owed += Math.min(0.1, (now - before) / 1000) * Number(find("pace").value);
    before = now;
    const steps = Math.floor(owed);
    owed -= steps;
    if (steps) {
      const place = Math.min(width * height - 1, state.row * width + state.column + steps);
      state.passed = place + 1;
      goTo(Math.floor(place / width), place % width);
      if (place === width * height - 1) {
        stopPlaying();
        state.passed = Infinity;
        say(`The window has been everywhere: ${(width * height).toLocaleString("en")} sums.`);
        return;
      }
    }
    playing = requestAnimationFrame(play);
  }
  function togglePlay() {
    if (playing) { stopPlaying(); return; }
    const { width, height } = state.map;
    if (state.row * width + state.column >= width * height - 1) goTo(0, 0);
    find("play").textContent = "Pause";
    [before, owed] = [performance.now(), 1];
    state.passed = state.row * width + state.column + 1;
    playing = requestAnimationFrame(play);
  }

  // ---- Hands ----
  function pointed(canvas, event) { // the place that lies under the pointer
    const box = canvas.getBoundingClientRect(), { columns, width } = state.map;
    const share = [(event.clientX - box.left) / box.width, (event.clientY - box.top) / box.height];
    if (canvas.id === "kernel-map") return share.map((part) => Math.floor(part * width));
    const whole = state.side + columns.before + columns.after;
    return share.map((part) => Math.round((part * whole - columns.reach / 2) / state.stride));
  }
  function listen(canvas) {
    const move = (event) => {
      if (playing) { if (event.type === "pointermove") return; stopPlaying(); }
      state.passed = Infinity;
      const [column, row] = pointed(canvas, event);
      goTo(row, column);
    };
    canvas.addEventListener("pointermove", move);
    canvas.addEventListener("pointerdown", move);
  }
  function key(event) {
    const { width, height } = state.map, { row, column } = state;
    const to = {
      ArrowLeft: [row, column - 1], ArrowRight: [row, column + 1],
      ArrowUp: [row - 1, column], ArrowDown: [row + 1, column],
      Home: [row, 0], End: [row, width - 1], PageUp: [row - 10, column], PageDown: [row + 10, column],
    }[event.key];
    if (!to || event.ctrlKey || event.metaKey || event.altKey) return;
    event.preventDefault();
    if (playing) stopPlaying();
    state.passed = Infinity;
    goTo(Math.min(height - 1, to[0]), to[1], true);
  }
  const choose = (name, value) => {
    const input = find(name).querySelector(`[value="${value}"]`);
    if (input) input.checked = true;
  };
  const onChoice = (name, then) => find(name).addEventListener("change", (event) => then(event.target.value));

  function buildPresets() {
    find("presets").replaceChildren(...PRESETS.map((preset) => {
      const chip = document.createElement("button"), icon = document.createElement("i");
      const values = preset.texts.map(numberFrom), peak = Math.max(...values.map(Math.abs)) || 1;
      icon.style.setProperty("--side", Math.sqrt(values.length));
      icon.append(...values.map((value) => {
        const cell = document.createElement("b"), end = value < 0 ? "--orange" : "--blue";
        const share = Math.round((100 * Math.abs(value)) / peak);
        cell.style.background = `color-mix(in srgb, var(${end}) ${share}%, var(--line))`;
        return cell;
      }));
      icon.setAttribute("aria-hidden", "true");
      Object.assign(chip, { type: "button", title: preset.asks, onclick: () => usePreset(preset) });
      chip.append(icon, preset.name);
      return chip;
    }));
  }

  // ---- Compare with Keras ----
  const bytesOf = (text) => Uint8Array.from(atob(text), (letter) => letter.charCodeAt(0));
  async function check() {
    find("checked").textContent = "Comparing …";
    try {
      await cnnbook.script("live/kernel_checks.js");
      const { side: size, picture, cases } = window.CNN_KERNEL_CHECKS, pixels = bytesOf(picture);
      let worst = 0, values = 0, faults = 0;
      for (const { kernel, stride, padding, dilation, map, answers } of cases) {
        const ours = convolve(pixels, size, size, kernel, { stride, padding, dilation });
        const theirs = new Float32Array(bytesOf(answers).buffer);
        if (ours.width !== map || ours.data.length !== theirs.length) { faults += 1; continue; }
        theirs.forEach((value, i) => { worst = Math.max(worst, Math.abs(value - ours.data[i]) || 0); });
        values += theirs.length;
      }
      const fine = !faults && worst < 1e-2;
      find("checked").textContent = `${fine ? "The same" : "Not the same"} as in Keras, the library`
        + ` that this book trains with: ${some(cases.length, "kernel", "kernels")},`
        + ` ${values.toLocaleString("en")} sums, largest difference ${cnnbook.scientific(worst)}`
        + `${faults ? `; ${some(faults, "map has", "maps have")} another size` : ""}.`;
      find("checked").dataset.fine = fine ? "yes" : "no";
    } catch (error) {
      find("checked").textContent = `The stored answers cannot be read: ${error.message}`;
    }
  }

  // ---- Start ----
  function wire() {
    find("play").onclick = togglePlay;
    find("map").onkeydown = key;
    listen(find("map"));
    listen(find("picture"));
    onChoice("stride", (value) => { state.stride = Number(value); changed(); });
    onChoice("dilation", (value) => { state.dilation = Number(value); changed(); });
    onChoice("padding", (value) => { state.padding = value === "same" ? value : Number(value); changed(); });
    onChoice("view", (value) => { state.view = value; repaint(); });
    onChoice("size", (value) => setKernel(resized(state.kernel, Number(value)), resized(state.texts, Number(value))));
    onChoice("side", (value) => {
      const grey = shrink(state.source, Number(value));
      Object.assign(state, { side: Number(value), grey, passed: Infinity });
      stopPlaying();
      changed();
    });
    find("flip").onclick = () => setKernel(state.kernel.map((value) => -value || 0), state.texts.map(flipped));
    find("rotate").onclick = () => setKernel(rotated(state.kernel), rotated(state.texts));
    find("divide").onclick = () => {
      const sum = state.kernel.reduce((a, b) => a + b, 0);
      setKernel(state.kernel.map((value) => value / sum || 0));
      say(`Each number is divided by ${round(sum)}. Their sum is now 1, so an even area keeps its brightness.`);
    };
    find("file").onchange = (event) => { openFile(event.target.files[0]); event.target.value = ""; };
    const drop = find("drop");
    drop.ondragover = (event) => { event.preventDefault(); drop.classList.add("over"); };
    drop.ondragleave = () => drop.classList.remove("over");
    drop.ondrop = (event) => {
      event.preventDefault();
      drop.classList.remove("over");
      const [file] = event.dataTransfer.files;
      if (file) openFile(file); else say("What was dropped is not a file. Drop a picture from a folder.");
    };
    find("check").onclick = check;
    cnnbook.onTheme(repaint);
    new ResizeObserver(redraw).observe(find("map"));
  }
  const flipped = (text) => {
    const plain = String(text).trim().replace(/[−–]/g, "-");
    return Number(plain) === 0 ? "0" : plain.startsWith("-") ? plain.slice(1) : `-${plain.replace("+", "")}`;
  };

  async function start() {
    await cnnbook.script("live/small_photos.js");
    const { camera, ...others } = cnnbook.small_photos; // the grey one first
    offerPhotos({ camera, ...others });
    buildPresets();
    const first = find("photos").firstChild;
    await first.firstChild.decode();
    first.setAttribute("aria-pressed", "true");
    state.source = first.firstChild;
    state.grey = shrink(state.source, state.side);
    usePreset(PRESETS[0]);
    goTo(33, 47); // the man's head against the sky
    root.querySelector(".still").hidden = true;
    root.querySelector(".works").hidden = false;
    wire();
    redraw();
    root.dataset.ready = "yes";
  }
  cnnbook.beginNear(root, start);
})();
