// Draw a digit: the parts of the panel that show a sum: small tables of numbers, terms with bars, a curve,
// and the table of softmax.
"use strict";
(() => {
  const digits = (window.cnnbookDigits ??= {}), number = (...given) => digits.sums.number(...given);
  const SVG = "http://www.w3.org/2000/svg";
  const largest = (values) => values.reduce((most, v) => Math.max(most, Math.abs(v)), 1e-9);

  function element(tag, className, text) {
    const made = document.createElement(tag);
    if (className) made.className = className;
    if (text !== undefined) made.textContent = text;
    return made;
  }

  function shape(tag, attributes) {
    const made = document.createElementNS(SVG, tag);
    for (const [name, value] of Object.entries(attributes)) made.setAttribute(name, value);
    return made;
  }

  // Tables of numbers with signs between them. What belongs to a later step keeps its place, unseen.
  function drawGrids(root, { grids }, step) {
    root.replaceChildren(...grids.map(({ title, values, sign, since, columns, best, ink }) => {
      if (sign) return element("span", `sign${since > step ? " to-come" : ""}`, sign);
      const figure = element("figure", `grid${since > step ? " to-come" : ""}`), table = element("div", "numbers");
      const most = largest(values);
      table.style.setProperty("--columns", columns);
      table.setAttribute("role", "img");
      table.setAttribute("aria-label", `${title}, row by row: ${values.map((v) => number(v)).join(", ")}`);
      table.append(...values.map((v, i) => {
        const kind = ink ? `ink ${v > 0.41 ? "bright" : "dark"}` : v < 0 ? "low" : "high"; // numbers stay readable
        const cell = element("span", `${kind}${i === best ? " best" : ""}`, number(v));
        cell.style.setProperty("--share", `${Math.round(ink ? 100 * v : (44 * Math.abs(v)) / most)}%`);
        return cell;
      }));
      figure.append(element("figcaption", "", title), table);
      return figure;
    }));
  }

  // What is added up: a term a row, its bar to the right when it adds and to the left when it takes away.
  function drawRows(root, { rows }, step, { input, channel }) {
    const most = largest(rows.map(({ value }) => value)), active = document.activeElement;
    const focused = root.contains(active) && active.dataset.key;
    root.replaceChildren(...rows.map((row, i) => {
      const { label, value, since, total, last } = row, canBeChosen = row.channel !== undefined;
      const chosen = row.channel === channel && !row.cell && canBeChosen;
      const line = element("div", "term"), name = element(canBeChosen ? "button" : "span", "label");
      const kinds = { "to-come": since > step, total, result: last, chosen, alone: rows.length === 1 };
      for (const kind in kinds) line.classList.toggle(kind, Boolean(kinds[kind]));
      line.dataset.value = value;
      if (canBeChosen) choosable(name, row, input, channel);
      name.append(element("span", "", label));
      if (row.fold) {
        name.append(Object.assign(element("button", "unfold", row.fold), { type: "button" }));
        name.lastChild.dataset.key = "fold";
      }
      const sign = total ? "= " : i ? `${value < 0 ? "−" : "+"} ` : "";
      const text = sign + number(i && !total ? Math.abs(value) : value, 3);
      line.append(name, ...(rows.length > 1 ? [bar(value, most)] : []), element("b", "value", text));
      return line;
    }));
    if (focused) root.querySelector(`[data-key="${focused}"]`)?.focus({ preventScroll: true });
  }

  function bar(value, most) {
    const made = element("span", `signed ${value < 0 ? "low" : "high"}`), fill = element("i");
    fill.style.width = `${(50 * Math.abs(value)) / most}%`;
    made.append(fill);
    return made;
  }

  // The name of a term that can be chosen, with the map that it comes from.
  function choosable(button, { channel, cell }, input, current) {
    const canvas = document.createElement("canvas");
    digits.paintMap(canvas, input, channel);
    button.type = "button";
    button.append(canvas);
    Object.assign(button.dataset, { channel, key: [channel, ...(cell ?? [])].join("-") });
    if (cell) Object.assign(button.dataset, { row: cell[0], column: cell[1] });
    else button.setAttribute("aria-pressed", channel === current);
  }

  // A number in, a number out: the line of scale and shift, or the bend of ReLU.
  function drawGraph(root, { line, before, value, since }, { data }, step) {
    const W = 300, H = 200, low = Math.min(0, ...data), high = Math.max(1e-9, ...data), span = high - low;
    const ends = [low - 0.05 * span, high + 0.05 * span], outs = ends.map(line);
    const bottom = Math.min(0, ...outs), tall = Math.max(0, ...outs) - bottom || 1;
    const x = (v) => 20 + ((v - ends[0]) / (ends[1] - ends[0])) * (W - 40);
    const y = (v) => H - 24 - ((v - bottom) / tall) * (H - 44);
    const points = [ends[0], 0, ends[1]].map((v) => `${x(v)},${y(line(v))}`).join(" ");
    const svg = shape("svg", { viewBox: `0 0 ${W} ${H}`, class: "graph", role: "img",
      "aria-label": `In goes ${number(before, 3)}, out comes ${number(value, 3)}` });
    const words = (text, values) => Object.assign(shape("text", values), { textContent: text });
    const later = since > step ? " to-come" : "";
    svg.append(shape("path", { class: "axis", d: `M8 ${y(0)}H${W - 8}M${x(0)} 8V${H - 12}` }),
      shape("polyline", { class: "line", points }),
      words("in", { x: W - 10, y: y(0) + 15, "text-anchor": "end" }), words("out", { x: x(0) + 6, y: 16 }),
      shape("path", { class: `guide${later}`, d: `M${x(before)} ${y(0)}V${y(value)}H${x(0)}` }),
      shape("circle", { class: "before", cx: x(before), cy: y(0), r: 4.5 }),
      shape("circle", { class: `after${later}`, cx: x(before), cy: y(value), r: 6 }));
    root.append(svg);
  }

  // Scores, powers, shares: softmax in numbers.
  function drawShares(root, softmax, output, chosen, seen) {
    root.hidden = !softmax;
    root.classList.toggle("to-come", !seen);
    if (!softmax) return;
    const { powers, sum, shares } = softmax, focused = root.contains(document.activeElement);
    const power = (v) => (v < 0.0005 ? "< 0.001" : number(v, v < 10 ? 3 : v < 1000 ? 1 : 0));
    const button = (k) => `<button type="button" data-map="${k}" aria-label="The score of the ${k}" ` +
      `aria-pressed="${k === chosen}">${k}</button>`;
    const rows = powers.map((v, k) => `<tr${k === chosen ? ' class="chosen"' : ""}><th scope="row">${button(k)}</th>` +
      `<td>${number(output.data[k])}</td><td>${power(v)}</td><td>${digits.sums.percent(shares[k])}</td></tr>`);
    const names = ["digit", "score", "e<sup>score</sup>", "probability"];
    const heads = names.map((name) => `<th scope="col">${name}</th>`);
    root.innerHTML = "<table><caption>From scores to probabilities (softmax)</caption>" +
      `<thead><tr>${heads.join("")}</tr></thead><tbody>${rows.join("")}</tbody>` +
      `<tfoot><tr><th scope="row">sum</th><td></td><td>${power(sum)}</td><td>100 %</td></tr></tfoot></table>`;
    if (focused) root.querySelector(`[data-map="${chosen}"]`).focus({ preventScroll: true });
  }

  Object.assign(digits, { drawGrids, drawRows, drawGraph, drawShares });
})();
