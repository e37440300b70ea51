// What a kernel makes of a picture: the sums, which know nothing of a page, and run in Node as well.
"use strict";

const KernelSums = (() => {
  // Zeros before and after one axis. "same" is what Keras does: ceil(size / stride) places, an odd zero at the end.
  function zerosAround(size, reach, stride, padding) {
    if (padding !== "same") return [padding, padding];
    const total = Math.max((Math.ceil(size / stride) - 1) * stride + reach - size, 0);
    return [Math.floor(total / 2), Math.ceil(total / 2)];
  }

  // Along one axis: where does a kernel of `side` numbers stop, and what does it never look at?
  function placesAlong(size, side, { stride, padding, dilation }) {
    const reach = dilation * (side - 1) + 1; // pixels from its first number to its last
    const [before, after] = zerosAround(size, reach, stride, padding);
    const exact = (size + before + after - reach) / stride + 1, count = Math.max(0, Math.floor(exact));
    const seen = new Uint8Array(size);
    for (let place = 0; place < count; place++) for (let i = 0; i < side; i++) {
      const pixel = place * stride + i * dilation - before;
      if (pixel >= 0 && pixel < size) seen[pixel] = 1;
    }
    return { before, after, reach, exact, count, seen };
  }

  // Slide a square kernel (its numbers in reading order) over a grey picture, as keras.ops.conv does: it is not turned.
  function convolve(picture, height, width, kernel, settings) {
    const side = Math.sqrt(kernel.length), { stride, dilation } = settings;
    const rows = placesAlong(height, side, settings), columns = placesAlong(width, side, settings);
    const data = new Float32Array(rows.count * columns.count);
    for (let row = 0; row < rows.count; row++) for (let column = 0; column < columns.count; column++) {
      let sum = 0;
      for (let i = 0; i < side; i++) {
        const y = row * stride + i * dilation - rows.before;
        if (y < 0 || y >= height) continue; // a zero of the padding
        for (let j = 0; j < side; j++) {
          const x = column * stride + j * dilation - columns.before;
          if (x >= 0 && x < width) sum += picture[y * width + x] * kernel[i * side + j];
        }
      }
      data[row * columns.count + column] = sum;
    }
    return { data, height: rows.count, width: columns.count, rows, columns };
  }

  // The same sum at one place, written out: which pixel, which weight, which product.
  function productsAt(picture, height, width, kernel, settings, row, column) {
    const side = Math.sqrt(kernel.length), { stride, dilation } = settings;
    const top = row * stride - placesAlong(height, side, settings).before;
    const left = column * stride - placesAlong(width, side, settings).before;
    return Array.from(kernel, (weight, index) => {
      const y = top + Math.floor(index / side) * dilation, x = left + (index % side) * dilation;
      const inside = y >= 0 && y < height && x >= 0 && x < width, pixel = inside ? picture[y * width + x] : 0;
      return { x, y, inside, pixel, weight, product: pixel * weight };
    });
  }

  const rotated = (kernel) => { // by 90 degrees, clockwise
    const side = Math.sqrt(kernel.length);
    return Array.from(kernel, (_, k) => kernel[(side - 1 - (k % side)) * side + Math.floor(k / side)]);
  };

  // From 3 to 5 a side zeros come around it, from 5 to 3 its middle stays.
  const resized = (kernel, side) => {
    const old = Math.sqrt(kernel.length), shift = (side - old) / 2;
    return Array.from({ length: side * side }, (_, k) => {
      const i = Math.floor(k / side) - shift, j = (k % side) - shift;
      return i >= 0 && i < old && j >= 0 && j < old ? kernel[i * old + j] : 0;
    });
  };

  // What somebody typed: 2, -0.5, 0,5, 1/9, with a real minus too. NaN for anything else.
  function numberFrom(text) {
    const plain = text.trim().replace(/[−–]/g, "-").replace(",", ".");
    if (!/^[-+]?(\d+\.?\d*|\.\d+)(\/\d+\.?\d*)?$/.test(plain)) return NaN;
    const [above, below] = plain.split("/").map(Number), value = below === undefined ? above : above / below;
    return Math.abs(value) <= 1e6 ? value : NaN;
  }

  return { placesAlong, convolve, productsAt, rotated, resized, numberFrom };
})();
if (typeof module !== "undefined") module.exports = KernelSums;
