// A photograph becomes the numbers that a network takes, as cnnbook.models.imagenet does it in Python:
// the middle, 0.875 of the shorter side, by Pillow's bicubic filter. And a square can cover a part of it.
"use strict";
(() => {
  const SIDE = 224;               // pixels of the picture that the network takes, in each direction
  const SHARE = 0.875;            // of the shorter side: what is cut out of the middle
  const SHOWN = 448;              // pixels of the picture that the reader sees
  const LARGEST = 2048;           // a larger picture is scaled down first
  const CELLS = 7;                // the last maps of the network are 7 by 7
  const COARSE = 9;               // what is finer than a ninth of the picture is gone where it is blurred

  // Pillow's bicubic filter: how much each old pixel gives to each new one, averaging where it shrinks.
  function shares(from, to, count, size) {
    const scale = (to - from) / count, wide = Math.max(scale, 1);
    const cubic = (x) => x < 1 ? (1.5 * x - 2.5) * x * x + 1 : x < 2 ? ((-0.5 * x + 2.5) * x - 4) * x + 2 : 0;
    return Array.from({ length: count }, (_, i) => {
      const middle = from + (i + 0.5) * scale, first = Math.max(Math.trunc(middle - 2 * wide + 0.5), 0);
      const last = Math.min(Math.trunc(middle + 2 * wide + 0.5), size);
      const distance = (k) => Math.abs((first + k - middle + 0.5) / wide);
      const weights = Array.from({ length: last - first }, (_, k) => cubic(distance(k)));
      const sum = weights.reduce((a, b) => a + b);
      return { first, weights: weights.map((weight) => weight / sum) };
    });
  }

  // Resize the box [left, top, right, bottom] of an image {data, width, height, channels}: along, then down.
  // Bytes are rounded after each pass, as in Pillow, so that page and Python show the network the same numbers.
  function resize({ data, width, height, channels }, [left, top, right, bottom], columns, rows = columns) {
    const isFloat = data instanceof Float32Array, Kind = isFloat ? Float32Array : Uint8ClampedArray;
    const rounded = isFloat ? (value) => value : (value) => Math.floor(value + 0.5); // a half goes up
    const along = shares(left, right, columns, width), down = shares(top, bottom, rows, height);
    const middle = new Kind(height * columns * channels), out = new Kind(rows * columns * channels);
    for (let y = down[0].first; y < down[rows - 1].first + down[rows - 1].weights.length; y++) {
      for (let x = 0; x < columns; x++) for (let c = 0; c < channels; c++) {
        const { first, weights } = along[x];
        let sum = 0;
        for (let k = 0; k < weights.length; k++) sum += weights[k] * data[(y * width + first + k) * channels + c];
        middle[(y * columns + x) * channels + c] = rounded(sum);
      }
    }
    const line = columns * channels;
    for (let y = 0; y < rows; y++) for (let i = 0; i < line; i++) {
      const { first, weights } = down[y];
      let sum = 0;
      for (let k = 0; k < weights.length; k++) sum += weights[k] * middle[(first + k) * line + i];
      out[y * line + i] = rounded(sum);
    }
    return out;
  }

  function withoutAlpha(rgba) {
    const rgb = new Uint8ClampedArray(rgba.length / 4 * 3);
    for (let i = 0, k = 0; i < rgba.length; i += 4, k += 3) {
      rgb[k] = rgba[i]; rgb[k + 1] = rgba[i + 1]; rgb[k + 2] = rgba[i + 2];
    }
    return rgb;
  }

  function canvasOf(width, height = width) {
    return Object.assign(document.createElement("canvas"), { width, height });
  }

  function canvasFrom(rgb, side) {
    const canvas = canvasOf(side), image = new ImageData(side, side);
    for (let p = 0; p < side * side; p++) image.data.set([rgb[3 * p], rgb[3 * p + 1], rgb[3 * p + 2], 255], 4 * p);
    canvas.getContext("2d").putImageData(image, 0, 0);
    return canvas;
  }

  // A decoded image becomes what is shown (a square canvas) and what the network sees (224 x 224 x 3 bytes).
  function prepare(image) {
    const [w, h] = [image.naturalWidth || image.width, image.naturalHeight || image.height];
    const scale = Math.min(1, LARGEST / Math.max(w, h));
    const whole = canvasOf(Math.max(1, Math.round(w * scale)), Math.max(1, Math.round(h * scale)));
    const context = whole.getContext("2d", { willReadFrequently: true });
    context.fillStyle = "#fff";                                // under what is transparent
    context.fillRect(0, 0, whole.width, whole.height);
    context.imageSmoothingQuality = "high";
    context.drawImage(image, 0, 0, whole.width, whole.height);
    const side = SHARE * Math.min(whole.width, whole.height);
    const [left, top] = [(whole.width - side) / 2, (whole.height - side) / 2];
    const data = withoutAlpha(context.getImageData(0, 0, whole.width, whole.height).data);
    const source = { data, width: whole.width, height: whole.height, channels: 3 };
    const pixels = resize(source, [left, top, left + side, top + side], SIDE);
    const shown = canvasOf(SHOWN), pen = shown.getContext("2d");
    pen.imageSmoothingQuality = "high";
    pen.drawImage(whole, left, top, side, side, 0, 0, SHOWN, SHOWN);
    return { shown, pixels, scaledFrom: scale < 1 ? [w, h] : null, ...coversOf(pixels) };
  }

  // What a cover can show: the mean colour, or the picture blurred.
  function coversOf(pixels) {
    const sum = [0, 0, 0];
    for (let i = 0; i < pixels.length; i++) sum[i % 3] += pixels[i];
    const mean = sum.map((value) => value / (SIDE * SIDE));
    const few = resize({ data: pixels, width: SIDE, height: SIDE, channels: 3 }, [0, 0, SIDE, SIDE], COARSE);
    const blurred = resize({ data: few, width: COARSE, height: COARSE, channels: 3 }, [0, 0, COARSE, COARSE], SIDE);
    return { mean, blurred, blurredCanvas: canvasFrom(blurred, SIDE) };
  }

  // The pixels for the network with a square covered. They are floats: the mean colour is no whole number.
  function covered(photo, { x, y, size, fill }) {
    const pixels = Float32Array.from(photo.pixels);
    for (let row = Math.max(y, 0); row < Math.min(y + size, SIDE); row++) {
      for (let column = Math.max(x, 0); column < Math.min(x + size, SIDE); column++) {
        const at = 3 * (row * SIDE + column);
        for (let c = 0; c < 3; c++) pixels[at + c] = fill === "blur" ? photo.blurred[at + c] : photo.mean[c];
      }
    }
    return pixels;
  }

  cnnbook.photo = { SIDE, SHOWN, CELLS, resize, prepare, covered };
})();
