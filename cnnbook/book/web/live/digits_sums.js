// Draw a digit: how one number of each layer comes about, taken apart into terms that a page can show.
// Only sums stand here, no page. A cell is [row, column]; maps and channels count from 0.
"use strict";
(() => {
  const at = ({ data, shape }, [y, x], k) => (shape.length === 1 ? data[k] : data[(y * shape[1] + x) * shape[2] + k]);
  const total = (values) => values.reduce((sum, v) => sum + v, 0);

  // The numbers of one map under a square window.
  function patch(input, channel, { top, left, size }) {
    const values = [];
    for (let i = 0; i < size; i++) {
      for (let j = 0; j < size; j++) values.push(at(input, [top + i, left + j], channel));
    }
    return values;
  }

  // Where the window lies from which a cell is computed.
  function windowOf(layer, [y, x]) {
    const size = layer.kernel_shape?.[0] ?? layer.size ?? 1, step = layer.strides ?? layer.size ?? 1;
    return { top: y * step, left: x * step, size, step };
  }

  // The weights with which one map looks at one incoming map.
  function kernelOf({ kernel, kernel_shape: [rows, columns, channels, maps] }, channel, map) {
    return Array.from({ length: rows * columns }, (_, place) => kernel[(place * channels + channel) * maps + map]);
  }

  // A convolution: for every incoming map the numbers, the weights, the products; then the bias, then ReLU.
  function convolution(input, layer, weights, map, cell) {
    const window = windowOf(layer, cell);
    const parts = Array.from({ length: input.shape[2] }, (_, channel) => {
      const values = patch(input, channel, window), kernel = kernelOf(weights, channel, map);
      const products = values.map((v, i) => v * kernel[i]);
      return { channel, values, kernel, products, sum: total(products) };
    });
    const products = total(parts.map((part) => part.sum)), bias = weights.bias[map], sum = products + bias;
    return { window, parts, products, bias, sum, value: layer.activation === "relu" ? Math.max(sum, 0) : sum };
  }

  // The incoming maps of a convolution, those that add or take away most first.
  function ranking({ parts }) {
    return parts.map(({ channel }) => channel).sort((a, b) => Math.abs(parts[b].sum) - Math.abs(parts[a].sum));
  }

  // Which map of a convolution takes most from one incoming map in a place, of those that answer there at all.
  function listener(input, layer, weights, channel, cell, output) {
    const values = patch(input, channel, windowOf(layer, cell));
    const share = (map) => {
      const kernel = kernelOf(weights, channel, map);
      return total(values.map((v, i) => v * kernel[i]));
    };
    const maps = Array.from({ length: weights.kernel_shape[3] }, (_, map) => map);
    const answering = maps.filter((map) => at(output, cell, map) > 0), list = answering.length ? answering : maps;
    return list.reduce((best, map) => (share(map) > share(best) ? map : best));
  }

  // Pooling: the largest number under the window stays.
  function pooling(input, layer, map, cell) {
    const window = windowOf(layer, cell), values = patch(input, map, window), value = Math.max(...values);
    return { window, values, value, best: values.indexOf(value) };
  }

  // Rescaling and normalisation: one number in, times a scale, plus a shift, one number out.
  function scaling(input, scale, shift, map, cell) {
    const before = at(input, cell, map);
    return { window: { top: cell[0], left: cell[1], size: 1, step: 1 }, before, scale, shift, scaled: before * scale,
      value: before * scale + shift };
  }

  function cutting(input, map, cell) {
    const before = at(input, cell, map);
    return { window: { top: cell[0], left: cell[1], size: 1, step: 1 }, before, value: Math.max(before, 0) };
  }

  // The last layer: each number of the maps times its weight for one class, and the bias. The strongest first.
  function score(input, weights, k) {
    const { kernel, bias, kernel_shape: [count, classes] } = weights;
    const products = Float64Array.from({ length: count }, (_, i) => input.data[i] * kernel[i * classes + k]);
    const order = Array.from(products.keys()).sort((a, b) => Math.abs(products[b]) - Math.abs(products[a]));
    const weight = (i) => kernel[i * classes + k];
    return { products, order, weight, bias: bias[k], value: total(products) + bias[k] };
  }

  // Scores to shares, with what stands between them.
  function shares(scores) {
    const powers = Array.from(scores, (v) => Math.exp(v)), sum = total(powers);
    return { powers, sum, shares: powers.map((v) => v / sum) };
  }

  // Where a map is strongest, and which map of a layer changes most from place to place.
  function strongest({ data, shape: [rows, columns, maps] }, map) {
    let best = 0;
    for (let i = 1; i < rows * columns; i++) if (data[i * maps + map] > data[best * maps + map]) best = i;
    return [Math.floor(best / columns), best % columns];
  }

  function liveliest({ data, shape: [rows, columns, maps] }) {
    const cells = rows * columns, means = new Float64Array(maps), squares = new Float64Array(maps);
    for (const [i, v] of data.entries()) {
      means[i % maps] += v / cells;
      squares[i % maps] += (v * v) / cells;
    }
    const spread = squares.map((square, k) => square - means[k] ** 2);
    return spread.indexOf(Math.max(...spread));
  }

  // "a 7", but "an 8"
  const a = (digit) => `${digit === 8 ? "an" : "a"} ${digit}`;

  // A few maps that say much and do not say the same: strong over all examples, and unlike those chosen before.
  function choose(examples, count) {
    const [rows, columns, maps] = examples[0].shape, cells = rows * columns, alike = 0.7;
    const lines = Array.from({ length: maps }, (_, k) => {
      const line = Float64Array.from({ length: cells * examples.length },
        (_, i) => examples[Math.floor(i / cells)].data[(i % cells) * maps + k]);
      const mean = total(line) / line.length, centred = line.map((v) => v - mean);
      const length = Math.hypot(...centred);
      return { k, length, unit: centred.map((v) => v / (length || 1)) };
    }).sort((a, b) => b.length - a.length);
    const same = (a, b) => Math.abs(total(a.unit.map((v, i) => v * b.unit[i]))) > alike;
    const chosen = [];
    for (const line of lines) if (!chosen.some((other) => same(line, other))) chosen.push(line);
    chosen.push(...lines.filter((line) => !chosen.includes(line)));
    return chosen.slice(0, count).map(({ k }) => k).sort((a, b) => a - b);
  }

  // Numbers as they are read: a true minus sign, no "-0.00", thousands apart.
  function number(v, decimals = 2) {
    const text = Math.abs(v).toLocaleString("en", { minimumFractionDigits: decimals, maximumFractionDigits: decimals });
    return v < 0 && Number(text.replaceAll(",", "")) ? `−${text}` : text;
  }

  function percent(p) {
    if (p > 0.9995) return p < 1 ? "> 99.9\u00a0%" : "100\u00a0%";
    return p < 0.0005 ? (p > 0 ? "< 0.1\u00a0%" : "0\u00a0%") : `${(100 * p).toFixed(1)}\u00a0%`;
  }

  const parts = { at, convolution, ranking, listener, pooling, scaling, cutting, score, shares, strongest, liveliest,
    choose, number, percent, a };
  if (typeof module !== "undefined") module.exports = parts;
  else (window.cnnbookDigits ??= {}).sums = parts;
})();
