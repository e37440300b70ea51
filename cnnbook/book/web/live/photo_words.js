// What the network's numbers mean, in words: how sure it is, what a covered part has changed, where a map is hot.
"use strict";
(() => {
  const { CELLS } = cnnbook.photo;

  // The places of the largest values, the largest first.
  const bestOf = (values, count) => [...values.keys()].sort((a, b) => values[b] - values[a]).slice(0, count);

  function percent(p) {
    if (p > 0 && p < 0.001) return "under 0.1\u202f%";
    return `${p > 0.999 && p < 1 ? "over 99.9" : (100 * p).toFixed(1)}\u202f%`;
  }

  // How sure it is, in honest words: the first sentence under the photograph.
  function verdict(p, classes) {
    const [first, second] = bestOf(p, 2), names = [classes[first], classes[second]];
    if (p[first] >= 0.9) return `It is almost sure: <b>${names[0]}</b>.`;
    if (p[first] >= 0.6) return `It leans clearly towards <b>${names[0]}</b>.`;
    if (p[second] > 0.6 * p[first]) return `It is not sure: <b>${names[0]}</b>, or perhaps <b>${names[1]}</b>.`;
    return `It is not sure: its best guess is <b>${names[0]}</b>.`;
  }

  // What covering has changed for class k, from p to q, and whether another class is first now.
  function change(p, q, k, classes) {
    const points = 100 * (q[k] - p[k]), size = Math.abs(points), first = bestOf(q, 1)[0], name = `<b>${classes[k]}</b>`;
    const both = `${percent(p[k])} to ${percent(q[k])}`;
    const much = size < 10 ? "a little" : size < 30 ? "clearly" : "far";
    const spared = p[k] >= 0.1 ? ": it can do without this part" : "", about = size < 10 ? ""
      : points < 0 ? ": this part mattered" : ": this part spoke against it, or for another class";
    const words = size < 2 ? `Hardly any change for ${name}, from ${both}${spared}.`
      : `${name} ${points < 0 ? "falls" : "rises"} ${much}, from ${both}${about}.`;
    return first === bestOf(p, 1)[0] ? words : `${words} Now it says <b>${classes[first]}</b>.`;
  }

  // Where a map is largest, for those who cannot see it.
  function place(map) {
    const at = map.indexOf(Math.max(...map)), row = Math.floor(at / CELLS), column = at % CELLS;
    const vertical = ["top", "middle", "bottom"][Math.floor(row * 3 / CELLS)];
    const horizontal = ["left", "middle", "right"][Math.floor(column * 3 / CELLS)];
    const where = vertical === horizontal ? "in the middle" : `at the ${vertical}, ${horizontal}`;
    return `${where} (row ${row + 1}, column ${column + 1} of ${CELLS})`;
  }

  // Do two maps agree? Of the ten cells that are largest in each, so many are the same; by chance it would be two.
  function agreement(map, falls) {
    const strong = bestOf(falls, 10), same = bestOf(map, 10).filter((cell) => strong.includes(cell)).length;
    const words = same >= 6 ? "largely agree" : same >= 4 ? "agree in part" : "hardly agree";
    return `The two maps ${words}: they share ${same || "none"} of their ten strongest cells (by chance, two).`;
  }

  // Where covering lowered the score most.
  function strongest(falls) {
    const cell = bestOf(falls, 1)[0], where = `row ${Math.floor(cell / CELLS) + 1}, column ${cell % CELLS + 1}`;
    const most = falls[cell] > 0 ? `falls most, by ${falls[cell].toFixed(1)}` : "rises least";
    return `The score (before softmax) ${most}, when the square covers ${where}.`;
  }

  Object.assign(cnnbook.photo, { bestOf, percent, verdict, change, place, agreement, strongest });
})();
