// Draw a digit: how one number comes about, told in steps. A story has
//   steps   a sentence each;
//   grids   small tables of numbers, with signs between them, each seen from a step on ("since");
//   rows    what is added up, each seen from a step on; the last is the number that the network computed;
// and it says where the window lies on what comes in, and on which of its maps one looks.
"use strict";
(() => {
  const digits = (window.cnnbookDigits ??= {}), STRONGEST = 5;
  const number = (...given) => digits.sums.number(...given), exact = (v) => number(v, 3);
  const place = ([y, x]) => `row ${y + 1}, column ${x + 1}`;
  const mapOf = (k, layer) => `map ${k + 1} of ${layer}`;
  const capital = (text) => text[0].toUpperCase() + text.slice(1);
  const outcome = (label, value, since) => ({ label, value, since, total: true, last: true });

  // A window of the picture under a kernel; or windows of all incoming maps, each under a kernel of its own.
  function convolution(stage, { input, weights, map, cell, channel, ranks, all, followed }) {
    const sum = digits.sums.convolution(input, stage.layer, weights, map, cell), { window, parts } = sum;
    const many = parts.length > 1, { values, kernel, products } = parts[channel], columns = window.size;
    const best = placeInside(followed, window), first = many ? capital(mapOf(channel, stage.input)) : "Pixels";
    const grids = [{ title: first, values, since: 0, columns, best, ink: !many }, { sign: "×", since: 1 },
      { title: many ? "Its weights" : "Weights", values: kernel, since: 1, columns }, { sign: "=", since: 1 },
      { title: "Products", values: products, since: 1, columns }];
    const steps = many ? manySteps(stage, sum, channel, map) : firstSteps(sum);
    const rows = many ? incoming(stage, sum, ranks, channel, all)
      : [{ label: `${values.length} products added up`, value: sum.products, since: 2 }];
    endOfSum(stage, { sum, weights, map, where: `${place(cell)} of map ${map + 1}` }, steps, rows);
    return { window, channel, grids, rows, steps, value: sum.value };
  }

  // Where a number that is being followed lies under the window.
  function placeInside(followed, { top, left, size }) {
    if (!followed) return -1;
    const [y, x] = [followed[0] - top, followed[1] - left];
    return Math.min(y, x) >= 0 && Math.max(y, x) < size ? y * size + x : -1;
  }

  // From the products to the number of the map: the bias and ReLU, where the layer has them.
  function endOfSum({ layer }, { sum, weights, map, where }, steps, rows) {
    const cuts = layer.activation === "relu", biased = weights.bias.some((v) => v !== 0);
    if (biased) {
      steps.push(`The bias, ${exact(sum.bias)}, is added. It is one number for the whole map. That gives ` +
        `${exact(sum.sum)}.`);
      rows.push({ label: `Bias of map ${map + 1}`, value: sum.bias, since: steps.length - 1 });
      if (cuts) rows.push({ label: "Sum with bias", value: sum.sum, since: steps.length - 1, total: true });
    }
    const later = biased ? "cuts" : "shifts the map and cuts";
    if (!cuts) {
      steps.push(`So ${exact(sum.value)} stands in ${where}. There is no ${biased ? "" : "bias and no "}ReLU in this ` +
        `layer; a later layer ${later} what is below zero.`);
    } else if (sum.sum > 0) {
      steps.push(`ReLU lets ${exact(sum.sum)} through, because it is above zero. This is the number in ${where}.`);
    } else steps.push(`ReLU makes 0 of ${exact(sum.sum)}, because it is not above zero. This 0 stands in ${where}.`);
    rows.push(outcome(`${cuts ? "After ReLU" : "Sum"}, ${where}`, sum.value, steps.length - 1));
  }

  function firstSteps({ window: { size }, parts: [{ values }], products }) {
    const why = values.every((v) => v === 0) ? "There is only black under the window."
      : Math.abs(products) < 0.1 ? "Here the products above and below zero nearly cancel, or there is little to see."
        : products > 0 ? "It is large where the picture is bright under the weights above zero."
          : "It is below zero, because the picture is bright under the weights below zero.";
    return [
      `The window lies on ${size} × ${size} pixels of the picture. Black is 0 and white is 1.`,
      "Each pixel is multiplied by the weight in the same place. The weights were learned, and they stay the same " +
        "wherever the window lies.",
      `The ${values.length} products are added up to ${exact(products)}. ${why}`,
    ];
  }

  function manySteps(stage, { window: { size }, parts, products }, channel, map) {
    const count = parts.length, { values, sum } = parts[channel];
    return [
      `The window lies on ${size} × ${size} numbers of ${mapOf(channel, stage.input)}, one of the ${count} maps ` +
        "that come in.",
      `Each number is multiplied by the weight in the same place. ${capital(mapOf(map, stage.name))} has ` +
        `${values.length} weights for each incoming map.`,
      `The ${values.length} products of this incoming map add up to ${exact(sum)}.`,
      `The same is done on all ${count} incoming maps, with the window in the same place. Together they give ` +
        `${exact(products)}.`,
    ];
  }

  // The incoming maps that matter most here, and all others together.
  function incoming({ input }, { parts, products }, ranks, channel, all) {
    const shown = all ? [...ranks] : ranks.slice(0, STRONGEST);
    if (!shown.includes(channel)) shown.push(channel);
    const rows = shown.map((k) => (
      { label: capital(mapOf(k, input)), value: parts[k].sum, since: k === channel ? 2 : 3, channel: k }));
    const left = parts.length - shown.length, listed = rows.reduce((sum, { value }) => sum + value, 0);
    rows.push(left ? { label: `The other ${left} maps`, value: products - listed, since: 3, fold: "Show them" }
      : { label: `All ${parts.length} maps`, value: products, since: 3, total: true, fold: "Show fewer" });
    return rows;
  }

  function pooling(stage, { input, map, cell }) {
    const { window, values, value, best } = digits.sums.pooling(input, stage.layer, map, cell), { size } = window;
    const grids = [{ title: "Under the window", values, since: 0, columns: size, best }, { sign: "→", since: 1 },
      { title: "The largest", values: [value], since: 1, columns: 1 }];
    const rows = [outcome(`The largest of ${size * size}, ${place(cell)} of map ${map + 1}`, value, 1)];
    const steps = [
      `The window lies on ${size} × ${size} numbers of ${mapOf(map, stage.input)}. The windows do not overlap here.`,
      `Only the largest, ${exact(value)}, stays. The others are dropped. Nothing is multiplied: pooling has ` +
        "no weights.",
    ];
    return { window, channel: map, value, grids, rows, steps };
  }

  function rescaling({ layer: { scale, offset = 0 } }, { input, cell }) {
    const sum = digits.sums.scaling(input, scale, offset, 0, cell), { window, before, value } = sum;
    const product = `${number(before, 0)} × 1/${Math.round(1 / scale)}`;
    const steps = [`This pixel is ${number(before, 0)}, between 0 (black) and 255 (white).`,
      `It is multiplied by 1/255. That gives ${exact(value)}, and every pixel now lies between 0 and 1.`];
    const graph = { line: (v) => v * scale + offset, before, value, since: 1 };
    const rows = [outcome(`${product}, ${place(cell)}`, value, 1)];
    return { window, channel: 0, value, grids: [], rows, steps, graph };
  }

  function normalisation(stage, { input, weights, map, cell }) {
    const [scale, shift] = [weights.scale[map], weights.shift[map]], where = `${place(cell)} of map ${map + 1}`;
    const { window, before, scaled, value } = digits.sums.scaling(input, scale, shift, map, cell);
    const steps = [
      `In ${place(cell)} of ${mapOf(map, stage.input)} stands ${exact(before)}.`,
      `It is multiplied by ${exact(scale)}, the scale of this map.`,
      `The shift, ${exact(shift)}, is added: ${exact(value)}. Scale and shift follow from the mean and the spread ` +
        "that this map had in training, and from two learned numbers.",
    ];
    const rows = [{ label: `${exact(before)} × scale ${exact(scale)}`, value: scaled, since: 1 },
      { label: `Shift of map ${map + 1}`, value: shift, since: 2 }, outcome(`Sum, ${where}`, value, 2)];
    const graph = { line: (v) => v * scale + shift, before, value, since: 2 };
    return { window, channel: map, value, grids: [], rows, steps, graph };
  }

  function cutting(stage, { input, map, cell }) {
    const { window, before, value } = digits.sums.cutting(input, map, cell), where = `${place(cell)} of map ${map + 1}`;
    const steps = [`In ${place(cell)} of ${mapOf(map, stage.input)} stands ${exact(before)}.`, before > 0
      ? "It is above zero, so it stays as it is." : "It is not above zero, so 0 stands there from now on."];
    const rows = [outcome(`${exact(before)} ${before > 0 ? "stays" : "becomes 0"}, ${where}`, value, 1)];
    const graph = { line: (v) => Math.max(v, 0), before, value, since: 1 };
    return { window, channel: map, value, grids: [], rows, steps, graph };
  }

  // The score of a digit, and what softmax makes of the ten.
  function scoring(stage, { input, weights, map, outputs }) {
    const { products, order, weight, bias, value } = digits.sums.score(input, weights, map), count = products.length;
    const [, columns, maps] = input.shape, shares = digits.sums.shares(outputs[stage.name].data);
    const cellOf = (i) => [Math.floor(i / maps / columns), Math.floor(i / maps) % columns];
    const rows = order.slice(0, STRONGEST).map((i) => {
      const terms = `${number(input.data[i])} × ${number(weight(i))}`;
      return { label: `Map ${(i % maps) + 1}, ${place(cellOf(i))}: ${terms}`, value: products[i], since: 2,
        channel: i % maps, cell: cellOf(i) };
    });
    const others = rows.reduce((left, row) => left - row.value, value - bias);
    rows.push({ label: `The other ${number(count - rows.length, 0)} products`, value: others, since: 2 },
      { label: `Bias of the ${map}`, value: bias, since: 2 }, outcome(`Score of the ${map}`, value, 2));
    const steps = scoreSteps({ count, maps, columns, map, value, share: shares.shares[map] });
    return { window: null, value, grids: [], rows, steps, shares, spread: { values: input, products, order, weight } };
  }

  function scoreSteps({ count, maps, columns, map, value, share }) {
    const percent = digits.sums.percent(share).replace(">", "more than").replace("<", "less than");
    return [
      `These are the ${number(count, 0)} numbers that the layers have made of the picture: ${maps} maps of ` +
        `${columns} × ${columns}.`,
      `Each is multiplied by its weight for the ${map}. What is blue speaks for ${digits.sums.a(map)}, what is ` +
        "orange against it.",
      `All products and the bias are added up to ${exact(value)}, the score of the ${map}. The strongest are listed.`,
      "Every digit gets a score like this. Softmax raises e to the power of each and divides by the sum of all ten, " +
        `so that they become probabilities. That of the ${map} is ${percent}.`,
    ];
  }

  const TELLERS = { Rescaling: rescaling, Conv2D: convolution, MaxPooling2D: pooling, BatchNormalization: normalisation,
    ReLU: cutting, Dense: scoring };
  digits.tell = (stage, context) => TELLERS[stage.kind](stage, context);
})();
