// A plane full of digits: two numbers, and what the decoder of chapter 19 draws of them.
// The sums are in latent_sums.js, the plane in latent_plane.js, the network itself is computed by engine.js.
"use strict";
(() => {
  const root = document.querySelector("#live-latent");
  if (!root) return;
  const find = (name) => root.querySelector(`#latent-${name}`);
  const { numbersOf, between, ends, along, apart, isInside } = LatentSums, { number, shade } = LatentPlane;
  const SIDE = 28, STOPS = 9, WALK_MS = 6000, SAY_MS = 250, KINDS = ["", "the same kind", "two kinds", "three kinds"];
  const calm = matchMedia("(prefers-reduced-motion: reduce)");
  let digits, decoder, plane, stops = [], walking = 0, share = 0, saying = 0;

  const element = (kind, more = {}) => Object.assign(document.createElement(kind), more);
  const draw = (point) => decoder.run(point, ["drawing"]).drawing.data;
  const a = (label) => (label === 8 ? "an 8" : `a ${label}`);

  // ---- Pictures ----
  function paint(canvas, shares) {
    const context = canvas.getContext("2d"), image = context.createImageData(SIDE, SIDE);
    shares.forEach((value, i) => image.data.set(shade(value), 4 * i));
    context.putImageData(image, 0, 0);
  }
  function picture(label) {
    const canvas = element("canvas", { width: SIDE, height: SIDE });
    if (label) canvas.setAttribute("role", "img");
    canvas.setAttribute(label ? "aria-label" : "aria-hidden", label || "true");
    return canvas;
  }
  async function readDigits() {
    const { codes, labels, picture: source, across, near } = cnnbook.latent_digits, sheet = new Image();
    sheet.src = source;
    await sheet.decode();
    const canvas = element("canvas", { width: sheet.width, height: sheet.height });
    const context = canvas.getContext("2d", { willReadFrequently: true });
    context.drawImage(sheet, 0, 0);
    const pixels = (i) => {
      const { data } = context.getImageData(SIDE * (i % across), SIDE * Math.floor(i / across), SIDE, SIDE);
      return Float32Array.from({ length: SIDE * SIDE }, (_, k) => data[4 * k] / 255);
    };
    return { codes: new Float32Array(cnnbook.bytes(codes).buffer), labels: cnnbook.bytes(labels), near, pixels };
  }

  // ---- What one sees at a point ----
  function show({ point, found, isNear }) {
    paint(find("drawing"), draw(point));
    find("first").textContent = number(point[0]);
    find("second").textContent = number(point[1]);
    find("found").hidden = !isNear;
    find("none").hidden = isNear;
    [...find("found").children].forEach((card, i) => {
      const { index, distance } = found[i], label = digits.labels[index];
      paint(card.querySelector("canvas"), digits.pixels(index));
      card.querySelector("b").textContent = a(label);
      card.querySelector("span").textContent = `${number(distance)} away`;
    });
    find("farther").textContent = `${a(digits.labels[found[0].index])}, ${number(found[0].distance)} away`;
    markStop(point);
    clearTimeout(saying);
    saying = setTimeout(() => say(point, found, isNear), SAY_MS);
  }
  function say(point, found, isNear) { // when the point has come to rest
    const where = point.map((value) => number(value)).join(" and ");
    const one = a(digits.labels[found[0].index]), distance = number(found[0].distance);
    const kinds = new Set(found.map(({ index }) => digits.labels[index])).size;
    const what = isNear ? `the nearest is ${one}, ${distance} away, and the three are of ${KINDS[kinds]}.`
      : `no digit near here. The nearest, ${one}, is ${distance} away: what you see, nobody wrote.`;
    find("said").textContent = `At ${where}: ${what}`;
  }

  // ---- A walk ----
  function chooseWay() {
    stop();
    const [from, to] = ["from", "to"].map((name) => Number(find(name).value));
    const [start, goal] = ends(digits.codes, digits.labels, from, to).map((i) => numbersOf(digits.codes, i));
    stops = along(start, goal, STOPS);
    share = 0;
    [...find("way").children].forEach((button, i) => {
      paint(button.firstChild, draw(stops[i]));
      button.setAttribute("aria-label", `Stop ${i + 1} of ${STOPS} on the way from ${from} to ${to}`);
    });
    markStop(plane.point);
  }
  function markStop(point) { // the stop at which the point is, or which it has just passed
    const step = stops.length ? apart(stops[0], stops[1]) : 0;
    [...find("way").children].forEach((button, i) => {
      button.classList.toggle("here", Boolean(plane.way) && apart(stops[i], point) <= step / 2 + 1e-6);
    });
  }
  function goTo(place) { // 0 is the start of the way, 1 its end
    share = place;
    plane.way = [stops[0], stops[STOPS - 1]];
    if (!plane.way.every((end) => isInside(plane.frame, end))) useFrame("whole");
    plane.put(between(...plane.way, place));
  }
  function walk() {
    if (walking) { stop(); return; }
    if (share >= 1) share = 0;
    if (calm.matches) { // stop by stop, one each time
      goTo(plane.way ? Math.min(1, (Math.floor(share * (STOPS - 1) + 1e-6) + 1) / (STOPS - 1)) : 0);
      return;
    }
    find("walk").textContent = "Stop";
    let last = performance.now();
    const frame = (now) => {
      goTo(Math.min(1, share + Math.max(0, now - last) / WALK_MS));
      last = now;
      if (share < 1) walking = requestAnimationFrame(frame); else stop();
    };
    walking = requestAnimationFrame(frame);
  }
  function stop() {
    cancelAnimationFrame(walking);
    walking = 0;
    find("walk").textContent = calm.matches ? "One step" : "Walk";
  }

  // ---- Compare with Keras ----
  async function check() {
    find("checked").textContent = "Comparing …";
    try {
      await cnnbook.script("live/latent_checks.js");
      const { codes: written, drawn, count } = window.CNN_LATENT_CHECKS;
      const codes = new Float32Array(cnnbook.bytes(written).buffer);
      const shades = new Uint16Array(cnnbook.bytes(drawn).buffer);
      let most = 0;
      for (let i = 0; i < count; i++) {
        draw(numbersOf(codes, i)).forEach((ours, k) => {
          most = Math.max(most, Math.abs(ours - shades[i * SIDE * SIDE + k] / 65535));
        });
      }
      const fine = most < 1e-3;
      find("checked").textContent = `${fine ? "The same" : "Not the same"} ${count} drawings as those of Keras,`
        + ` the library that this book trains with: on a scale from 0 to 1, pixels differ by at most`
        + ` ${cnnbook.scientific(most)}.`;
      find("checked").dataset.fine = fine ? "yes" : "no";
    } catch (error) {
      find("checked").textContent = `The stored drawings cannot be read: ${error.message}`;
    }
  }

  // ---- Start ----
  function choose(group, button) {
    for (const other of find(group).querySelectorAll("button")) {
      other.setAttribute("aria-pressed", String(other === button));
    }
  }
  function useFrame(name) {
    choose("frames", find(name));
    plane.use({ frame: plane[name] });
  }
  function build() {
    for (let i = 0; i < 3; i++) {
      const card = element("li");
      card.append(picture(), element("b"), " ", element("span"));
      find("found").append(card);
    }
    for (let i = 0; i < STOPS; i++) {
      const button = element("button", { type: "button" });
      button.append(picture());
      button.onclick = () => { stop(); goTo(i / (STOPS - 1)); };
      find("way").append(button);
    }
    for (const [name, chosen] of [["from", 7], ["to", 3]]) {
      find(name).append(...Array.from({ length: 10 }, (_, digit) =>
        element("option", { value: digit, textContent: digit, selected: digit === chosen })));
      find(name).onchange = chooseWay;
    }
  }
  function wire() {
    for (const name of ["whole", "close"]) find(name).onclick = () => { stop(); useFrame(name); };
    for (const name of ["digits", "field"]) {
      find(`as-${name}`).onclick = (event) => {
        choose("grounds", event.currentTarget);
        plane.use({ ground: name });
      };
    }
    find("walk").onclick = walk;
    find("check").onclick = check;
    calm.onchange = stop;
  }
  async function start() {
    await Promise.all([cnnbook.script("live/latent_model.js"), cnnbook.script("live/latent_digits.js")]);
    digits = await readDigits();
    decoder = new Network(window.CNN_MODELS.latent);
    root.querySelector(".still").hidden = true;
    root.querySelector(".works").hidden = false;
    build();
    plane = new LatentPlane(root, { ...digits, draw, onMove: show });
    plane.onHand = stop;
    plane.point = plane.start;
    find("near").textContent = number(digits.near);
    find("size").textContent = window.CNN_MODELS.latent.more.parameters.toLocaleString("en");
    plane.use({});
    chooseWay();
    wire();
    root.dataset.ready = "yes";
  }
  cnnbook.beginNear(root, start);
})();
