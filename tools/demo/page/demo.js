import { normalize, resize, shrink, toMnist } from "./digit.js";
import * as ort from "./ort.js";

const SHRINK = 8; // pixels of the canvas per pixel of the picture that the digit is read from
const INK = 38; // width of a stroke in pixels of the canvas
const MIN_PROBABILITY = 0.8; // as in python/lenet/prediction/run.py; less is marked
const STEP = 14; // pixels of the canvas per arrow key
const ARROWS = { ArrowLeft: [-STEP, 0], ArrowRight: [STEP, 0], ArrowUp: [0, -STEP], ArrowDown: [0, STEP] };

const TEXTS = {
  title: ["LeNet-5: draw a digit", "LeNet-5 手写数字识别"],
  language: ["中文", "English"],
  draw: ["Draw a digit from 0 to 9", "写一个 0 到 9 的数字"],
  keys: ["Mouse or finger draws. With the keyboard: arrow keys move the pen, Space puts it down or lifts it, Delete clears.",
    "用鼠标或手指书写。键盘操作：方向键移动笔，空格键落笔或提笔，Delete 键清除。"],
  clear: ["Clear", "清除"],
  random: ["Random test digit", "随机测试数字"],
  result: ["The network's answer", "网络的回答"],
  empty: ["Nothing drawn yet", "还没有写数字"],
  several: ["This may be several digits, and the page reads only one. Draw one digit, with its strokes close together.",
    "这可能是多个数字，而本页每次只识别一个。请只写一个数字，各笔画靠近一些。"],
  writing: ["…", "……"],
  loading: ["Loading the network (14 MB)…", "正在加载网络（14 MB）……"],
  failed: ["The network could not be loaded: ", "网络加载失败："],
  sure: ["with % probability", "概率 %"],
  probabilities: ["Probability of each digit", "每个数字的概率"],
  sees: ["What the network sees", "网络看到的图像"],
  seesWhy: ["32 × 32 pixels: the ink is scaled and moved to the middle, as in MNIST.",
    "32 × 32 像素：笔迹经过缩放并移到中央，与 MNIST 图像一致。"],
  mistakes: ["The ten closest mistakes", "十个差一点就对的错误"],
  mistakesWhy: ["MNIST test digits that the network gets wrong, the narrowest miss first. Choose one to see why.",
    "网络认错的 MNIST 测试数字，差距最小的排在最前。点选一个，看看为什么。"],
  digit: ["MNIST test digit no. #, label @", "MNIST 第 # 号测试数字，标签为 @"],
  footer: ["Everything runs in this browser; nothing you draw is sent anywhere.",
    "一切都在此浏览器中运行，所写内容不会发送到任何地方。"],
};

const element = (id) => document.getElementById(id);
const canvas = element("drawing");
const context = canvas.getContext("2d", { willReadFrequently: true });
const pen = { x: canvas.width / 2, y: canvas.height / 2, down: false };

let chinese = navigator.language.startsWith("zh");
let session; // undefined until the network is loaded
let failure = "";
let digits = []; // of the test set: {index, label, image}; the mistakes first
let shown = null; // the test digit on the canvas
let answer = null; // probabilities
let reason = "empty"; // key of the text that says why there is no answer
let work = Promise.resolve();
let frame = 0; // not 0 from a request until its work begins

const text = (key) => TEXTS[key][chinese ? 1 : 0];
const percent = (share) => `${(100 * share).toFixed(1)} %`;
const best = (shares) => shares.indexOf(Math.max(...shares));
const describe = ({ index, label }) => text("digit").replace("#", index).replace("@", label);

function translate() {
  document.documentElement.lang = chinese ? "zh-CN" : "en";
  document.title = text("title");
  for (const item of document.querySelectorAll("[data-text]")) item.textContent = text(item.dataset.text);
  for (const item of document.querySelectorAll("[data-label]")) item.ariaLabel = text(item.dataset.label);
  document.querySelectorAll("#mistakes button").forEach((item, i) => {
    item.ariaLabel = `${describe(digits[i])}: ${item.textContent}`;
  });
  element("language").lang = chinese ? "en" : "zh-CN";
  report();
}

/** Shows the answer. */
function report() {
  element("answer").ariaBusy = frame !== 0; // a screen reader waits
  element("answer").textContent = failure ? text("failed") + failure : text(session ? reason : "loading");
  if (answer) {
    const [digit, lines] = ["strong", "span"].map((name) => document.createElement(name));
    const probability = Math.max(...answer);
    digit.textContent = best(answer) + (probability < MIN_PROBABILITY ? "?" : "");
    lines.textContent = text("sure").replace("%", percent(probability));
    if (shown) lines.append(document.createElement("br"), describe(shown));
    element("answer").replaceChildren(digit, lines);
  }
  [...element("probabilities").children].forEach((row, digit) => {
    row.dataset.percent = answer ? percent(answer[digit]) : "";
    row.classList.toggle("best", answer !== null && digit === best(answer));
    row.lastChild.style.setProperty("--share", answer ? answer[digit] : 0);
  });
}

