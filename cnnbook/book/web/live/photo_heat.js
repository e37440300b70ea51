// A map of 7 by 7 values becomes colours over a photograph: Matplotlib's inferno for what speaks for a class,
// blue for what speaks against it, the clearer the stronger.
"use strict";
(() => {
  const { CELLS, resize } = cnnbook.photo;
  const INFERNO = ["000004", "1b0c41", "4a0c6b", "781c6d", "a52c60", "cf4446", "ed6925", "fb9b06", "f7d13d", "fcffa4"]
    .map((hex) => [0, 2, 4].map((at) => parseInt(hex.slice(at, at + 2), 16)));  // ten colours of Matplotlib's map

  // 256 colours of the heat map, from dark violet on; the black that inferno begins with is left out.
  const COLORS = Array.from({ length: 256 }, (_, i) => {
    const place = (0.1 + 0.9 * i / 255) * (INFERNO.length - 1), low = Math.min(Math.floor(place), INFERNO.length - 2);
    return INFERNO[low].map((from, c) => Math.round(from + (place - low) * (INFERNO[low + 1][c] - from)));
  });
  const AGAINST = [86, 180, 233];                             // blue: covering this raised the score

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

  // The colour bar, from nothing to the hottest cell; with signs from what falls most over nothing to what rises.
  function paintScale(canvas, signed = false) {
    const context = canvas.getContext("2d");
    for (let x = 0; x < canvas.width; x++) {
      const share = x / canvas.width, value = signed ? 1 - 2 * share : share;
      const color = value < 0 ? AGAINST : COLORS[Math.round(255 * value)];
      context.fillStyle = `rgb(${color.join(" ")} / ${signed ? Math.abs(value) : 1})`;
      context.fillRect(x, 0, 1, canvas.height);
    }
  }

  Object.assign(cnnbook.photo, { paintHeat, paintScale });
})();
