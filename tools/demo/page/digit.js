// Converts a drawing to the input of the network: python/lenet/prediction/digit.py and
// python/lenet/data/transform.py for gray pictures of less than 64 pixels per side, byte for byte.
// Pictures are {height, width, pixels}, pixels a Uint8Array of gray levels, row by row.

const BOX = 20; // pixels, the longer side of the ink
const CANVAS = 28; // pixels
const MIN_CONTRAST = 32; // gray levels between ink and paper
const MIN_INK = 4; // pixels
const MIN_COVERAGE = 51; // of 255; paler pixels do not count for the size of the digit
const WEIGHT_ONE = 2048;
const MEAN = 0.1307;
const STD = 0.3081;

const div = (a, b) => Math.floor(a / b);

/** Returns a picture of a digit in the form of MNIST's images, 28x28, or null without ink. */
export function toMnist(gray) {
  const coverage = ink(gray);
  return coverage && centred(fitted(cropped(coverage)));
}

/** Returns the ink coverage of each pixel, exactly 0 on paper, or null without ink. */
function ink({ height, width, pixels }) {
  const [low, high] = range(pixels);
  const lightPaper = 2 * median(border(height, width, pixels)) > low + high;
  const light = lightPaper ? pixels.map((level) => 255 - level) : pixels;
  const paper = median(border(height, width, light));
  if (range(light)[1] - paper < MIN_CONTRAST) return null;
  const threshold = otsu(light);
  const above = light.filter((level) => level > threshold);
  if (above.length < MIN_INK) return null;
  const none = Math.max(paper, div(paper + threshold, 2));
  const full = Math.max(median(above), none + 1);
  const covered = (level) => div(Math.min(Math.max(level - none, 0), full - none) * 255, full - none);
  return { height, width, pixels: light.map(covered) };
}

const range = (pixels) => pixels.reduce(([a, b], x) => [Math.min(a, x), Math.max(b, x)], [255, 0]);

const median = (values) => values.toSorted()[div(values.length, 2)];

function border(height, width, pixels) {
  return pixels.filter((_, i) => {
    const row = div(i, width), column = i % width;
    return row === 0 || row === height - 1 || column === 0 || column === width - 1;
  });
}

/** Returns the gray level with the largest variance between its two sides (Otsu, 1979). */
function otsu(pixels) {
  const counts = new Array(256).fill(0);
  pixels.forEach((level) => counts[level]++);
  const total = pixels.reduce((sum, level) => sum + level, 0);
  let below = 0, sum = 0, best = 0, threshold = 0;
  counts.forEach((count, level) => {
    below += count;
    sum += count * level;
    const above = pixels.length - below;
    const distance = sum / below - (total - sum) / above;
    const variance = below * above * (distance * distance); // NaN if a side is empty
    if (variance > best) [best, threshold] = [variance, level];
  });
  return threshold;
}

/** Returns the part of the picture from the first to the last row and column with ink. */
function cropped({ height, width, pixels }) {
  let top = height, bottom = 0, left = width, right = 0;
  pixels.forEach((level, i) => {
    if (level <= MIN_COVERAGE) return;
    const row = div(i, width), column = i % width;
    [top, bottom] = [Math.min(top, row), Math.max(bottom, row + 1)];
    [left, right] = [Math.min(left, column), Math.max(right, column + 1)];
  });
  const size = [bottom - top, right - left];
  return picture(...size, (row, column) => pixels[(top + row) * width + left + column]);
}

/** Scales the ink so that its longer side is 20 pixels; thin strokes get full brightness. */
function fitted(digit) {
  const longer = Math.max(digit.height, digit.width);
  const side = (length) => Math.max(1, div(2 * length * BOX + longer, 2 * longer));
  const small = shrink(digit, Math.ceil(longer / (2 * BOX)));
  const result = resize(small, side(digit.height), side(digit.width));
  const largest = Math.max(range(result.pixels)[1], 1);
  result.pixels = result.pixels.map((level) => Math.min(div(level * 255 * 9, 8 * largest), 255));
  return result;
}

/** Puts the centre of mass of the ink in the middle of an empty 28x28 image, if it fits. */
function centred({ height, width, pixels }) {
  let total = 0, down = 0, across = 0;
  pixels.forEach((level, i) => {
    total += level;
    down += level * div(i, width);
    across += level * (i % width);
  });
  const position = (moment, side) =>
    Math.min(Math.max(div(CANVAS * total - 2 * moment, 2 * total), 0), CANVAS - side);
  const top = position(down, height), left = position(across, width);
  return picture(CANVAS, CANVAS, (row, column) => {
    const [y, x] = [row - top, column - left];
    return y >= 0 && y < height && x >= 0 && x < width ? pixels[y * width + x] : 0;
  });
}

/** Averages squares of `step` pixels per side, or of the whole side if it is shorter. */
export function shrink({ height, width, pixels }, step) {
  const down = Math.min(step, height), across = Math.min(step, width), area = down * across;
  return picture(div(height, down), div(width, across), (row, column) => {
    let sum = 0;
    for (let y = row * down; y < (row + 1) * down; y++) {
      for (let x = column * across; x < (column + 1) * across; x++) sum += pixels[y * width + x];
    }
    return div(sum + div(area, 2), area);
  });
}

/** Resizes a picture bilinearly. */
export function resize(source, height, width) {
  const down = weights(source.height, height), across = weights(source.width, width);
  return picture(height, width, (row, column) => {
    let sum = 0;
    for (const [y, a] of down[row]) {
      for (const [x, b] of across[column]) sum += a * b * source.pixels[y * source.width + x];
    }
    return div(sum + WEIGHT_ONE ** 2 / 2, WEIGHT_ONE ** 2);
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

/** Returns the input of the network, normalised float32, of gray levels. */
export function normalize(pixels) {
  return Float32Array.from(pixels, (level) => (level / 255 - MEAN) / STD);
}

function picture(height, width, level) {
  const pixels = new Uint8Array(height * width);
  for (let i = 0; i < pixels.length; i++) pixels[i] = level(div(i, width), i % width);
  return { height, width, pixels };
}