/** Returns the probabilities of the digits in a 32x32 picture. */
async function probabilities({ pixels }) {
  const x = new ort.Tensor("float32", normalize(pixels), [1, 1, 32, 32]);
  const logits = Object.values(await session.run({ [session.inputNames[0]]: x }))[0].data;
  const exponentials = Array.from(logits, (logit) => Math.exp(logit - Math.max(...logits)));
  return exponentials.map((value) => value / exponentials.reduce((a, b) => a + b));
}

/** Sets the pixels of a canvas. */
function put(target, { height, width, pixels }) {
  [target.height, target.width] = [height, width];
  const gray = Uint8ClampedArray.from({ length: 4 * pixels.length }, (_, i) => i % 4 === 3 ? 255 : pixels[i >> 2]);
  target.getContext("2d").putImageData(new ImageData(gray, width, height), 0, 0);
}

/** Returns a new canvas with a digit of MNIST as dark ink. */
function inkOf({ height, width, pixels }) {
  const target = document.createElement("canvas");
  put(target, { height, width, pixels: pixels.map((level) => 255 - level) });
  return target;
}

/** Classifies what the canvas shows. */
async function classify() {
  frame = 0;
  const { width, height } = canvas;
  const words = new Uint32Array(context.getImageData(0, 0, width, height).data.buffer);
  const drawing = { height, width, pixels: new Uint8Array(words) }; // the lowest byte of each is red
  const image = shown ? shown.image : toMnist(shrink(drawing, SHRINK));
  const input = image.pixels && resize(image, 32, 32);
  if (!input) reason = image === "several" && pen.down ? "writing" : image; // a bar may become a 7
  put(element("seen"), input ?? { height: 32, width: 32, pixels: new Uint8Array(32 * 32) });
  answer = input && session ? await probabilities(input) : null;
  report();
}

/** Classifies at the next frame, after earlier work. */
function update() {
  element("answer").ariaBusy = true;
  frame ||= requestAnimationFrame(() => {
    work = work.then(classify).catch(fail);
  });
}

function fail(error) {
  [failure, answer] = [error.message, null];
  report();
}

/** Clears the canvas, or shows a digit of the test set on it. */
function show(digit) {
  shown = digit;
  context.fillStyle = "white";
  context.fillRect(0, 0, canvas.width, canvas.height);
  context.imageSmoothingEnabled = false;
  if (digit) context.drawImage(inkOf(digit.image), 0, 0, canvas.width, canvas.height);
  update();
}

/** Moves the pen, with a stroke if it was down and is. */
function move(x, y, down) {
  if (down && shown) show(null);
  if (down) {
    Object.assign(context, { lineWidth: INK, lineCap: "round" });
    context.beginPath();
    context.moveTo(...(pen.down ? [pen.x, pen.y] : [x, y]));
    context.lineTo(x, y);
    context.stroke();
  }
  if (down || pen.down) update();
  Object.assign(pen, { x, y, down });
  element("pen").classList.toggle("down", down);
  element("pen").style.left = `${100 * x / canvas.width}%`;
  element("pen").style.top = `${100 * y / canvas.height}%`;
}

function follow(event) {
  const box = canvas.getBoundingClientRect();
  const scale = canvas.width / box.width;
  move((event.clientX - box.left) * scale, (event.clientY - box.top) * scale, event.buttons !== 0);
}

canvas.addEventListener("pointerdown", (event) => {
  canvas.setPointerCapture(event.pointerId);
  pen.down = false;
  follow(event);
});
canvas.addEventListener("pointermove", (event) => event.buttons && follow(event));
for (const name of ["pointerup", "pointercancel", "blur"]) {
  canvas.addEventListener(name, () => move(pen.x, pen.y, false));
}
canvas.addEventListener("keydown", (event) => {
  const inside = (place) => Math.min(Math.max(place, INK / 2), canvas.width - INK / 2);
  const [x, y] = ARROWS[event.key] ?? [0, 0];
  if (ARROWS[event.key]) move(inside(pen.x + x), inside(pen.y + y), pen.down);
  else if (event.key === " ") move(pen.x, pen.y, !pen.down);
  else if (event.key === "Delete" || event.key === "Backspace") show(null);
  else return;
  event.preventDefault();
});
element("clear").addEventListener("click", () => show(null));
element("random").addEventListener("click", () => {
  const first = element("mistakes").children.length;
  show(digits[first + Math.floor((digits.length - first) * Math.random())]);
});
element("language").addEventListener("click", () => {
  chinese = !chinese;
  translate();
});

/** Adds a button for a test digit that the network gets wrong. */
async function addMistake(digit) {
  const [item, button] = ["li", "button"].map((name) => document.createElement(name));
  button.append(inkOf(digit.image), `${digit.label} → ${best(await probabilities(resize(digit.image, 32, 32)))}`);
  button.addEventListener("click", () => {
    show(digit);
    element("field").scrollIntoView({ block: "nearest" });
  });
  item.append(button);
  element("mistakes").append(item);
}

async function get(name) {
  const response = await fetch(name);
  if (!response.ok) throw new Error(`${name}: ${response.status}`);
  return response;
}

async function load() {
  ort.env.wasm.numThreads = 1;
  session = await ort.InferenceSession.create(await (await get("lenet.onnx")).arrayBuffer());
  const list = await (await get("digits.json")).json();
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
show(null);
translate();
load().catch(fail).then(translate).then(update);
