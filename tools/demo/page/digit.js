// Converts a drawing to the input of the network: python/lenet/prediction/digit.py and
// python/lenet/data/transform.py for gray pictures of less than 64 pixels per side, byte for byte.
// A drawing that python/lenet/prediction/row.py separates or refuses is not converted.
// Pictures are {height, width, pixels}, pixels a Uint8Array of gray levels, row by row.

const BOX = 20; // pixels, the longer side of the ink
const CANVAS = 28; // pixels
const MIN_CONTRAST = 32; // gray levels between ink and paper
const MIN_INK = 4; // pixels
const MIN_COVERAGE = 51; // of 255; paler pixels do not count for the size of the digit
const TOUCHING = [[48, 20, 54], [60, 27, 51], [78, 20, 42]]; // as in row.py, in 60ths
const WEIGHT_ONE = 2048;

const div = (a, b) => Math.floor(a / b);
const median = (values) => values.toSorted()[div(values.length, 2)];
const low = (values) => values.reduce((a, b) => Math.min(a, b), Infinity);
const high = (values) => values.reduce((a, b) => Math.max(a, b), -Infinity);
const sum = (values) => values.reduce((a, b) => a + b, 0);

/** Returns a picture whose pixels are level(row, column). */
function picture(height, width, level) {
  const pixels = new Uint8Array(height * width);
  for (let i = 0; i < pixels.length; i++) pixels[i] = level(div(i, width), i % width);
  return { height, width, pixels };
}

/** Returns a digit in the form of MNIST's images, 28x28, or why there is none: "empty" or "several". */
export function toMnist(gray) {
  const coverage = ink(gray);
  if (!coverage) return "empty";
  const strokes = strokesOf(coverage);
  return isOne(strokes) ? centred(fitted(cropped(coverage, around(strokes.flat())))) : "several";
}

/** Returns the ink coverage of each pixel, exactly 0 on paper, or null without ink. */
function ink({ height, width, pixels }) {
  const border = (levels) => levels.filter((_, i) =>
    i < width || i >= width * (height - 1) || i % width === 0 || i % width === width - 1);
  const lightPaper = 2 * median(border(pixels)) > low(pixels) + high(pixels);
  const light = lightPaper ? pixels.map((level) => 255 - level) : pixels;
  const paper = median(border(light));
  const threshold = otsu(light);
  const above = light.filter((level) => level > threshold);
  if (high(light) - paper < MIN_CONTRAST || above.length < MIN_INK) return null;
  const none = Math.max(paper, div(paper + threshold, 2));
  const range = Math.max(median(above), none + 1) - none;
  const covered = (level) => div(Math.min(Math.max(level - none, 0), range) * 255, range);
  return { height, width, pixels: light.map(covered) };
}

/** Returns the gray level with the largest variance between its two sides (Otsu, 1979). */
function otsu(pixels) {
  const counts = new Array(256).fill(0);
  pixels.forEach((level) => counts[level]++);
  const total = sum(pixels);
  let below = 0, darker = 0, best = 0, threshold = 0;
  counts.forEach((count, level) => {
    below += count;
    darker += count * level;
    const above = pixels.length - below;
    const distance = darker / below - (total - darker) / above;
    const variance = below * above * (distance * distance); // NaN if a side is empty
    if (variance > best) [best, threshold] = [variance, level];
  });
  return threshold;
}

const size = ([from, to]) => to - from;
const between = (a, b) => Math.max(a[0], b[0]) - Math.min(a[1], b[1]); // 0 if they touch, less if they overlap
const around = (boxes) => [0, 1].map((axis) =>
  [low(boxes.map((box) => box[axis][0])), high(boxes.map((box) => box[axis][1]))]);

/** Returns the pixels of each stroke as boxes, [[top, bottom], [left, right]]. */
function strokesOf({ width, pixels }) {
  let strokes = [];
  pixels.forEach((level, i) => {
    if (level <= MIN_COVERAGE) return;
    const pixel = [div(i, width), i % width].map((place) => [place, place + 1]);
    const touches = (other) => [0, 1].every((axis) => between(other[axis], pixel[axis]) <= 0);
    const own = strokes.filter((stroke) => stroke.some(touches));
    strokes = [...strokes.filter((stroke) => !own.includes(stroke)), [pixel, ...own.flat()]];
  });
  return strokes;
}

