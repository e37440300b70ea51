// Draw a digit: all numbers of the last maps on one sheet, and what each adds to the score of a digit.
"use strict";
(() => {
  const digits = (window.cnnbookDigits ??= {}), ACROSS = 16; // maps in a row
  const MOVES = { ArrowLeft: [0, -1], ArrowRight: [0, 1], ArrowUp: [-1, 0], ArrowDown: [1, 0] };
  const clamp = (v, count) => Math.min(Math.max(v, 0), count - 1);

  class Spread {
    constructor(root) {
      Object.assign(this, { root, canvas: root.querySelector("canvas"), ring: root.querySelector("i") });
      const point = (event) => this.point(event);
      for (const type of ["pointerdown", "pointermove"]) this.canvas.addEventListener(type, point);
      this.canvas.addEventListener("keydown", (event) => {
        const move = MOVES[event.key];
        if (!move) return;
        event.preventDefault();
        this.moveTo(this.spot.map((v, axis) => v + move[axis]));
      });
    }

    // The numbers of a row of the sheet and of a column; between maps lies a gap of one pixel.
    get size() {
      const [rows, columns, maps] = this.values.shape;
      return [Math.ceil(maps / ACROSS) * rows, ACROSS * columns];
    }

    point({ clientX, clientY }) {
      const { left, top, width, height } = this.canvas.getBoundingClientRect(), [rows, columns] = this.values.shape;
      const along = (share, pixels, side) => {
        const v = Math.floor(share * pixels);
        return Math.floor(v / (side + 1)) * side + Math.min(v % (side + 1), side - 1);
      };
      this.moveTo([along((clientY - top) / height, this.canvas.height, rows),
        along((clientX - left) / width, this.canvas.width, columns)]);
    }

    moveTo(spot) {
      this.spot = spot.map((v, axis) => clamp(v, this.size[axis]));
      this.say();
    }

    // terms: values (the maps), products (what each adds), weight(i); weighted: are the products shown yet?
    draw(terms, weighted) {
      this.root.hidden = !terms;
      if (!terms) return;
      Object.assign(this, terms, { weighted });
      const shown = weighted ? { data: Float32Array.from(terms.products), shape: terms.values.shape } : terms.values;
      window.cnnbook.paintMaps(this.canvas, shown, { across: ACROSS });
      this.most = digits.sums.number(digits.magnitude(shown));
      this.spot ??= this.spotOf(terms.order[0]);
      this.say();
    }

    spotOf(i) {
      const [rows, columns, maps] = this.values.shape, map = i % maps, cell = Math.floor(i / maps);
      const row = Math.floor(map / ACROSS) * rows + Math.floor(cell / columns);
      return [row, (map % ACROSS) * columns + (cell % columns)];
    }

    // The number under the ring, in words, and the ring in its place.
    say() {
      const [rows, columns, maps] = this.values.shape, [row, column] = this.spot, { number } = digits.sums;
      const map = Math.floor(row / rows) * ACROSS + Math.floor(column / columns), y = row % rows, x = column % columns;
      const i = (y * columns + x) * maps + map, value = this.values.data[i];
      const sum = this.weighted ? ` × ${number(this.weight(i))} = ${number(this.products[i], 3)}` : "";
      const text = `Map ${map + 1}, row ${y + 1}, column ${x + 1}: ${number(value)}${sum}`;
      const words = this.weighted ? `Blue speaks for this digit, by up to ${this.most}, and orange against it.`
        : `The numbers go from 0 to ${this.most} (blue).`;
      this.root.querySelector("figcaption").innerHTML = `<b>${text}</b><span>${words} Choose any of them.</span>`;
      const values = { role: "slider", tabindex: 0, "aria-label": "One of the numbers; the arrow keys move",
        "aria-valuemin": 1, "aria-valuemax": this.values.data.length,
        "aria-valuenow": row * this.size[1] + column + 1, "aria-valuetext": text };
      for (const [key, each] of Object.entries(values)) this.canvas.setAttribute(key, each);
      this.placeRing(Math.floor(row / rows) * (rows + 1) + y, Math.floor(column / columns) * (columns + 1) + x);
    }

    placeRing(down, right) {
      const { width, height } = this.canvas, percent = (share) => `${100 * share}%`;
      Object.assign(this.ring.style, { left: percent(right / width), top: percent(down / height),
        width: percent(1 / width), height: percent(1 / height) });
    }
  }

  digits.Spread = Spread;
})();
