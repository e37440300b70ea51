// Where did it look? A network trained on ImageNet names a photograph, and three things show what it
// went by: the heat map of a class, a square that covers a part, and the same square everywhere in turn.
"use strict";
(() => {
  const root = document.querySelector("#live-photo");
  if (!root) return;
  const { SIDE, SHOWN, resize, prepare, covered } = cnnbook.photo;
  const CELLS = 7;                // the last maps are 7 by 7
  const LOOKING = "It is looking at the picture …";
  const STEP = 8;                 // pixels that one press of an arrow key moves the square
  const INFERNO = ["000004", "1b0c41", "4a0c6b", "781c6d", "a52c60", "cf4446", "ed6925", "fb9b06", "f7d13d", "fcffa4"]
    .map((hex) => [0, 2, 4].map((at) => parseInt(hex.slice(at, at + 2), 16)));  // ten colours of Matplotlib's map
  const find = (name) => root.querySelector(`#photo-${name}`);
  const stage = find("stage"), picture = find("picture"), heat = find("heat"), square = find("square");
  const state = { asked: 0, cover: { on: false, x: 80, y: 80 } };
  // state.photo: what was chosen. state.before: the answer to it. state.now: the answer to what is shown.

  // ---- Asking the network, one picture at a time --------------------------------------------------------

  async function ask(pixels) {
    const { logits: { data: logits }, head_relu: maps, ms } = await state.net.run(pixels, ["head_relu", "logits"]);
    return { probabilities: cnnbook.softmax(logits), logits, maps, ms };
  }

  async function networkReady() {
    if (state.net) return;
    const net = await cnnbook.network("lite0");
    state.dense = await net.weights("logits");
    state.names = net.more.classes.map((name) => name.split(",")[0]);
    state.net = net;
  }

  async function choose(image, name) {
    const turn = ++state.asked;
    stopSweep();
    Object.assign(state, { photo: prepare(image), before: null, now: null, sweep: null, pair: null, other: null });
    setCover(false);
    root.dataset.state = "waiting";
    find("still").hidden = true;
    find("work").hidden = false;
    for (const button of root.querySelectorAll("[data-photo]")) {
      button.setAttribute("aria-pressed", button.dataset.photo === name);
    }
    find("own").classList.toggle("chosen", name === "own");
    drawStage();
    say("");
    find("verdict").textContent = state.net ? LOOKING : `Loading the network: ${find("size").textContent}, once …`;
    try {
      await new Promise((done) => setTimeout(done, 30));   // let the page show the sentence first
      await networkReady();
      if (turn !== state.asked) return;
      find("verdict").textContent = LOOKING;
      const answer = await ask(state.photo.pixels);
      if (turn !== state.asked) return;
      state.before = state.now = answer;
      state.rows = bestOf(answer.probabilities, 5);
      state.chosen = state.rows[0];
      find("check").hidden = false;
      root.dataset.state = "answered";
      sayHow(answer);
      showAll();
    } catch (error) {
      if (turn !== state.asked) return;
      root.dataset.state = "failed";
      say(`The network did not answer. ${error.message}`);
    }
  }

  const bestOf = (values, count) => [...values.keys()].sort((a, b) => values[b] - values[a]).slice(0, count);

  // Ask about the square where it is now. While an answer is under way only the newest wish waits.
  async function askCovered() {
    if (!state.before) return;
    const turn = ++state.asked;
    root.dataset.state = "asking";
    if (state.busy) return;
    state.busy = true;
    try {
      for (let asked = 0; asked !== state.asked;) {
        asked = state.asked;
        const { photo } = state;
        const answer = state.cover.on ? await ask(covered(photo, cover())) : state.before;
        if (photo !== state.photo || !answer) break;
        state.now = answer;                                  // while dragging, answers a little late still show
        if (asked === state.asked) root.dataset.state = "answered";
        showAll();
      }
    } catch (error) {
      if (turn === state.asked) say(`The network did not answer: ${error.message}`);
    } finally {
      state.busy = false;
    }
  }

  // ---- Saying it -----------------------------------------------------------------------------------------

  const say = (words) => { find("status").textContent = words; };
  const nameOf = (k) => state.names[k];

  function percent(p) {
    if (p > 0 && p < 0.001) return "under 0.1\u202f%";
    return `${p > 0.999 && p < 1 ? "over 99.9" : (100 * p).toFixed(1)}\u202f%`;
  }

  function sayHow({ ms }) {
    const { scaledFrom } = state.photo;
    const scaled = scaledFrom ? ` The picture had ${scaledFrom.join(" × ")} pixels and was scaled down first.` : "";
    say(`It took ${(ms / 1000).toFixed(1)} seconds, in this page.${scaled}`);
  }

  // How sure it is, in honest words: the first sentence under the photograph.
  function verdict(p) {
    const [first, second] = bestOf(p, 2), names = [nameOf(first), nameOf(second)];
    if (p[first] >= 0.9) return `It is almost sure: <b>${names[0]}</b>.`;
    if (p[first] >= 0.6) return `It leans clearly towards <b>${names[0]}</b>.`;
    if (p[second] > 0.6 * p[first]) return `It is not sure: <b>${names[0]}</b>, or perhaps <b>${names[1]}</b>.`;
    return `It is not sure: its best guess is <b>${names[0]}</b>.`;
  }

  // What covering has changed for the chosen class, and whether another class is first now.
  function change() {
    const k = state.chosen, [was, is] = [state.before.probabilities[k], state.now.probabilities[k]];
    const by = is - was, first = bestOf(state.now.probabilities, 1)[0], name = `<b>${nameOf(k)}</b>`;
    const points = `${percent(was)} to ${percent(is)}`;
    let words = `Hardly any change for ${name}: from ${points}. It can do without this part.`;
    if (by < -0.3 * was && was - is > 0.002) words = `${name} falls from ${points}: this part mattered.`;
    else if (by < -0.05 * was && was - is > 0.002) words = `${name} falls a little, from ${points}.`;
    else if (by > 0.05 * was && is - was > 0.002) words = `${name} rises from ${points}: this part spoke against it.`;
    if (first !== bestOf(state.before.probabilities, 1)[0]) words += ` Now it says <b>${nameOf(first)}</b>.`;
    return words;
  }

  // Where a map is largest, for those who cannot see it.
  function place(map) {
    const at = map.indexOf(Math.max(...map)), row = Math.floor(at / CELLS), column = at % CELLS;
    const vertical = ["top", "middle", "bottom"][Math.floor(row * 3 / CELLS)];
    const horizontal = ["left", "middle", "right"][Math.floor(column * 3 / CELLS)];
    const where = vertical === horizontal ? "in the middle" : `at the ${vertical}, ${horizontal}`;
    return `${where} (row ${row + 1}, column ${column + 1} of ${CELLS})`;
  }

  // ---- Drawing it ----------------------------------------------------------------------------------------

  // 256 colours of the heat map, from dark violet on; the black that inferno begins with is left out.
  const COLORS = Array.from({ length: 256 }, (_, i) => {
    const place = (0.1 + 0.9 * i / 255) * (INFERNO.length - 1), low = Math.min(Math.floor(place), INFERNO.length - 2);
    return INFERNO[low].map((from, c) => Math.round(from + (place - low) * (INFERNO[low + 1][c] - from)));
  });
  const AGAINST = [86, 180, 233];                             // blue: covering this raised the score

  const heatOf = (answer, k) => cnnbook.classActivation(answer.maps, state.dense, k);

  // 49 values over the picture: blown up by the bicubic filter, or each as the cell that it is.
  function paintHeat(canvas, map, { cells, strength, signed }) {
    const side = canvas.width, image = new ImageData(side, side), pixels = image.data;
    const data = Float32Array.from(map), box = [0, 0, CELLS, CELLS];
    const smooth = cells ? null : resize({ data, width: CELLS, height: CELLS, channels: 1 }, box, side);
    const cellOf = (place) => Math.floor(place * CELLS / side);
    for (let y = 0, at = 0; y < side; y++) for (let x = 0; x < side; x++, at += 4) {
      const value = cells ? map[cellOf(y) * CELLS + cellOf(x)] : smooth[y * side + x];
      const size = Math.min(Math.abs(value), 1);
      const [red, green, blue] = signed && value < 0 ? AGAINST : COLORS[Math.round(255 * size)];
      pixels[at] = red;
      pixels[at + 1] = green;
      pixels[at + 2] = blue;
      pixels[at + 3] = 255 * strength * (value < 0 && !signed ? 0 : size);
    }
    const context = canvas.getContext("2d");
    context.putImageData(image, 0, 0);
    if (cells) drawLines(context, side);
  }

  function drawLines(context, side) {
    context.strokeStyle = "#ffffff59";
    context.beginPath();
    for (let i = 1; i < CELLS; i++) {
      const at = Math.round(i * side / CELLS) + 0.5;
      context.moveTo(at, 0); context.lineTo(at, side);
      context.moveTo(0, at); context.lineTo(side, at);
    }
    context.stroke();
  }

  const strength = () => Number(find("strength").value) / 100;

  // The square as its controls say: { on, x, y, size, fill }.
  function cover() {
    const fill = find("blur").checked ? "blur" : "mean";
    return { ...state.cover, size: Number(find("cover-size").value), fill };
  }

  function drawPicture(canvas, square) {
    const context = canvas.getContext("2d"), scale = SHOWN / SIDE, { shown, mean, blurredCanvas } = state.photo;
    context.drawImage(shown, 0, 0);
    if (!square) return;
    const { x, y, size, fill } = square, to = [x, y, size, size].map((value) => value * scale);
    context.fillStyle = `rgb(${mean.map(Math.round).join(" ")})`;
    if (fill === "blur") context.drawImage(blurredCanvas, x, y, size, size, ...to);
    else context.fillRect(...to);
  }

  function drawStage() {
    const now = cover();
    drawPicture(picture, now.on && now);
    stage.style.setProperty("--grey", state.now ? strength() : 0);
    square.hidden = !now.on;
    for (const [name, value] of [["left", now.x], ["top", now.y], ["width", now.size]]) {
      square.style[name] = `${100 * value / SIDE}%`;
    }
    heat.hidden = !state.now;
    if (!state.now) return;
    const map = heatOf(state.now, state.chosen), cells = find("cells").checked;
    paintHeat(heat, map, { cells, strength: strength() });
    if (now.on) heat.getContext("2d").clearRect(now.x, now.y, now.size, now.size);
    const words = `The photograph with the heat map of ${nameOf(state.chosen)}: hottest ${place(map)}.`;
    picture.setAttribute("aria-label", now.on ? `${words} A square covers a part.` : words);
    find("scale-name").textContent = nameOf(state.chosen);
  }

  function drawScale() {
    const canvas = find("scale"), context = canvas.getContext("2d");
    for (let x = 0; x < canvas.width; x++) {
      context.fillStyle = `rgb(${COLORS[Math.round(255 * x / canvas.width)].join(" ")})`;
      context.fillRect(x, 0, 1, canvas.height);
    }
  }

  // The five classes: a bar each, and while a part is covered a mark where the bar stood before.
  function drawBars() {
    const { before, now, chosen } = state, list = find("classes");
    const first = bestOf(now.probabilities, 1)[0];
    const rows = state.rows.includes(first) ? state.rows : [...state.rows, first];
    while (list.children.length > rows.length) list.lastChild.remove();
    while (list.children.length < rows.length) list.append(find("row").content.cloneNode(true));
    rows.forEach((k, i) => {
      const button = list.children[i].firstElementChild, p = now.probabilities[k];
      const parts = [".name", ".amount", ".bar i", ".bar u"].map((part) => button.querySelector(part));
      button.dataset.class = k;
      button.setAttribute("aria-pressed", k === chosen);
      button.classList.toggle("best", k === first);
      parts[0].textContent = nameOf(k);
      parts[1].textContent = percent(p);
      parts[2].style.width = `${100 * p}%`;
      parts[3].hidden = !state.cover.on;
      parts[3].style.left = `${100 * before.probabilities[k]}%`;
    });
  }

  function showAll() {
    if (!state.now) return;
    drawStage();
    drawBars();
    find("verdict").innerHTML = verdict(state.now.probabilities);
    const words = state.cover.on ? change() : "";
    if (root.dataset.state === "answered" || !words) find("change").innerHTML = words;
    find("change").hidden = !state.cover.on;
    find("hint").hidden = state.cover.on;
    find("hint-covered").hidden = !state.cover.on;
    drawPair();
  }

  // ---- The square --------------------------------------------------------------------------------------

  function setCover(on) {
    state.cover.on = on;
    find("cover").setAttribute("aria-pressed", on);
  }

  function moveTo(x, y) {
    find("size-words").textContent = `${cover().size} pixels`;
    const limit = SIDE - cover().size, clip = (value) => Math.min(Math.max(Math.round(value), 0), limit);
    Object.assign(state.cover, { x: clip(x), y: clip(y) });
    drawStage();
    askCovered();
  }

  function dragging() {
    let grip = null;                                          // where in the square the pointer holds it
    const at = (event) => {
      const box = stage.getBoundingClientRect();
      return [(event.clientX - box.left) * SIDE / box.width, (event.clientY - box.top) * SIDE / box.height];
    };
    stage.addEventListener("pointerdown", (event) => {
      const [x, y] = at(event), { size } = cover(), onSquare = event.target === square;
      if (!state.before || event.button || (event.pointerType === "touch" && !onSquare)) return;  // a finger may scroll
      setCover(true);
      grip = onSquare ? [x - state.cover.x, y - state.cover.y] : [size / 2, size / 2];
      stage.setPointerCapture(event.pointerId);
      moveTo(x - grip[0], y - grip[1]);
      square.focus({ preventScroll: true });
      event.preventDefault();
    });
    stage.addEventListener("pointermove", (event) => {
      if (!grip) return;
      const [x, y] = at(event);
      moveTo(x - grip[0], y - grip[1]);
    });
    for (const end of ["pointerup", "pointercancel"]) stage.addEventListener(end, () => { grip = null; });
    stage.addEventListener("click", (event) => {              // a tap brings the square there
      if (!state.before || event.target === square || event.pointerType !== "touch") return;
      const [x, y] = at(event), { size } = cover();
      setCover(true);
      moveTo(x - size / 2, y - size / 2);
    });
    square.addEventListener("keydown", (event) => {
      const way = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] }[event.key];
      if (!way) return;
      const step = event.shiftKey ? 4 * STEP : STEP;
      moveTo(state.cover.x + step * way[0], state.cover.y + step * way[1]);
      event.preventDefault();
    });
  }

  // ---- Two maps side by side: another class, or the square everywhere in turn ----------------------------

  function stopSweep() {
    if (state.sweep && !state.sweep.done) state.sweep.stopped = true;
  }

  // Cover each of the 49 cells (a square around its middle), and keep all scores: then any class can be shown.
  async function sweepOver() {
    stopSweep();
    const { photo, before } = state, { size, fill } = cover();
    const sweep = { photo, size, fill, logits: [] };
    const started = performance.now();
    Object.assign(state, { sweep, pair: "sweep" });
    if (state.cover.on) { setCover(false); askCovered(); }
    try {
      while (sweep.logits.length < CELLS * CELLS && !sweep.stopped && photo === state.photo) {
        drawPair(started);
        const cell = sweep.logits.length, middle = (place) => Math.round((place + 0.5) * SIDE / CELLS - size / 2);
        const spot = { x: middle(cell % CELLS), y: middle(Math.floor(cell / CELLS)), size, fill };
        sweep.spot = spot;
        sweep.logits.push((await ask(covered(photo, spot))).logits);
      }
    } catch (error) {
      say(`The network did not answer: ${error.message}`);
      sweep.stopped = true;
    }
    sweep.done = sweep.logits.length === CELLS * CELLS;
    if (state.sweep === sweep && photo === state.photo && before) {
      if (!sweep.done && state.pair === "sweep") state.pair = null;
      drawPair();
    }
  }

  // How far the score of a class falls when a cell is covered, as shares of the largest fall.
  function fallsOf({ logits }, k) {
    const falls = Float32Array.from({ length: CELLS * CELLS }, (_, cell) =>
      cell < logits.length ? state.before.logits[k] - logits[cell][k] : 0);
    return { falls, largest: Math.max(...falls.map(Math.abs)) || 1 };
  }

  // Do two maps agree? Of the ten cells that are largest in each, so many are the same; by chance it would be two.
  function agreement(map, falls) {
    const strong = bestOf(falls, 10), same = bestOf(map, 10).filter((cell) => strong.includes(cell)).length;
    const words = same >= 6 ? "largely agree" : same >= 4 ? "agree in part" : "hardly agree";
    return `The two maps ${words}: of the ten cells that are strongest in each, ${same || "none"} ` +
      `${same > 1 ? "are" : "is"} the same. By chance it would be two.`;
  }

  function drawPair(started) {
    const { pair, sweep, before, chosen } = state, isSweep = pair === "sweep";
    if (!before) return;
    const running = isSweep && !sweep.done, left = heatOf(before, chosen), look = { strength: strength() };
    fillOthers();
    for (const figure of root.querySelectorAll(".photo-pair figure")) figure.hidden = !pair;
    find("sweep-progress").hidden = find("stop").hidden = !running;
    find("sweep").hidden = Boolean(running);
    find("agree").hidden = !pair;
    if (!pair) return;
    look.cells = isSweep || find("cells").checked;
    paintOver("left", left, look, `Heat map of <b>${nameOf(chosen)}</b>`);
    if (isSweep) {
      const { falls, largest } = fallsOf(sweep, chosen), map = falls.map((fall) => fall / largest);
      const words = `What <b>${nameOf(chosen)}</b> loses when a place is covered`;
      paintOver("right", map, { ...look, signed: true }, words, running && sweep.spot);
      find("agree").textContent = running ? "" : `${agreement(left, falls)} ${strongest(falls, sweep)}`;
      if (running) showProgress(sweep.logits.length, started);
    } else {
      const { other } = state;
      paintOver("right", heatOf(before, other), look, `Heat map of <b>${nameOf(other)}</b>`);
      find("agree").textContent = "Each map has a scale of its own, so compare the places, not the brightness.";
    }
  }

  // Where covering lowered the score most, and how far it raised the score elsewhere.
  function strongest(falls, { size }) {
    const cell = bestOf(falls, 1)[0], where = `row ${Math.floor(cell / CELLS) + 1}, column ${cell % CELLS + 1}`;
    const least = Math.min(...falls), rise = least < 0 ? ` Blue places raise it, by up to ${(-least).toFixed(1)}.` : "";
    const most = falls[cell] > 0 ? `falls most, by ${falls[cell].toFixed(1)}, behind` : "falls nowhere, and rises least behind";
    return `The score (before softmax) ${most} a square of ${size} pixels at ${where}.${rise}`;
  }

  function showProgress(done, started) {
    const all = CELLS * CELLS, left = done ? (performance.now() - started) / done * (all - done) / 1000 : 0;
    find("progress").value = done;
    find("progress-words").textContent = `${done} of ${all}` + (done > 1 ? `, ${Math.ceil(left)} s left` : "");
  }

  function paintOver(side, map, look, caption, spot) {
    const canvas = find(`${side}-picture`), top = find(`${side}-heat`);
    drawPicture(canvas, spot);
    canvas.parentElement.style.setProperty("--grey", look.strength);
    paintHeat(top, map, look);
    find(`${side}-name`).innerHTML = caption;
    canvas.setAttribute("aria-label", `${find(`${side}-name`).textContent}: strongest ${place(map)}.`);
  }

  // The other classes; the first line of the list stands for none.
  function fillOthers() {
    const select = find("other"), others = state.rows.filter((k) => k !== state.chosen);
    if (state.pair === "class" && !others.includes(state.other)) state.other = others[0];
    const none = new Option(state.pair === "class" ? "nothing" : "another class …", "");
    select.replaceChildren(none, ...others.map((k) => new Option(`the map of ${nameOf(k)}`, k)));
    select.value = state.pair === "class" ? state.other : "";
  }

  // ---- One's own picture -------------------------------------------------------------------------------

  async function open(file) {
    if (!file) return;
    const name = file.name ? `“${file.name}”` : "What you pasted";
    if (file.size > 1e8) return say(`${name} is larger than 100 MB. Make it smaller first.`);
    say(`Reading ${name} …`);
    try {
      await choose(await createImageBitmap(file, { imageOrientation: "from-image" }), "own");
    } catch {
      say(`${name} is no picture that this browser can read. Try a JPEG, a PNG or a WebP.`);
    }
  }

  function ownPictures() {
    const input = find("file");
    input.addEventListener("change", () => { open(input.files[0]); input.value = ""; });
    root.addEventListener("dragover", (event) => { event.preventDefault(); root.classList.add("over"); });
    root.addEventListener("dragleave", (event) => {
      if (!root.contains(event.relatedTarget)) root.classList.remove("over");
    });
    root.addEventListener("drop", (event) => {
      event.preventDefault();
      root.classList.remove("over");
      const file = event.dataTransfer.files[0];
      if (file) open(file); else say("Drop a file from your machine; what came was no file.");
    });
    document.addEventListener("paste", (event) => {
      const file = [...(event.clipboardData?.files ?? [])][0], { top, bottom } = root.getBoundingClientRect();
      if (file && top < innerHeight && bottom > 0) open(file);
    });
  }

  // ---- Wiring --------------------------------------------------------------------------------------------

  async function check() {
    const button = find("check"), words = find("checked");
    button.disabled = true;
    words.textContent = "Comparing with the answers that Keras gave …";
    try {
      await networkReady();
      words.textContent = cnnbook.describe(await state.net.compare());
    } catch (error) {
      words.textContent = `The check did not run: ${error.message}`;
    }
    button.disabled = false;
  }

  function wire() {
    find("classes").addEventListener("click", ({ target }) => {
      const button = target.closest("button");
      if (!button) return;
      state.chosen = Number(button.dataset.class);
      showAll();
    });
    find("cover").addEventListener("click", () => {
      setCover(!state.cover.on);
      moveTo(state.cover.x, state.cover.y);
      if (state.cover.on) square.focus({ preventScroll: true });
    });
    find("cover-size").addEventListener("input", () => moveTo(state.cover.x, state.cover.y));
    for (const name of ["mean", "blur"]) find(name).addEventListener("change", () => { drawStage(); askCovered(); });
    find("strength").addEventListener("input", () => { drawStage(); drawPair(); });
    find("cells").addEventListener("change", () => { drawStage(); drawPair(); });
    find("other").addEventListener("change", ({ target: { value } }) => {
      stopSweep();
      Object.assign(state, { other: Number(value), pair: value ? "class" : null });
      drawPair();
    });
    find("sweep").addEventListener("click", sweepOver);
    find("stop").addEventListener("click", stopSweep);
    find("check").addEventListener("click", check);
    dragging();
    ownPictures();
    drawScale();
  }

  async function offerPhotos() {
    await cnnbook.script("live/photos.js");
    for (const button of root.querySelectorAll("[data-photo]")) {
      const { src, alt, title } = cnnbook.photos[button.dataset.photo], image = new Image();
      Object.assign(image, { src, alt: "" });
      button.prepend(image);
      button.title = alt || title;
      button.addEventListener("click", async () => { await image.decode(); choose(image, button.dataset.photo); });
    }
  }

  async function start() {
    wire();
    await offerPhotos().catch(() => say("The book's photographs did not load; your own will do."));
    find("choices").hidden = find("foot").hidden = false;
    root.dataset.ready = "yes";
  }
  Object.assign(cnnbook.photo, { state, heatOf });            // for tests, and for the curious
  new IntersectionObserver(([entry], observer) => {             // the photographs load when the piece comes near
    if (!entry.isIntersecting) return;
    observer.disconnect();
    start();
  }, { rootMargin: "800px" }).observe(root);
})();