/** Returns whether strokes are one digit, by the rules of row.py. */
function isOne(strokes) {
  const boxes = strokes.map(around), [rows, [left, right]] = around(boxes);
  const tallest = high(boxes.map((box) => size(box[0])));
  const isMark = (box) => 2 * size(box[0]) < tallest;
  const isFramed = (box) => 4 * size(box[0]) >= tallest && boxes.some((other) =>
    other !== box && [0, 1].every((axis) => between(other[axis], box[axis]) === -size(box[axis])));
  boxes.sort((a, b) => isMark(a) - isMark(b) || a[1][0] - b[1][0] || a[0][0] - b[0][0]);
  let digit = boxes[0];
  const belongs = (box) => {
    const [down, across] = [0, 1].map((axis) => between(digit[axis], box[axis]));
    const narrower = Math.min(size(digit[1]), size(box[1]));
    digit = around([digit, box]);
    return isMark(box) ? 3 * across < tallest : 10 * down < tallest && -2 * across >= narrower;
  };
  const height = size(rows), width = right - left;
  const extent = (from, to) => size(around(strokes.flat().filter(([, [x]]) => x >= from && x < to))[0]);
  const touching = (x) => x > left && x < right - 1 && TOUCHING.some(([wide, joint, sides]) =>
    60 * width >= wide * height && 60 * extent(x, x + 1) < joint * height &&
    60 * Math.min(extent(left, x), extent(x + 1, right)) >= sides * height);
  const columns = Array.from({ length: width }, (_, i) => left + i);
  return width <= 2 * height && !boxes.some(isFramed) && boxes.every(belongs) && !columns.some(touching);
}

/** Returns the part of a picture in a box. */
const cropped = ({ width, pixels }, [rows, columns]) => picture(size(rows), size(columns),
  (row, column) => pixels[(rows[0] + row) * width + columns[0] + column]);

/** Scales the ink so that its longer side is 20 pixels; thin strokes get full brightness. */
function fitted(digit) {
  const longer = Math.max(digit.height, digit.width);
  const side = (length) => Math.max(1, div(2 * length * BOX + longer, 2 * longer));
  const small = shrink(digit, Math.ceil(longer / (2 * BOX)));
  const result = resize(small, side(digit.height), side(digit.width));
  const largest = Math.max(high(result.pixels), 1);
  result.pixels = result.pixels.map((level) => Math.min(div(level * 255 * 9, 8 * largest), 255));
  return result;
}

/** Puts the centre of mass of the ink in the middle of an empty 28x28 image, if it fits. */
function centred({ height, width, pixels }) {
  const total = sum(pixels);
  const start = (side, place) => {
    const moment = pixels.reduce((a, level, i) => a + level * place(i), 0);
    return Math.min(Math.max(div(CANVAS * total - 2 * moment, 2 * total), 0), CANVAS - side);
  };
  const top = start(height, (i) => div(i, width)), left = start(width, (i) => i % width);
  return picture(CANVAS, CANVAS, (row, column) => {
    const [y, x] = [row - top, column - left];
    return x >= 0 && x < width ? pixels[y * width + x] : 0; // undefined, stored as 0, above and below
  });
}

/** Averages squares of `step` pixels per side, or of the whole side if it is shorter. */
export function shrink({ height, width, pixels }, step) {
  const down = Math.min(step, height), across = Math.min(step, width), area = down * across;
  return picture(div(height, down), div(width, across), (row, column) => {
    let total = div(area, 2);
    for (let y = row * down; y < (row + 1) * down; y++) {
      for (let x = column * across; x < (column + 1) * across; x++) total += pixels[y * width + x];
    }
    return div(total, area);
  });
}

/** Resizes a picture bilinearly. */
export function resize({ height, width, pixels }, newHeight, newWidth) {
  const down = weights(height, newHeight), across = weights(width, newWidth);
  return picture(newHeight, newWidth, (row, column) => {
    const terms = down[row].flatMap(([y, a]) => across[column].map(([x, b]) => a * b * pixels[y * width + x]));
    return div(sum(terms) + WEIGHT_ONE ** 2 / 2, WEIGHT_ONE ** 2);
  });
}

/** Returns the two source pixels and their integer weights for each target pixel. */
function weights(size, target) {
  return Array.from({ length: target }, (_, i) => {
    const numerator = Math.max((2 * i + 1) * size - target, 0);
    const first = Math.min(div(numerator, 2 * target), size - 1);
    const rest = first === size - 1 ? 0 : numerator % (2 * target);
    const weight = div(2 * WEIGHT_ONE * rest + 2 * target, 4 * target);
    return [[first, WEIGHT_ONE - weight], [Math.min(first + 1, size - 1), weight]];
  });
}

/** Returns gray levels as the float32 input of the network. */
export const normalize = (pixels) => Float32Array.from(pixels, (level) => (level / 255 - 0.1307) / 0.3081);
