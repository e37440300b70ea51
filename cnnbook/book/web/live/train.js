// Train it here: softmax regression learns to read small digits, batch by batch, while one looks on.
// The sums are in train_sums.js, the valley with one weight in train_valley.js.
"use strict";
(() => {
  const root = document.querySelector("#live-train");
  if (!root) return;
  const find = (name) => root.querySelector(`#train-${name}`);
  const { Run, answer, best, zeros, gradient, step, judge, LN10 } = TrainSums;
  const RATES = [0.001, 0.003, 0.01, 0.03, 0.1, 0.2, 0.5, 1, 2, 5, 10, 20, 50];
  const SIZES = [1, 4, 16, 32, 64, 128, 500, 2000];
  const NAMES = ["A", "B", "C"], MOST_EPOCHS = 20, RACE_EPOCHS = 3, SHOWN_DIGITS = 20, FRAME_MS = 10;
  const LEAST_PEAK = 0.03; // twice the standard error of an accuracy on 500 digits, which is 0.014 or less
  const RACES = { rates: [[50, 32], [0.01, 32], [0.5, 32]], batches: [[0.1, 500], [0.1, 1], [0.1, 32]] };

  const element = (name, properties = {}) => Object.assign(document.createElement(name), properties);
  const some = (count, word) => `${count.toLocaleString("en")} ${word}${count === 1 ? "" : "s"}`;
  const percent = (share) => `${(100 * share).toFixed(1)}\u00a0%`; // not torn apart at the end of a line
  const number = (value) => {
    if (!Number.isFinite(value)) return "infinite";
    return value.toFixed(value < 10 ? 2 : value < 1000 ? 1 : 0);
  };
  const color = (name) => { // a variable of look.css as [r, g, b]
    const text = getComputedStyle(root).getPropertyValue(name).trim();
    const full = text.length === 4 ? `#${[...text.slice(1)].map((c) => c + c).join("")}` : text;
    return [1, 3, 5].map((at) => parseInt(full.slice(at, at + 2), 16));
  };

  let data, runs = [], group = [], goal = 0, target = 0, playing = 0, before = 0, lossChart, rightChart;
  const current = () => runs[runs.length - 1];

  // ---- Runs ----
  function settings() {
    return { rate: RATES[Number(find("sgd-rate").value)], batch: SIZES[Number(find("size").value)] };
  }
  function newRun(how = settings()) {
    const free = NAMES.find((name) => !runs.some((run) => run.name === name));
    runs.push(Object.assign(new Run(data.train, data.test, how), { name: free }));
    [group, goal] = [[current()], MOST_EPOCHS];
  }
  function changeSettings() { // a run that has begun stays on the chart; the next one starts from 0
    pause();
    if (current().steps === 0) runs.pop();
    else if (runs.length === NAMES.length) runs.shift();
    newRun();
    showSettings();
    show();
    const { rate, batch } = current(), kept = runs.length > 1 ? " What ran before stays on the chart." : "";
    find("told").textContent = `A new run, rate ${rate} and batch ${batch.toLocaleString("en")}: press Play.${kept}`;
  }
  function restart() {
    pause();
    const again = group.map((run) => Object.assign(new Run(data.train, data.test, run), { name: run.name }));
    runs = [...runs.filter((run) => !group.includes(run)), ...again];
    group = again;
    show();
    find("told").textContent = "All weights are 0 again: a guess, with the same probability for each digit.";
  }
  function race(hows) { // three runs learn side by side, the last one is shown in pictures
    pause();
    runs = [];
    for (const how of hows) newRun(how);
    [group, goal] = [runs.slice(), RACE_EPOCHS];
    find("sgd-rate").value = RATES.indexOf(current().rate);
    find("size").value = SIZES.indexOf(current().batch);
    showSettings();
    play();
  }
  function clear() {
    pause();
    runs = group = [current()];
    show();
    tell();
  }
  function showSettings() {
    const { rate, batch } = settings();
    const words = { rate: String(rate), batch: batch.toLocaleString("en") };
    find("sgd-rate-now").textContent = words.rate;
    find("size-now").textContent = words.batch;
    find("sgd-rate").setAttribute("aria-valuetext", words.rate);
    find("size").setAttribute("aria-valuetext", `${words.batch} digits`);
  }

  // ---- Learning, a slice a frame, so that the page stays awake ----
  // All runs of the group are to have seen `target` digits, so that they keep in step with each other.
  function frame(now) {
    target += Math.min(0.1, (now - before) / 1000) * Number(find("pace").value) * data.train.labels.length;
    before = now;
    const inTime = group.map((run) => advance(run, performance.now() + FRAME_MS / group.length));
    if (inTime.includes(false)) target = Math.min(...group.map((run) => run.seen + run.nextSize)); // a slow machine
    show();
    if (group.every((run) => run.epochs >= goal)) pause();
    else playing = requestAnimationFrame(frame);
  }
  function advance(run, until) { // says whether there was time enough
    while (run.epochs < goal && run.seen + run.nextSize <= target) {
      run.next();
      if (performance.now() > until) return false;
    }
    return true;
  }
  function play() {
    if (playing) { pause(); return; }
    if (group.every((run) => run.epochs >= goal)) {
      if (goal < MOST_EPOCHS) goal = MOST_EPOCHS; else changeSettings();
    }
    find("play").textContent = "Pause";
    find("told").textContent = "";
    before = performance.now();
    target = Math.max(...group.map((run) => run.seen + run.nextSize)); // something happens at once
    playing = requestAnimationFrame(frame);
  }
  function pause() {
    if (!playing) return;
    cancelAnimationFrame(playing);
    playing = 0;
    find("play").textContent = "Play";
    for (const run of group) run.test();
    show();
    tell();
  }
  function oneBatch() {
    pause();
    for (const run of group) {
      run.lately = run.next();
      run.test();
    }
    show();
    const { steps, lately, rate, accuracy } = current();
    find("told").textContent = `Step ${steps}: the loss of this batch was ${number(lately)}, and each weight went`
      + ` ${rate} × its slope downhill. ${percent(accuracy)} of the unseen digits are right.`;
  }

  // ---- What happened, in a sentence ----
  function tell() {
    const run = current();
    if (!run.steps) return;
    const words = group.length > 1 ? group.map(storyOf) : [storyOf(run), memoryOf(run)];
    find("told").textContent = [...words, comparisonOf()].filter(Boolean).join(" ");
  }
  function storyOf(run) {
    const losses = run.epochLosses, last = number(run.recentLoss), previous = number(losses[losses.length - 2] ?? LN10);
    const length = run.epochs < 1 ? some(run.seen, "digit") : some(Number(run.epochs.toFixed(1)), "epoch");
    const guess = number(LN10);
    const what = {
      "worse than guessing": `its loss is ${last}, worse than the ${guess} of guessing, because it is very sure of its`
        + " mistakes: the steps are too long.",
      "hardly moves": `it has hardly moved. The loss is ${last}, that of guessing ${guess}.`,
      begins: `the loss has come from ${guess} to ${last}.`,
      falls: `the loss is still falling, from ${previous} to ${last} in the last epoch.`,
      "falls slowly": `the loss falls slowly now, from ${previous} to ${last} in the last epoch.`,
      rises: `the loss rises again, from ${previous} to ${last} in the last epoch: the steps are too long to settle.`,
      "is level": `the loss has levelled off at ${last}.`,
    }[run.verdict];
    return `Run ${run.name}, ${length}: ${what}`;
  }
  function memoryOf(run) { // has it gone on learning what it is tested on?
    const [when, most] = run.accuracies.reduce((top, each) => (each[1] > top[1] ? each : top));
    const isPeak = most - run.accuracy >= LEAST_PEAK;
    const peak = isPeak ? `; the most was ${percent(most)}, after ${when.toFixed(1)} epochs` : "";
    return `It reads ${percent(run.accuracy)} of the unseen digits${peak}.`;
  }
  function comparisonOf() { // at the same number of epochs, which is fair
    const begun = runs.filter((each) => each.steps);
    if (begun.length < 2) return "";
    const epochs = Math.min(...begun.map((each) => each.epochs));
    const at = (each) => each.accuracies.filter(([x]) => x <= epochs + 1e-9).pop()[1];
    const words = begun.map((each) => `${each.name} ${percent(at(each))}`).join(", ");
    return `After the same ${some(Number(epochs.toFixed(1)), "epoch")}: ${words}.`;
  }

  // ---- Charts and table ----
  function drawCharts() {
    const longest = Math.max(goal < MOST_EPOCHS ? goal : 0, ...runs.map((run) => run.epochs));
    const ends = [1, 2, 3, 5, 10, 20].find((end) => longest <= end) ?? 20;
    const apart = { 1: 0.5, 2: 0.5, 3: 1, 5: 1, 10: 2, 20: 5 }[ends];
    const ticks = Array.from({ length: ends / apart + 1 }, (_, i) => i * apart);
    for (const chart of [lossChart, rightChart]) {
      chart.x = [0, ends];
      chart.begin();
    }
    lossChart.axes(ticks, [0, 0.5, 1, 1.5, 2, 2.5]);
    rightChart.axes(ticks, [0, 20, 40, 60, 80, 100]);
    lossChart.line([[0, LN10], [ends, LN10]], "guess");
    lossChart.word(lossChart.toX(ends), lossChart.toY(LN10) - 6, `guessing: ${number(LN10)}`, "end");
    rightChart.line([[0, 10], [ends, 10]], "guess");
    rightChart.word(rightChart.toX(ends), rightChart.toY(10) - 6, "guessing: 10 %", "end");
    drawLines(lossChart, (run) => [[0, LN10], ...run.losses]);
    drawLines(rightChart, (run) => run.accuracies.map(([x, share]) => [x, 100 * share]));
    lossChart.end();
    rightChart.end();
  }
  function drawLines(chart, pointsOf) { // each with its letter at the end, one below the other where they meet
    const letters = [];
    for (const run of runs) {
      const points = pointsOf(run), [x, y] = points[points.length - 1];
      chart.line(points, `run-${run.name}`);
      const high = Math.max(chart.margin.top + 4, chart.toY(chart.inside(y)));
      if (points.length > 1) letters.push({ x, high, text: y > chart.y[1] ? `${run.name} ↑` : run.name });
    }
    letters.sort((one, other) => one.high - other.high);
    let last = -Infinity;
    for (const { x, high, text } of letters) {
      last = Math.max(high, last + 13);
      chart.word(chart.toX(x) + 5, last + 4, text, "start", "letter");
    }
  }
  function drawTable() {
    find("runs").replaceChildren(...runs.map((run) => {
      const row = element("tr"), name = element("th", { scope: "row" });
      name.innerHTML = '<svg width="34" height="10" aria-hidden="true">'
        + `<line class="line run-${run.name}" x1="1" x2="33" y1="5" y2="5"/></svg> ${run.name}`;
      const cells = [run.rate, run.batch.toLocaleString("en"), run.epochs.toFixed(1), run.steps.toLocaleString("en"),
        run.steps ? number(run.recentLoss) : number(LN10), percent(run.accuracy)];
      row.append(name, ...cells.map((text) => element("td", { textContent: text })));
      if (run === current()) row.className = "now";
      return row;
    }));
    find("clear").disabled = runs.length < 2;
  }

  // ---- Weights and digits ----
  function buildPictures() {
    const { side } = data;
    for (let digit = 0; digit < 10; digit++) {
      const canvas = element("canvas", { width: side, height: side }), holder = element("div");
      canvas.setAttribute("role", "img");
      canvas.setAttribute("aria-label", `Weights of the digit ${digit}`);
      holder.append(canvas, element("span", { textContent: digit }));
      find("templates").append(holder);
    }
    const { images, labels } = data.test;
    for (let index = 0; index < SHOWN_DIGITS; index++) {
      const canvas = element("canvas", { width: side, height: side }), holder = element("div");
      const context = canvas.getContext("2d"), image = context.createImageData(side, side);
      const pixels = images.subarray(index * side * side, (index + 1) * side * side);
      pixels.forEach((pixel, i) => image.data.set([pixel, pixel, pixel, 255], 4 * i));
      context.putImageData(image, 0, 0);
      canvas.setAttribute("role", "img");
      canvas.setAttribute("aria-label", `An unseen ${labels[index]}`);
      holder.append(canvas, element("span"));
      find("digits").append(holder);
    }
  }
  function drawWeights() {
    const { kernel, classes, inputs } = current().model;
    const most = kernel.reduce((top, weight) => Math.max(top, Math.abs(weight)), 1e-9);
    const ground = color("--tint"), up = color("--blue"), down = color("--orange");
    [...find("templates").children].forEach(({ firstChild: canvas }, k) => {
      const context = canvas.getContext("2d"), image = context.createImageData(canvas.width, canvas.height);
      for (let i = 0; i < inputs; i++) {
        const weight = kernel[i * classes + k], end = weight < 0 ? down : up, share = Math.abs(weight) / most;
        image.data.set([...ground.map((from, c) => from + (end[c] - from) * share), 255], 4 * i);
      }
      context.putImageData(image, 0, 0);
    });
  }
  function drawAnswers() {
    const run = current(), { images, labels } = data.test, p = new Float64Array(10);
    let right = 0;
    [...find("digits").children].forEach((holder, index) => {
      const digit = best(answer(run.model, images, index, p)), fine = digit === labels[index], word = holder.lastChild;
      if (fine) right += 1;
      holder.className = run.steps ? (fine ? "right" : "wrong") : "";
      word.textContent = run.steps ? (fine ? `${digit} ✓` : `${digit} ✗`) : "?";
      word.title = run.steps && !fine ? `It is a ${labels[index]}` : "";
    });
    const score = run.steps ? `${right} of these ${SHOWN_DIGITS} are right (✓)` : "nothing yet";
    find("score").textContent = `and what ${runs.length > 1 ? `run ${run.name}` : "the network"} reads: ${score}`;
    find("whose").textContent = runs.length > 1 ? ` in run ${run.name}` : "";
  }
  function show() {
    drawCharts();
    drawTable();
    drawWeights();
    drawAnswers();
  }

  // ---- Compare with Keras ----
  async function check() {
    find("checked").textContent = "Comparing …";
    try {
      await cnnbook.script("live/train_checks.js");
      const checks = window.CNN_TRAIN_CHECKS, model = zeros(data.side ** 2);
      let loss = 0, weight = 0;
      checks.losses.forEach((theirs, k) => {
        const batch = Array.from({ length: checks.batch }, (_, i) => k * checks.batch + i);
        const slopes = gradient(model, data.train, batch);
        step(model, slopes, checks.rate);
        loss = Math.max(loss, Math.abs(slopes.loss - theirs));
      });
      const kernel = new Float32Array(cnnbook.bytes(checks.kernel).buffer);
      kernel.forEach((theirs, i) => { weight = Math.max(weight, Math.abs(theirs - model.kernel[i])); });
      const { accuracy } = judge(model, data.test), apart = Math.abs(accuracy - checks.accuracy);
      const fine = loss < 1e-4 && weight < 1e-4 && apart < 1e-6;
      find("checked").textContent = `${fine ? "The same" : "Not the same"} after ${checks.losses.length} steps as in`
        + ` Keras, the library that this book trains with: losses differ by at most ${cnnbook.scientific(loss)},`
        + ` weights by ${cnnbook.scientific(weight)}. Keras reads ${percent(checks.accuracy)} of the unseen digits,`
        + ` this page ${percent(accuracy)}.`;
      find("checked").dataset.fine = fine ? "yes" : "no";
    } catch (error) {
      find("checked").textContent = `The stored answers cannot be read: ${error.message}`;
    }
  }

  // ---- Start ----
  function wire() {
    find("play").onclick = play;
    find("batch-one").onclick = oneBatch;
    find("reset").onclick = restart;
    find("clear").onclick = clear;
    find("check").onclick = check;
    for (const [name, hows] of Object.entries(RACES)) {
      find(`race-${name}`).onclick = () => race(hows.map(([rate, batch]) => ({ rate, batch })));
    }
    for (const name of ["sgd-rate", "size"]) {
      find(name).oninput = showSettings;
      find(name).onchange = changeSettings;
    }
    cnnbook.onTheme(show);
    new ResizeObserver(drawCharts).observe(find("loss"));
  }
  function showPhoto() {
    const photo = find("photo");
    const alt = "The photograph of a cat, as bright as the weight makes it";
    Object.assign(photo, { src: cnnbook.small_photos.cat.src, hidden: false, alt });
  }
  async function start() {
    await cnnbook.script("live/train_digits.js");
    data = cnnbook.train_digits;
    find("count").textContent = data.train.labels.length.toLocaleString("en");
    find("unseen-count").textContent = data.test.labels.length.toLocaleString("en");
    root.querySelector(".still").hidden = true;
    root.querySelector(".works").hidden = false;
    new TrainValley(root);
    cnnbook.script("live/small_photos.js").then(showPhoto, () => {}); // without it the valley works as well
    find("sgd-rate").value = RATES.indexOf(0.5);
    find("size").value = SIZES.indexOf(32);
    const names = { x: "epochs" }, margin = { top: 10, right: 26, bottom: 40, left: 36 };
    lossChart = new TrainChart(find("loss"), { x: [0, 2], y: [0, 2.6], height: 230, names, margin });
    rightChart = new TrainChart(find("right"), { x: [0, 2], y: [0, 100], height: 230, names, margin });
    buildPictures();
    showSettings();
    newRun();
    show();
    wire();
    root.dataset.ready = "yes";
  }
  cnnbook.beginNear(root, start);
})();
