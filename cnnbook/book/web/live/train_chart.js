// A small chart in SVG, as large as the place it has: axes with ticks, lines, dots, words. Colours come from look.css.
"use strict";

class TrainChart {
  // `x` and `y` are the ends of the axes, `names` what stands at them.
  constructor(holder, { x, y, height, margin = { top: 12, right: 12, bottom: 40, left: 46 }, names }) {
    Object.assign(this, { holder, x, y, height, margin, names, parts: [] });
    this.svg = document.createElementNS("http://www.w3.org/2000/svg", "svg");
    this.svg.setAttribute("aria-hidden", "true");
    holder.prepend(this.svg);
  }
  begin() {
    this.width = Math.max(200, this.holder.clientWidth);
    this.parts = [];
  }
  toX(value) {
    const { left, right } = this.margin;
    return left + ((value - this.x[0]) / (this.x[1] - this.x[0])) * (this.width - left - right);
  }
  toY(value) {
    const { top, bottom } = this.margin;
    return this.height - bottom - ((value - this.y[0]) / (this.y[1] - this.y[0])) * (this.height - top - bottom);
  }
  fromX(pixel) {
    const { left, right } = this.margin;
    return this.x[0] + ((pixel - left) / (this.width - left - right)) * (this.x[1] - this.x[0]);
  }
  axes(xTicks, yTicks, write = String) {
    const { top, right, bottom, left } = this.margin, floor = this.height - bottom, end = this.width - right;
    for (const tick of yTicks) {
      const y = this.toY(tick);
      this.parts.push(`<line class="rule" x1="${left}" x2="${end}" y1="${y}" y2="${y}"/>`);
      this.word(left - 8, y + 4.5, write(tick), "end");
    }
    for (const tick of xTicks) this.word(this.toX(tick), floor + 18, write(tick), "middle");
    this.parts.push(`<line class="axis" x1="${left}" x2="${end}" y1="${floor}" y2="${floor}"/>`);
    this.word(end, floor + 34, this.names.x, "end");
    if (this.names.y) this.word(left + 8, top + 6, this.names.y, "start");
  }
  word(x, y, text, anchor = "start", kind = "") {
    const place = `x="${x.toFixed(1)}" y="${y.toFixed(1)}" text-anchor="${anchor}"`;
    this.parts.push(`<text class="${kind}" ${place}>${text}</text>`);
  }
  line(points, kind) { // points in the units of the axes; what lies outside is cut off
    if (points.length < 2) return;
    const path = points.map(([x, y]) => `${this.toX(x).toFixed(1)},${this.toY(this.inside(y)).toFixed(1)}`).join(" ");
    this.parts.push(`<polyline class="line ${kind}" points="${path}"/>`);
  }
  inside(y) { // far outside is as good as infinitely far
    const span = this.y[1] - this.y[0];
    return Number.isFinite(y) ? Math.max(this.y[0] - span, Math.min(this.y[1] + span, y)) : this.y[1] + span;
  }
  dot(x, y, radius, kind) {
    const place = `cx="${this.toX(x).toFixed(1)}" cy="${this.toY(y).toFixed(1)}"`;
    this.parts.push(`<circle class="${kind}" ${place} r="${radius}"/>`);
  }
  end() {
    const { top, right, bottom, left } = this.margin, clip = `${this.holder.id}-clip`;
    this.svg.setAttribute("width", this.width);
    this.svg.setAttribute("height", this.height);
    this.svg.setAttribute("viewBox", `0 0 ${this.width} ${this.height}`);
    const field = `<clipPath id="${clip}"><rect x="${left}" y="${top - 6}" width="${this.width - left - right + 6}"`
      + ` height="${this.height - top - bottom + 8}"/></clipPath>`;
    const isLine = (part) => part.startsWith("<polyline") || part.startsWith("<circle");
    const isWord = (part) => part.startsWith("<text"); // above the lines, with a halo
    this.svg.innerHTML = field + this.parts.filter((part) => !isLine(part) && !isWord(part)).join("")
      + `<g clip-path="url(#${clip})">${this.parts.filter(isLine).join("")}</g>${this.parts.filter(isWord).join("")}`;
  }
}
