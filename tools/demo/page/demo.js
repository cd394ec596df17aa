import { normalize, resize, shrink, toMnist } from "./digit.js";
import * as ort from "./ort.js";

const PICTURE = 56; // pixels per side of the picture that the digit is read from
const INK = 38; // width of a stroke in pixels of the canvas
const STEP = 14; // pixels of the canvas per arrow key

const TEXTS = {
  en: {
    title: "LeNet-5: draw a digit",
    language: "中文",
    draw: "Draw a digit from 0 to 9",
    keys: "Mouse or finger draws. With the keyboard: arrow keys move the pen, Space puts it down or lifts it, Delete clears.",
    clear: "Clear",
    random: "Random test digit",
    result: "The network's answer",
    empty: "Nothing drawn yet",
    loading: "Loading the network (14 MB)…",
    failed: "The network could not be loaded: ",
    sure: (percent) => `with ${percent} probability`,
    probabilities: "Probability of each digit",
    sees: "What the network sees",
    seesWhy: "32 × 32 pixels: the ink is scaled and moved to the middle, as in MNIST.",
    mistakes: "The ten closest mistakes",
    mistakesWhy: "MNIST test digits that the network gets wrong, the narrowest miss first. Choose one to see why.",
    digit: (index, label) => `MNIST test digit no. ${index}, label ${label}`,
    footer: "Everything runs in this browser; nothing you draw is sent anywhere.",
  },
  zh: {
    title: "LeNet-5 手写数字识别",
    language: "English",
    draw: "写一个 0 到 9 的数字",
    keys: "用鼠标或手指书写。键盘操作：方向键移动笔，空格键落笔或提笔，Delete 键清除。",
    clear: "清除",
    random: "随机测试数字",
    result: "网络的回答",
    empty: "还没有写数字",
    loading: "正在加载网络（14 MB）……",
    failed: "网络加载失败：",
    sure: (percent) => `概率 ${percent}`,
    probabilities: "每个数字的概率",
    sees: "网络看到的图像",
    seesWhy: "32 × 32 像素：笔迹经过缩放并移到中央，与 MNIST 图像一致。",
    mistakes: "十个差一点就对的错误",
    mistakesWhy: "网络认错的 MNIST 测试数字，差距最小的排在最前。点选一个，看看为什么。",
    digit: (index, label) => `MNIST 第 ${index} 号测试数字，标签为 ${label}`,
    footer: "一切都在此浏览器中运行，所写内容不会发送到任何地方。",
  },
};

const element = (id) => document.getElementById(id);
const canvas = element("drawing");
const context = canvas.getContext("2d", { willReadFrequently: true });
const pen = { x: canvas.width / 2, y: canvas.height / 2, down: false };

let language = navigator.language.startsWith("zh") ? "zh" : "en";
let session; // undefined until the network is loaded
let failure = "";
let digits = []; // of the test set: {index, label, image}; the mistakes first
let shown = null; // the test digit on the canvas
let answer = null; // probabilities
let pending = Promise.resolve();

const text = (key) => TEXTS[language][key];
const percent = (share) => `${(100 * share).toFixed(1)} %`;
const best = (shares) => shares.indexOf(Math.max(...shares));

function translate() {
  document.documentElement.lang = language === "zh" ? "zh-CN" : "en";
  document.title = text("title");
  for (const item of document.querySelectorAll("[data-text]")) item.textContent = text(item.dataset.text);
  for (const item of document.querySelectorAll("[data-label]")) item.ariaLabel = text(item.dataset.label);
  element("language").lang = language === "zh" ? "en" : "zh-CN";
  for (const item of element("mistakes").children) item.firstChild.ariaLabel = item.describe();
  report();
}

/** Shows the answer. */
function report() {
  if (answer) {
    const digit = document.createElement("strong");
    digit.textContent = best(answer);
    const lines = document.createElement("span");
    lines.textContent = text("sure")(percent(Math.max(...answer)));
    if (shown) lines.append(document.createElement("br"), text("digit")(shown.index, shown.label));
    element("answer").replaceChildren(digit, lines);
  } else {
    element("answer").textContent = failure ? text("failed") + failure : text(session ? "empty" : "loading");
  }
  [...element("probabilities").children].forEach((row, digit) => {
    const share = answer ? answer[digit] : 0;
    row.dataset.percent = answer ? percent(share) : "";
    row.classList.toggle("best", answer !== null && digit === best(answer));
    row.lastChild.style.setProperty("--share", share);
  });
}

/** Returns the canvas as a gray picture, dark on light. */
function drawing() {
  const { width, height } = canvas;
  const { data } = context.getImageData(0, 0, width, height);
  const pixels = Uint8Array.from({ length: width * height }, (_, i) => data[4 * i]);
  return shrink({ height, width, pixels }, width / PICTURE);
}

/** Returns the probabilities of the digits in a 32x32 picture. */
async function probabilities({ pixels }) {
  const { [session.outputNames[0]]: logits } = await session.run({
    [session.inputNames[0]]: new ort.Tensor("float32", normalize(pixels), [1, 1, 32, 32]),
  });
  const highest = Math.max(...logits.data);
  const exponentials = Array.from(logits.data, (logit) => Math.exp(logit - highest));
  const sum = exponentials.reduce((a, b) => a + b);
  return exponentials.map((value) => value / sum);
}

/** Draws a gray picture in the upper left corner of a canvas, inverted for a digit as ink. */
function put(target, { height, width, pixels }, inverted) {
  const data = new ImageData(width, height);
  pixels.forEach((level, i) => data.data.set([0, 0, 0].fill(inverted ? 255 - level : level).concat(255), 4 * i));
  target.getContext("2d").putImageData(data, 0, 0);
}

