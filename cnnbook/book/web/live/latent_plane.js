// The plane: test digits at the places of their codes, or what the decoder draws there, and a point that one drags.
"use strict";

class LatentPlane {
  // `codes` and `labels` of the digits, `near`: how far is still near, `draw`: from a point to 784 shares of white,
  // `onMove`: what hears where the point is.
  constructor(root, { codes, labels, near, draw, onMove }) {
    Object.assign(this, { root, codes, labels, near, draw, onMove });
    this.whole = LatentSums.wholeFrame(codes);
    this.close = LatentSums.closeFrame(codes, this.whole);
    this.frame = this.whole;
    this.ground = "digits"; // or "field"
    this.way = null; // [from, to] while one walks
    this.fields = new Map(); // pictures of the frames, each made once
    this.wire();
  }
  find(name) { return this.root.querySelector(`#latent-${name}`); }

  // ---- What lies in the plane ----
  use({ frame = this.frame, ground = this.ground }) {
    Object.assign(this, { frame, ground });
    this.find("field").hidden = ground !== "field";
    if (ground === "field") this.showField();
    this.drawGround();
    this.put(this.point);
  }
  showField() {
    const count = 14, side = 28, canvas = this.find("field"), context = canvas.getContext("2d");
    if (!this.fields.has(this.frame)) {
      const image = context.createImageData(count * side, count * side);
      LatentSums.grid(this.frame, count).forEach((point, place) => {
        const top = side * Math.floor(place / count), left = side * (place % count);
        this.draw(point).forEach((share, i) => {
          const at = (top + Math.floor(i / side)) * count * side + left + (i % side);
          image.data.set(LatentPlane.shade(share), 4 * at);
        });
      });
      this.fields.set(this.frame, image);
    }
    Object.assign(canvas, { width: count * side, height: count * side });
    context.putImageData(this.fields.get(this.frame), 0, 0);
  }
  drawGround() { // places in percent, so that they stay where they are when the plane grows
    const { frame } = this, parts = [];
    if (this.ground === "digits") {
      for (const [which, name] of ["x", "y"].entries()) {
        for (const tick of LatentSums.ticks(frame, which)) {
          const at = this.percent(which ? [0, tick] : [tick, 0])[which], other = which ? "x" : "y";
          parts.push(`<line class="rule" ${name}1="${at}" ${name}2="${at}" ${other}1="0%" ${other}2="100%"/>`);
          const place = which ? `x="4" y="${at}" dy="-4"` : `x="${at}" y="100%" dx="4" dy="-6"`;
          parts.push(`<text class="tick" ${place}>${LatentPlane.number(tick, 0)}</text>`);
        }
      }
      this.labels.forEach((label, i) => {
        const code = LatentSums.numbersOf(this.codes, i);
        if (LatentSums.isInside(frame, code)) parts.push(this.mark(code, label, `mark d${label}`));
      });
    }
    this.find("ground").innerHTML = parts.join("");
  }
  percent(point) { return LatentSums.toPlace(this.frame, point).map((share) => `${(100 * share).toFixed(2)}%`); }
  mark(code, label, kind) {
    const [left, top] = this.percent(code);
    return `<text class="${kind}" x="${left}" y="${top}" dy=".36em">${label}</text>`;
  }

  // ---- The point, and what is near it ----
  get start() { return LatentSums.numbersOf(this.codes, LatentSums.middleOf(this.codes, this.labels, 7)); }
  put(point) {
    this.point = LatentSums.inside(this.frame, point);
    this.found = LatentSums.nearest(this.codes, this.point, 3);
    this.isNear = this.found[0].distance <= this.near;
    this.drawLinks();
    const [left, top] = this.percent(this.point), handle = this.find("point");
    Object.assign(handle.style, { left, top });
    const [first, second] = this.point.map((value) => LatentPlane.number(value)), { low, side } = this.frame;
    handle.setAttribute("aria-valuemin", low[0].toFixed(1));
    handle.setAttribute("aria-valuemax", (low[0] + side).toFixed(1));
    handle.setAttribute("aria-valuenow", this.point[0].toFixed(1));
    handle.setAttribute("aria-valuetext", `${first} and ${second}`);
    this.onMove(this);
  }
  drawLinks() { // a circle of what is near, and lines to the three nearest where the plane shows digits
    const [left, top] = this.percent(this.point), radius = (100 * this.near) / this.frame.side;
    const parts = [`<circle class="near" cx="${left}" cy="${top}" r="${radius.toFixed(2)}%"/>`];
    if (this.way) parts.unshift(this.line(...this.way, "way"));
    if (this.isNear && this.ground === "digits") {
      const codes = this.found.map(({ index }) => LatentSums.numbersOf(this.codes, index));
      const seen = codes.filter((code) => LatentSums.isInside(this.frame, code));
      for (const code of seen) parts.push(this.line(this.point, code, "link"));
      this.found.forEach(({ index }, i) => {
        if (seen.includes(codes[i])) parts.push(this.mark(codes[i], this.labels[index], "mark found"));
      });
    }
    this.find("links").innerHTML = parts.join("");
  }
  line(from, to, kind) {
    const [[x1, y1], [x2, y2]] = [from, to].map((point) => this.percent(point));
    return `<line class="${kind}" x1="${x1}" y1="${y1}" x2="${x2}" y2="${y2}"/>`;
  }

  // ---- Hands ----
  wire() {
    const plane = this.find("plane"), handle = this.find("point");
    const move = (event) => {
      const box = plane.getBoundingClientRect();
      const place = [(event.clientX - box.left) / box.width, (event.clientY - box.top) / box.height];
      this.byHand(LatentSums.fromPlace(this.frame, place));
    };
    const take = (event) => {
      handle.focus({ preventScroll: true });
      handle.setPointerCapture(event.pointerId);
    };
    handle.onpointerdown = (event) => {
      event.preventDefault();
      take(event);
    };
    handle.onpointermove = (event) => { if (handle.hasPointerCapture(event.pointerId)) move(event); };
    // A mouse may begin anywhere; a finger that slides over the plane scrolls the page, and a tap moves the point.
    plane.onpointerdown = (event) => {
      if (event.pointerType !== "mouse" || event.button || event.target === handle) return;
      event.preventDefault();
      move(event);
      take(event);
    };
    plane.onclick = (event) => { if (event.target !== handle) move(event); };
    handle.onkeydown = (event) => {
      const step = (this.frame.side / 60) * (event.shiftKey ? 5 : 1), far = this.frame.side / 12;
      const by = { ArrowLeft: [-step, 0], ArrowRight: [step, 0], ArrowDown: [0, -step], ArrowUp: [0, step],
        PageDown: [0, -far], PageUp: [0, far] }[event.key];
      if (!by && event.key !== "Home") return;
      event.preventDefault();
      this.byHand(by ? this.point.map((value, i) => value + by[i]) : this.start);
    };
  }
  byHand(point) {
    this.way = null;
    this.onHand?.();
    this.put(point);
  }

  static number(value, places = 1) { // one digit after the point, and a true minus
    const written = value.toFixed(places);
    return (Number(written) === 0 ? (0).toFixed(places) : written).replace("-", "−");
  }
  static shade(share) { // from the night of the pads to white
    return [...[21, 24, 28].map((dark) => Math.round(dark + (255 - dark) * share)), 255];
  }
}
