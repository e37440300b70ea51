// Where did it look? A network trained on ImageNet names a photograph, and three things show what it
// went by: the heat map of a class, a square that covers a part, and the same square everywhere in turn.
"use strict";
(() => {
  const root = document.querySelector("#live-photo");
  if (!root) return;
  const { SIDE, SHOWN, CELLS, prepare, covered, paintHeat, paintScale } = cnnbook.photo;
  const { bestOf, percent, verdict, change, place, agreement, strongest } = cnnbook.photo;
  const LOOKING = "It is looking at the picture …";
  const INVITATION = "A square then lies on the picture. Move it, and watch the answer change.";
  const STEP = 8;                 // pixels that one press of an arrow key moves the square
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
    drawEmptyBars();
    find("wait").textContent = state.net ? LOOKING : `Loading the network: ${find("size").textContent}, once …`;
    try {
      await new Promise((done) => setTimeout(done, 30));   // let the page show the sentence first
      await networkReady();
      if (turn !== state.asked) return;
      find("wait").textContent = LOOKING;
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

  function sayHow({ ms }) {
    const { scaledFrom } = state.photo;
    const scaled = scaledFrom ? ` The picture had ${scaledFrom.join(" × ")} pixels and was scaled down first.` : "";
    say(`It took ${(ms / 1000).toFixed(1)} seconds, in this page.${scaled}`);
  }

  // ---- Drawing it ----------------------------------------------------------------------------------------

  const heatOf = (answer, k) => cnnbook.classActivation(answer.maps, state.dense, k);

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

  // As many rows as classes, each a button.
  function rowsOf(count) {
    const list = find("classes");
    while (list.children.length > count) list.lastChild.remove();
    while (list.children.length < count) list.append(find("row").content.cloneNode(true));
    return [...list.querySelectorAll("button")];
  }

  function drawBar(button, { name, amount, share, was }) {
    button.querySelector(".name").textContent = name;
    button.querySelector(".amount").textContent = amount;
    button.querySelector(".bar i").style.width = `${100 * share}%`;
    const mark = button.querySelector(".bar u");
    mark.hidden = was === undefined;
    mark.style.left = `${100 * (was ?? 0)}%`;
  }

  function drawEmptyBars() {
    find("verdict").textContent = "";
    find("classes").inert = true;
    for (const button of rowsOf(5)) {
      button.setAttribute("aria-pressed", false);
      button.classList.remove("best");
      drawBar(button, { name: "\u00a0", amount: "", share: 0 });
    }
  }

  // Five classes, among them the first one now and the chosen one: a bar each, and while a part is covered a mark
  // where the bar stood before.
  function drawBars() {
    const { before, now, chosen } = state, first = bestOf(now.probabilities, 1)[0];
    const guests = [...new Set([first, chosen])].filter((k) => !state.rows.includes(k)), classes = [...state.rows];
    for (const guest of guests) classes[classes.findLastIndex((k) => ![first, chosen].includes(k))] = guest;
    find("classes").inert = false;
    rowsOf(classes.length).forEach((button, i) => {
      const k = classes[i], p = now.probabilities[k];
      button.dataset.class = k;
      button.setAttribute("aria-pressed", k === chosen);
      button.classList.toggle("best", k === first);
      const was = state.cover.on ? before.probabilities[k] : undefined;
      drawBar(button, { name: nameOf(k), amount: percent(p), share: p, was });
    });
  }

  function showAll() {
    if (!state.now) return;
    drawStage();
    drawBars();
    find("verdict").innerHTML = verdict(state.now.probabilities, state.names);
    const both = [state.before.probabilities, state.now.probabilities];
    const words = state.cover.on ? change(...both, state.chosen, state.names) : "";
    if (root.dataset.state === "answered" || !words) find("change").innerHTML = words || INVITATION;
    find("hint").hidden = state.cover.on;
    find("hint-covered").hidden = !state.cover.on;
    drawPair();
  }

  // ---- The square --------------------------------------------------------------------------------------

  function setCover(on) {
    state.cover.on = on;
    find("cover").textContent = on ? "Take the cover away" : "Cover a part and ask again";
    find("cover").classList.toggle("main", !on);
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
      if (event.key === "Escape" || event.key === "Enter") {
        setCover(false);
        moveTo(state.cover.x, state.cover.y);
        find("cover").focus();
        event.preventDefault();
      }
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
    drawPair(started);
    find("stop").focus({ preventScroll: true });
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
    if (state.sweep !== sweep || photo !== state.photo || !before) return;
    const held = document.activeElement === find("stop");
    if (!sweep.done && state.pair === "sweep") state.pair = null;
    drawPair();
    if (held) find("sweep").focus({ preventScroll: true });
  }

  // How far the score of a class falls when a cell is covered, as shares of the largest fall.
  function fallsOf({ logits }, k) {
    const falls = Float32Array.from({ length: CELLS * CELLS }, (_, cell) =>
      cell < logits.length ? state.before.logits[k] - logits[cell][k] : 0);
    return { falls, largest: Math.max(...falls.map(Math.abs)) || 1 };
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
    find("loses").hidden = !isSweep;
    if (!pair) return;
    look.cells = isSweep || find("cells").checked;
    paintOver("left", left, look, `Heat map of <b>${nameOf(chosen)}</b>`);
    if (isSweep) {
      const { falls, largest } = fallsOf(sweep, chosen), map = falls.map((fall) => fall / largest);
      const words = `What <b>${nameOf(chosen)}</b> loses when a place is covered`;
      paintOver("right", map, { ...look, signed: true }, words, running && sweep.spot);
      find("agree").textContent = running ? "" : `${agreement(left, falls)} ${strongest(falls)}`;
      if (running) showProgress(sweep.logits.length, started);
    } else {
      const { other } = state;
      paintOver("right", heatOf(before, other), look, `Heat map of <b>${nameOf(other)}</b>`);
      find("agree").textContent = "Each map has a scale of its own, so compare the places, not the brightness.";
    }
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
    let image = null;
    try {
      image = await createImageBitmap(file, { imageOrientation: "from-image" });
    } catch {
      return say(`${name} is no picture that this browser can read. Try a JPEG, a PNG or a WebP.`);
    }
    await choose(image, "own");
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
      words.textContent = cnnbook.describe(await state.net.compare(), { heatMaps: true });
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
    paintScale(find("scale"));
    paintScale(find("loses-scale"), true);
  }

  async function offerPhotos() {
    await cnnbook.script("live/photos.js");
    for (const button of root.querySelectorAll("[data-photo]")) {
      const { src, alt, title } = cnnbook.photos[button.dataset.photo], image = new Image();
      Object.assign(image, { src, alt: "" });
      await image.decode();
      button.prepend(image);
      button.title = alt || title;
      button.addEventListener("click", () => choose(image, button.dataset.photo));
    }
  }

  async function start() {
    wire();
    await offerPhotos().catch(() => say("The book's photographs did not load; your own will do."));
    find("choices").hidden = find("foot").hidden = false;
    root.dataset.ready = "yes";
  }
  Object.assign(cnnbook.photo, { state, heatOf });            // for tests, and for the curious
  cnnbook.whenNear(root, start);
})();