/** Classifies what the canvas shows; the last of several calls wins. */
async function classify() {
  const image = shown ? shown.image : toMnist(drawing());
  const input = image && resize(image, 32, 32);
  put(element("seen"), input ?? { height: 32, width: 32, pixels: new Uint8Array(1024) }, false);
  answer = input && session ? await probabilities(input) : null;
  element("answer").ariaBusy = Boolean(update.wanted);
  report();
}

/** Classifies at the next frame, one at a time, and not more often. */
function update() {
  element("answer").ariaBusy = true; // a screen reader waits
  update.wanted ||= requestAnimationFrame(() => {
    update.wanted = 0;
    pending = pending.then(classify).catch(fail);
  });
}

function fail(error) {
  [failure, answer] = [error.message, null];
  report();
}

function clear() {
  shown = null;
  context.fillStyle = "white";
  context.fillRect(0, 0, canvas.width, canvas.height);
  update();
}

function show(digit) {
  clear();
  shown = digit;
  const small = document.createElement("canvas");
  [small.width, small.height] = [digit.image.width, digit.image.height];
  put(small, digit.image, true);
  context.imageSmoothingEnabled = false;
  context.drawImage(small, 0, 0, canvas.width, canvas.height);
}

/** Moves the pen, with a stroke if it is down. */
function move(x, y) {
  if (pen.down) {
    if (shown) clear();
    Object.assign(context, { lineWidth: INK, lineCap: "round", strokeStyle: "black" });
    context.beginPath();
    context.moveTo(pen.x, pen.y);
    context.lineTo(x, y);
    context.stroke();
    update();
  }
  Object.assign(pen, { x, y });
  element("pen").classList.toggle("down", pen.down);
  element("pen").style.left = percent(x / canvas.width).replace(" ", "");
  element("pen").style.top = percent(y / canvas.height).replace(" ", "");
}

function moveTo(event) {
  const box = canvas.getBoundingClientRect();
  const scale = canvas.width / box.width;
  move((event.clientX - box.left) * scale, (event.clientY - box.top) * scale);
}

canvas.addEventListener("pointerdown", (event) => {
  canvas.setPointerCapture(event.pointerId);
  pen.down = false;
  moveTo(event);
  pen.down = true;
  moveTo(event);
});
canvas.addEventListener("pointermove", (event) => {
  if (!event.buttons) return;
  for (const part of event.getCoalescedEvents?.() ?? [event]) moveTo(part);
});
for (const name of ["pointerup", "pointercancel"]) {
  canvas.addEventListener(name, () => {
    pen.down = false;
    move(pen.x, pen.y);
  });
}

const ARROWS = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };
canvas.addEventListener("keydown", (event) => {
  if (ARROWS[event.key]) {
    const [x, y] = ARROWS[event.key].map((step) => step * STEP);
    const inside = (place) => Math.min(Math.max(place, INK / 2), canvas.width - INK / 2);
    move(inside(pen.x + x), inside(pen.y + y));
  } else if (event.key === " ") {
    pen.down = !pen.down;
    move(pen.x, pen.y);
  } else if (event.key === "Delete" || event.key === "Backspace") {
    clear();
  } else {
    return;
  }
  event.preventDefault();
});
canvas.addEventListener("blur", () => {
  pen.down = false;
  move(pen.x, pen.y);
});
element("clear").addEventListener("click", clear);
element("random").addEventListener("click", () => {
  const others = digits.slice(element("mistakes").children.length);
  show(others[Math.floor(others.length * Math.random())]);
});
element("language").addEventListener("click", () => {
  language = language === "zh" ? "en" : "zh";
  translate();
});

/** Adds a button for a test digit that the network gets wrong. */
async function addMistake(digit) {
  const found = best(await probabilities(resize(digit.image, 32, 32)));
  const item = document.createElement("li");
  const button = document.createElement("button");
  const picture = document.createElement("canvas");
  [picture.width, picture.height] = [digit.image.width, digit.image.height];
  put(picture, digit.image, true);
  item.describe = () => `${text("digit")(digit.index, digit.label)} → ${found}`;
  button.append(picture, `${digit.label} → ${found}`);
  button.addEventListener("click", () => {
    show(digit);
    element("field").scrollIntoView({ block: "nearest" });
  });
  item.append(button);
  element("mistakes").append(item);
}

async function load() {
  ort.env.wasm.numThreads = 1;
  const get = async (name) => {
    const response = await fetch(name);
    if (!response.ok) throw new Error(`${name}: ${response.status}`);
    return response;
  };
  const [model, list] = await Promise.all([
    get("lenet.onnx").then((response) => response.arrayBuffer()),
    get("digits.json").then((response) => response.json()),
  ]);
  session = await ort.InferenceSession.create(model);
  const pixels = Uint8Array.from(atob(list.pixels), (letter) => letter.charCodeAt(0));
  digits = list.indices.map((index, i) => {
    const image = { height: 28, width: 28, pixels: pixels.subarray(784 * i, 784 * (i + 1)) };
    return { index, label: list.labels[i], image };
  });
  for (const digit of digits.slice(0, list.mistakes)) await addMistake(digit);
  element("random").disabled = false;
}

for (let digit = 0; digit < 10; digit++) {
  const row = document.createElement("li");
  row.append(digit, document.createElement("div"));
  element("probabilities").append(row);
}
clear();
translate();
load().catch(fail).then(translate).then(update);
