// Draw a digit: how one number comes about, told in steps. A story has
//   steps:  a sentence each
//   grids:  small tables of numbers with signs between them, each from a step on
//   rows:   what is added up, each from a step on; the last is the number that the network computed
// and says which window of the input it looked at.
"use strict";
(() => {
  const digits = (window.cnnbookDigits ??= {}), STRONGEST = 5;
  const number = (...given) => digits.sums.number(...given);
  const exact = (v) => number(v, 3);
  const place = ([y, x]) => `row ${y + 1}, column ${x + 1}`;

  function relu(sum, where) {
    return sum > 0 ? `ReLU lets ${exact(sum)} through, because it is above zero. This is the number in ${where}.`
      : `ReLU makes 0 of ${exact(sum)}, because it is not above zero. This 0 is the number in ${where}.`;
  }

  // A window of the picture under a kernel; or windows of all incoming maps, each under a kernel of its own.
  function convolution(stage, { input, weights, map, cell, channel, ranks, all }) {
    const sum = digits.sums.convolution(input, stage.layer, weights, map, cell), { window, parts } = sum;
    const many = parts.length > 1, part = parts[channel], columns = window.size, n = part.values.length;
    const biased = weights.bias.some((v) => v !== 0), cuts = stage.layer.activation === "relu";
    const where = `${place(cell)} of map ${map + 1}`;
    const grids = [
      { title: many ? `Map ${channel + 1} of ${stage.input}` : "Pixels", values: part.values, since: 0, columns, ink: !many },
      { sign: "×", since: 1 }, { title: many ? "Its weights" : "Weights", values: part.kernel, since: 1, columns },
      { sign: "=", since: 1 }, { title: "Products", values: part.products, since: 1, columns },
    ];
    const steps = many ? manySteps(stage, sum, part, map) : firstSteps(stage, sum, part);
    const rows = many ? incoming(stage, sum, ranks, channel, all) : [{ label: `${n} products added up`, value: part.sum, since: 2 }];
    const end = (sentence, row) => {
      steps.push(sentence);
      rows.push({ since: steps.length - 1, ...row });
    };
    if (biased) {
      end(`The bias, ${exact(sum.bias)}, is added. It is one number for the whole map. That gives ${exact(sum.sum)}.`,
        { label: `Bias of map ${map + 1}`, value: sum.bias });
      if (cuts) rows.push({ label: "Sum", value: sum.sum, since: steps.length - 1, total: true });
    }
    const result = { label: cuts ? `After ReLU, ${where}` : `Sum, ${where}`, value: sum.value, total: true, last: true };
    if (cuts) end(relu(sum.sum, where), result);
    else end(`So ${exact(sum.value)} stands in ${where}. There is no ${biased ? "" : "bias and no "}ReLU in this layer; a later ` +
      `layer ${biased ? "cuts" : "shifts the map and cuts"} what is below zero.`, result);
    return { window, channel, grids, rows, value: sum.value, steps, ranks: digits.sums.ranking(sum) };
  }

  function firstSteps(stage, sum, part) {
    const { size } = sum.window, n = part.values.length, black = part.values.every((v) => v === 0);
    const like = Math.abs(sum.products) < 0.1 ? "Here the weights above and below zero nearly balance."
      : sum.products > 0 ? "It is large where the picture is bright under the weights above zero."
        : "It is below zero, because the picture is bright under the weights below zero.";
    return [
      `The window lies on ${size} × ${size} pixels of the picture. Black is 0 and white is 1.`,
      "Each pixel is multiplied by the weight in the same place. The weights were learned, and they stay the same " +
        "wherever the window lies.",
      `The ${n} products are added up to ${exact(sum.products)}. ` + (black ? "There is only black under the window." : like),
    ];
  }

  function manySteps(stage, sum, part, map) {
    const { size } = sum.window, channels = sum.parts.length, from = stage.input, n = part.values.length;
    return [
      `The window lies on ${size} × ${size} numbers of map ${part.channel + 1} of ${from}, one of the ${channels} maps ` +
        "that come in.",
      `Each number is multiplied by the weight in the same place. Map ${map + 1} of ${stage.name} has ${n} weights for each ` +
        "incoming map.",
      `The ${n} products of this incoming map add up to ${exact(part.sum)}.`,
      `The same is done on all ${channels} incoming maps, with the window in the same place. Together they give ` +
        `${exact(sum.products)}.`,
    ];
  }

  // The incoming maps that matter most here, and all others together.
  function incoming(stage, { parts, products }, ranks, channel, all) {
    const shown = all ? [...ranks] : ranks.slice(0, STRONGEST), others = parts.length - shown.length;
    if (!shown.includes(channel)) shown.push(channel);
    const listed = shown.reduce((sum, k) => sum + parts[k].sum, 0), left = parts.length - shown.length;
    const rows = shown.map((k) => ({ label: `Map ${k + 1} of ${stage.input}`, value: parts[k].sum, since: k === channel ? 2 : 3,
      channel: k }));
    return others ? [...rows, { label: `The other ${left} maps`, value: products - listed, since: 3, fold: "Show them" }]
      : [...rows, { label: `All ${parts.length} maps`, value: products, since: 3, total: true, fold: "Show fewer" }];
  }

  function pooling(stage, { input, map, cell }) {
    const { window, values, value, best } = digits.sums.pooling(input, stage.layer, map, cell), { size } = window;
    return { window, channel: map, value, grids: [
      { title: `Under the window`, values, since: 0, columns: size, best },
      { sign: "→", since: 1 }, { title: "The largest", values: [value], since: 1, columns: 1 },
    ], rows: [{ label: `The largest of ${size * size}, ${place(cell)} of map ${map + 1}`, value, since: 1, total: true, last: true }],
    steps: [
      `The window lies on ${size} × ${size} numbers of map ${map + 1} of ${stage.input}. Windows do not overlap here.`,
      `Only the largest, ${exact(value)}, stays. The others are dropped, and nothing is multiplied: pooling has no weights.`,
    ] };
  }

  // Rescaling and normalisation.
  function scaling(stage, { input, weights, map, cell }) {
    const picture = stage.kind === "Rescaling", of = picture ? "" : ` of map ${map + 1}`;
    const [scale, shift] = picture ? [stage.layer.scale, stage.layer.offset ?? 0] : [weights.scale[map], weights.shift[map]];
    const sum = digits.sums.scaling(input, scale, shift, map, cell), before = picture ? number(sum.before, 0) : exact(sum.before);
    const times = picture ? `1/${Math.round(1 / scale)}` : exact(scale);
    const steps = [
      picture ? `This pixel is ${before}, between 0 (black) and 255 (white).`
        : `In ${place(cell)}${of} of ${stage.input} stands ${before}.`,
      `It is multiplied by ${times}${picture ? `. That gives ${exact(sum.value)}, and every pixel now lies between 0 and 1.`
        : `, the scale of this map.`}`,
    ];
    const rows = [{ label: picture ? `${before} × ${times}` : `${before} × scale ${times}`, value: sum.scaled, since: 1 }];
    if (!picture) {
      rows.push({ label: `Shift${of}`, value: shift, since: 2 });
      steps.push(`The shift, ${exact(shift)}, is added: ${exact(sum.value)}. Scale and shift follow from the mean and the ` +
        "spread that this map had in training, and from two learned numbers.");
    }
    rows.push({ label: `Sum, ${place(cell)}${of}`, value: sum.value, since: steps.length - 1, total: true, last: true });
    if (picture) rows.shift();
    if (picture) rows[0].label = `${before} × ${times}, ${place(cell)}`;
    return { window: sum.window, channel: map, value: sum.value, steps, rows, grids: [],
      graph: { line: (v) => v * scale + shift, before: sum.before, value: sum.value, since: steps.length - 1 } };
  }

  function cutting(stage, { input, map, cell }) {
    const { window, before, value } = digits.sums.cutting(input, map, cell), where = `${place(cell)} of map ${map + 1}`;
    return { window, channel: map, value, grids: [], graph: { line: (v) => Math.max(v, 0), before, value, since: 1 },
      rows: [{ label: before > 0 ? `${exact(before)} stays, ${where}` : `${exact(before)} becomes 0, ${where}`,
        value, since: 1, total: true, last: true }],
      steps: [`In ${where} of ${stage.input} stands ${exact(before)}.`, before > 0 ? "It is above zero, so it stays as it is."
        : "It is not above zero, so 0 stands there from now on."] };
  }

  // The score of a digit, and what softmax makes of the ten.
  function scoring(stage, { input, weights, map, outputs }) {
    const sum = digits.sums.score(input, weights, map), [, columns, maps] = input.shape, strongest = sum.order.slice(0, STRONGEST);
    const name = (i) => `Map ${(i % maps) + 1}, ${place([Math.floor(i / maps / columns), Math.floor(i / maps) % columns])}`;
    const shown = strongest.reduce((all, i) => all + sum.products[i], 0), count = sum.products.length;
    const products = sum.value - sum.bias, shares = digits.sums.shares(outputs[stage.name].data);
    const rows = strongest.map((i) => ({ label: `${name(i)}: ${number(input.data[i])} × ${number(sum.weight(i))}`,
      value: sum.products[i], since: 2, channel: i % maps, cell: [Math.floor(i / maps / columns), Math.floor(i / maps) % columns] }));
    rows.push({ label: `The other ${number(count - strongest.length, 0)} products`, value: products - shown, since: 2 });
    rows.push({ label: `Bias of the ${map}`, value: sum.bias, since: 2 });
    rows.push({ label: `Score of the ${map}`, value: sum.value, since: 2, total: true, last: true });
    return { window: null, value: sum.value, grids: [], rows, spread: { values: input, products: sum.products }, shares, steps: [
      `These are the ${number(count, 0)} numbers that the layers have made of the picture: ${maps} maps of ${columns} × ${columns}.`,
      `Each is multiplied by its weight for the ${map}. What is blue speaks for a ${map}, what is orange against it.`,
      `All products and the bias are added up to ${exact(sum.value)}, the score of the ${map}. The strongest are listed.`,
      `Every digit gets its score so. Softmax raises e to the power of each score and divides by the sum of all ten, so that ` +
        `they become shares of 100 %. The ${map} gets ${digits.sums.percent(shares.shares[map]).replace(">", "more than").replace("<", "less than")}.`,
    ] };
  }

  const TELLERS = { Rescaling: scaling, Conv2D: convolution, MaxPooling2D: pooling, BatchNormalization: scaling, ReLU: cutting,
    Dense: scoring };
  digits.tell = (stage, context) => TELLERS[stage.kind](stage, context);
})();
