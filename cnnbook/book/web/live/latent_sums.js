// The sums of the plane: what is where, what is near, and which way leads from one digit to another.
// A point is [first number, second number]; a frame is the square of the plane that one sees.
"use strict";
const LatentSums = (() => {
  const numbersOf = (codes, i) => [codes[2 * i], codes[2 * i + 1]];
  const apart = ([x, y], [u, v]) => Math.hypot(x - u, y - v);
  const between = (from, to, t) => from.map((value, i) => value + (to[i] - value) * t);
  function median(values) {
    const sorted = Float64Array.from(values).sort(), middle = sorted.length >> 1;
    return sorted.length % 2 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2;
  }
  const column = (codes, which) => Array.from(codes).filter((_, i) => i % 2 === which);

  // The square around all codes, with a margin; both numbers have the same scale, so that far is far.
  function wholeFrame(codes) {
    const ends = [0, 1].map((which) => {
      const values = column(codes, which);
      return [Math.min(...values), Math.max(...values)];
    });
    const side = 1.06 * Math.max(...ends.map(([low, high]) => high - low));
    return { low: ends.map(([low, high]) => (low + high - side) / 2), side };
  }
  // A smaller square around the middle of most codes, which stays inside the whole.
  function closeFrame(codes, whole, share = 0.42) {
    const side = share * whole.side;
    const low = whole.low.map((least, which) => {
      const wanted = median(column(codes, which)) - side / 2;
      return Math.max(least, Math.min(least + whole.side - side, wanted));
    });
    return { low, side };
  }

  // Shares of the square, from the left and from above, and back.
  const toPlace = ({ low, side }, [x, y]) => [(x - low[0]) / side, 1 - (y - low[1]) / side];
  const fromPlace = ({ low, side }, [left, top]) => [low[0] + left * side, low[1] + (1 - top) * side];
  const inside = ({ low, side }, point) => low.map((least, i) => Math.max(least, Math.min(least + side, point[i])));
  const isInside = (frame, point) => apart(inside(frame, point), point) === 0;

  // The middles of count x count squares, row by row from above.
  function grid(frame, count) {
    const middle = (i) => (i + 0.5) / count;
    return Array.from({ length: count * count }, (_, i) =>
      fromPlace(frame, [middle(i % count), middle(Math.floor(i / count))]));
  }
  // Whole steps for the lines of a frame: 10 apart, or 5 where one looks closer.
  function ticks({ low, side }, which) {
    const step = side > 40 ? 10 : 5, first = Math.ceil(low[which] / step);
    const count = Math.floor((low[which] + side) / step) - first + 1;
    return Array.from({ length: count }, (_, i) => (first + i) * step);
  }

  // The digits whose codes are nearest to a point, nearest first.
  function nearest(codes, point, count) {
    const all = Array.from({ length: codes.length / 2 }, (_, index) =>
      ({ index, distance: apart(numbersOf(codes, index), point) }));
    return all.sort((one, other) => one.distance - other.distance).slice(0, count);
  }

  // From a digit in the middle of its kind to one of another kind; of the same kind, to the farthest.
  function middleOf(codes, labels, digit) {
    const own = Array.from(labels.keys()).filter((i) => labels[i] === digit);
    const middle = [0, 1].map((which) => median(own.map((i) => codes[2 * i + which])));
    const distance = (i) => apart(numbersOf(codes, i), middle);
    return own.reduce((best, i) => (distance(i) < distance(best) ? i : best));
  }
  function ends(codes, labels, from, to) {
    const start = middleOf(codes, labels, from);
    if (from !== to) return [start, middleOf(codes, labels, to)];
    const own = Array.from(labels.keys()).filter((i) => labels[i] === from);
    const distance = (i) => apart(numbersOf(codes, i), numbersOf(codes, start));
    return [start, own.reduce((most, i) => (distance(i) > distance(most) ? i : most))];
  }
  const along = (from, to, count) => Array.from({ length: count }, (_, i) => between(from, to, i / (count - 1)));

  return { numbersOf, apart, between, wholeFrame, closeFrame, toPlace, fromPlace, inside, isInside, grid, ticks,
    nearest, middleOf, ends, along };
})();
if (typeof module !== "undefined") module.exports = LatentSums;
