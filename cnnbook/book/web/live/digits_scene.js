// Draw a digit: two maps side by side, the window on what comes in, and the place in what comes out.
"use strict";
(() => {
  const digits = (window.cnnbookDigits ??= {});
  const SVG = "http://www.w3.org/2000/svg";

  class Scene {
    // moveTo(cell): the reader wants another place; isFree(): may the window follow a mouse that is not pressed?
    constructor(root, moveTo, isFree) {
      Object.assign(this, { root, moveTo, isFree, input: root.querySelector(".input canvas"),
        output: root.querySelector(".output canvas"), rays: root.querySelector(".rays") });
      for (const canvas of [this.input, this.output]) {
        const point = (event) => this.point(event, canvas);
        for (const type of ["pointerdown", "pointermove"]) canvas.addEventListener(type, point);
      }
      this.output.addEventListener("keydown", (event) => this.key(event));
      new ResizeObserver(() => this.seen && this.drawRays()).observe(root);
    }

    // Pressed and drawn across a map, the window follows; with the mouse alone when nothing is being explained.
    point(event, canvas) {
      if (!event.buttons && !(this.isFree() && event.pointerType === "mouse")) return;
      const { left, top, width, height } = canvas.getBoundingClientRect(), { size, step } = this.seen.story.window;
      const spot = [((event.clientY - top) / height) * canvas.height, ((event.clientX - left) / width) * canvas.width];
      const cell = spot.map((v) => (canvas === this.output ? Math.floor(v) : Math.round((v - size / 2) / step)));
      if (event.buttons || cell.some((v, axis) => v !== this.seen.cell[axis])) this.moveTo(cell);
    }

    key(event) {
      const { cell: [y, x], output: { shape: [rows, columns] } } = this.seen;
      const to = { ArrowLeft: [y, x - 1], ArrowRight: [y, x + 1], ArrowUp: [y - 1, x], ArrowDown: [y + 1, x],
        Home: [0, 0], End: [rows - 1, columns - 1] }[event.key];
      if (!to) return;
      event.preventDefault();
      this.moveTo(to);
    }

    // whole: is the sum complete? Until then its place in the map is empty. After `until` the map is only hinted at.
    draw(seen) {
      const { stage, story, input, output, map, at, until, whole } = seen, scaled = stage.kind === "Rescaling";
      this.root.hidden = stage.kind === "Dense";
      this.seen = this.root.hidden ? null : seen;
      if (!this.seen) return;
      const picture = input.shape[2] === 1, name = (k, of) => `Map ${k + 1} of ${of}`, { channel } = story;
      digits.paintMap(this.input, input, channel, { ink: picture });
      digits.paintMap(this.output, output, map, { ink: scaled, until, without: whole ? -1 : at });
      this.caption(this.input, picture ? "The picture" : name(channel, stage.input), input, channel, picture);
      this.caption(this.output, scaled ? "The picture from 0 to 1" : name(map, stage.title), output, map, scaled);
      this.say();
      this.drawRays();
    }

    // What lies there, and for which number each colour stands.
    caption(canvas, name, output, map, ink) {
      const [h, w, maps] = output.shape, most = digits.magnitude(output, [map]);
      const both = output.data.some((v, i) => v < 0 && i % maps === map);
      const text = (v) => digits.sums.number(v, v % 1 ? 2 : 0), kind = ink ? "ramp ink" : both ? "ramp both" : "ramp";
      canvas.nextElementSibling.innerHTML = `${name}, ${h} × ${w}<span class="legend">${both ? text(-most) : 0} ` +
        `<i class="${kind}"></i> ${text(most)}</span>`;
    }

    // The place as a slider, for the keyboard and for those who hear the page.
    say() {
      const { cell: [y, x], at, story, output: { shape: [rows, columns] } } = this.seen;
      this.input.setAttribute("role", "img");
      this.input.setAttribute("aria-label", "What the window moves over");
      const values = { role: "slider", tabindex: 0, "aria-label": "Place in the map; the arrow keys move it",
        "aria-valuemin": 1, "aria-valuemax": rows * columns, "aria-valuenow": at + 1,
        "aria-valuetext": `Row ${y + 1}, column ${x + 1}: ${digits.sums.number(story.value, 3)}` };
      for (const [key, value] of Object.entries(values)) this.output.setAttribute(key, value);
    }

    // The window on the input, the place in the output, and two rays from one to the other.
    drawRays() {
      const { story: { window }, cell: [y, x], input, output } = this.seen, box = this.rays.getBoundingClientRect();
      if (!box.width) return;
      const [a, b] = [this.input, this.output].map((canvas) => canvas.getBoundingClientRect());
      const unit = a.width / this.input.width, cell = b.width / this.output.width;
      const at = (rect, left, top, side) => ({ x: rect.left - box.left + left, y: rect.top - box.top + top, side });
      const from = at(a, window.left * unit, window.top * unit, window.size * unit);
      const to = at(b, x * cell, y * cell, cell);
      const draw = (tag, values) => {
        const made = document.createElementNS(SVG, tag);
        for (const [key, value] of Object.entries(values)) made.setAttribute(key, value);
        return made;
      };
      const square = (name, { side, ...corner }) => (
        draw("rect", { class: name, ...corner, width: side, height: side, rx: 2 }));
      const ray = (down) => `M${from.x + from.side} ${from.y + down * from.side}L${to.x} ${to.y + down * to.side}`;
      this.rays.setAttribute("viewBox", `0 0 ${box.width} ${box.height}`);
      this.rays.classList.toggle("both", [input, output].some(({ data }) => data.some((v) => v < 0)));
      this.rays.replaceChildren(draw("path", { class: "ray", d: ray(0) + ray(1) }),
        ...[from, to].flatMap((spot) => [square("halo", spot), square("frame", spot)]));
    }
  }

  digits.Scene = Scene;
})();
