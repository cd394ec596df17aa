"""The page in a headless Chromium: answers, screens, keyboard, languages and colours."""

import base64
import collections
import io
import json
import re
import signal
import socket

import numpy as np
import pytest
from PIL import Image, ImageDraw
from playwright import sync_api

from lenet import resources
from lenet.data import transform
from lenet.errors import UserError
from lenet.prediction import digit
from lenet.testing import programs

DEMO = "//tools/demo:demo"
sync_api.expect.set_options(timeout=60_000)  # in milliseconds, for a busy machine
DESKTOP = {"viewport": {"width": 1280, "height": 800}}
PHONE = {"viewport": {"width": 390, "height": 844}, "has_touch": True, "is_mobile": True}

# Strokes, in percent of the drawing area.
ONE = [(50, 15), (50, 85)]
THREE = [(32, 25), (45, 17), (60, 20), (66, 32), (58, 44), (47, 48)]
THREE += [(60, 52), (68, 64), (60, 80), (45, 84), (30, 76)]
SEVEN = [(30, 20), (70, 20), (48, 85)]
FOUR_AND_TWO = [[(28, 20), (12, 56), (42, 56)], [(36, 34), (36, 84)]]
FOUR_AND_TWO += [[(60, 34), (70, 22), (84, 28), (82, 44), (60, 80), (90, 80)]]
FIVE_WITH_LOOSE_BAR = [[(38, 32), (36, 50), (58, 52), (62, 68), (52, 82), (34, 80)]]
FIVE_WITH_LOOSE_BAR += [[(44, 16), (66, 14)]]
BROKEN_ONE = [[(50, 10), (50, 38)], [(50, 58), (50, 90)]]

# The lowest contrast of text with the nearest background, as WCAG defines it.
CONTRAST = """() => {
  const luminance = (color) => color.match(/[\\d.]+/g).slice(0, 3)
    .map((part) => part / 255)
    .map((part) => part <= 0.04045 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4)
    .reduce((sum, part, i) => sum + part * [0.2126, 0.7152, 0.0722][i], 0);
  const ground = (item) => {
    const color = getComputedStyle(item).backgroundColor;
    return color === "rgba(0, 0, 0, 0)" ? ground(item.parentElement) : color;
  };
  const texts = [...document.body.querySelectorAll("*")].filter(
    (item) => [...item.childNodes].some((node) => node.nodeType === 3 && node.data.trim()));
  return Math.min(...texts.map((item) => {
    const [text, paper] = [getComputedStyle(item).color, ground(item)].map(luminance);
    return (Math.max(text, paper) + 0.05) / (Math.min(text, paper) + 0.05);
  }));
}"""


@pytest.fixture(scope="module")
def url(tmp_path_factory):
    process = programs.start(DEMO, "--port=0", cwd=tmp_path_factory.mktemp("demo"))
    yield re.findall(r"http://127\.0\.0\.1:\d+/", programs.read_until(process, "http"))[0]
    process.send_signal(signal.SIGINT)
    _, errors = process.communicate()
    assert (process.returncode, errors) == (0, "")


@pytest.fixture(scope="module")
def browser(tmp_path_factory):
    home = tmp_path_factory.mktemp("home")
    fonts = resources.path("fonts/Open_Sans/OpenSans-Regular.ttf", "chromium").parent
    (home / "fonts.conf").write_text(f"<fontconfig><dir>{fonts}</dir></fontconfig>")
    environment = {
        "HOME": str(home),
        "FONTCONFIG_FILE": str(home / "fonts.conf"),
        "LD_LIBRARY_PATH": str(resources.path("lib/libnss3.so", "chromium").parent),
    }
    with sync_api.sync_playwright() as playwright:
        program = resources.path("chromium", "chromium")
        yield playwright.chromium.launch(executable_path=program, env=environment)


@pytest.fixture
def open_page(browser, url):
    """Returns a function that opens the page. Errors and requests to others fail the test."""
    events: list[str] = []

    def open_page(**kwargs):
        page = browser.new_context(**DESKTOP | {"locale": "en-US"} | kwargs).new_page()
        page.set_default_timeout(120_000)
        page.on("pageerror", lambda error: events.append(f"error {error}"))
        page.on("console", lambda message: events.append(f"{message.type} {message.text}"))
        page.on("request", lambda request: events.append(request.url))
        page.goto(url)
        page.wait_for_selector("#random:enabled")
        return page

    yield open_page
    assert [event for event in events if not event.startswith((url, "data:"))] == []


def _points(page, stroke):
    box = page.locator("#drawing").bounding_box()
    return [
        (box["x"] + x * box["width"] / 100, box["y"] + y * box["height"] / 100) for x, y in stroke
    ]


def _draw(page, stroke):
    first, *others = _points(page, stroke)
    page.mouse.move(*first)
    page.mouse.down()
    for point in others:
        page.mouse.move(*point, steps=4)
    page.mouse.up()


def _draw_by_finger(page, stroke):
    session = page.context.new_cdp_session(page)
    kinds = ["touchStart"] + ["touchMove"] * (len(stroke) - 1)
    for kind, (x, y) in zip(kinds, _points(page, stroke), strict=True):
        session.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": [{"x": x, "y": y}]})
    session.send("Input.dispatchTouchEvent", {"type": "touchEnd", "touchPoints": []})


def _expect_digit(page, expected):
    sync_api.expect(page.locator("#answer strong")).to_have_text(str(expected))


def _gray(page, canvas):
    """Returns the pixels of a canvas, uint8 [H, W]."""
    data = page.locator(canvas).evaluate("(item) => item.toDataURL()").partition(",")[2]
    return np.asarray(Image.open(io.BytesIO(base64.b64decode(data))).convert("L"))


def _pictures():
    """Returns lines in many sizes, dark and light, apart and joined, and some without ink."""
    random = np.random.default_rng(0)
    pictures: list[np.ndarray] = [
        np.full((56, 56), 255, np.uint8),
        np.tile(np.arange(100, 131, dtype=np.uint8), (56, 1)),
    ]
    for height, width in [(56, 56)] * 160 + [(20, 50), (63, 63), (41, 30), (1, 9)]:
        image = Image.new("L", (width, height), 255)
        for left in random.integers(0, 64, random.integers(1, 4)):
            corners = random.integers(0, 64, (random.integers(2, 5), 2)) // [2, 1] + [left // 2, 0]
            if random.random() < 0.4:  # two strokes that a bar joins
                x, top, y = random.integers([26, 16, 20], [60, 30, 56])
                corners = np.array([(4, 16), (4, 56), (4, y), (x, y), (x, top), (x, 56)])
            corners = corners * [width, height] // 64
            ImageDraw.Draw(image).line(list(map(tuple, corners)), 0, int(random.integers(1, 9)))
        levels = np.asarray(image) * random.uniform(0.2, 1) + random.uniform(0, 40, (height, width))
        levels = np.clip(levels, 0, 255).astype(np.uint8)
        pictures.append(levels if random.random() < 0.5 else 255 - levels)
    return pictures


def test_preprocessing_equals_that_of_predict(open_page):
    page = open_page()
    script = """async ([height, width, pixels]) => {
      const { normalize, resize, toMnist } = await import("./digit.js");
      const image = toMnist({ height, width, pixels: Uint8Array.from(pixels) });
      if (!image.pixels) return image;
      const input = resize(image, 32, 32);
      return [image.pixels, input.pixels, normalize(input.pixels)].map((item) => [...item]);
    }"""
    answers: collections.Counter[str] = collections.Counter()
    for gray in _pictures():
        found = page.evaluate(script, [*gray.shape, gray.ravel().tolist()])
        try:
            image = digit.to_mnist(gray, "auto")
        except UserError as error:
            answers[str(error)[:6]] += 1
            assert found == ("empty" if "no ink" in str(error) else "several"), error
            continue
        answers["one"] += 1
        expected = [image, transform.resize(image[np.newaxis], 32, 32)]
        expected.append(transform.normalize(expected[1]))
        for ours, theirs in zip(found, expected, strict=True):
            np.testing.assert_array_equal(np.array(ours, theirs.dtype), theirs.ravel())
    assert answers["one"] > 30
    assert len(answers) == 8, answers  # each reason of lenet.prediction.row


def test_answers_equal_those_of_predict(open_page, tmp_path):
    page = open_page()
    answers = {}
    for strokes, expected in [([ONE], 1), ([THREE], 3), (FIVE_WITH_LOOSE_BAR, 5), ([SEVEN], 7)]:
        page.click("#clear")
        for stroke in strokes:
            _draw(page, stroke)
        _expect_digit(page, expected)
        page.wait_for_selector("#answer[aria-busy=false]")
        name = f"{expected}.png"
        gray = transform.shrink(_gray(page, "#drawing"), 8)
        Image.fromarray(gray).save(tmp_path / name)
        seen = transform.resize(digit.to_mnist(gray, "auto")[np.newaxis], 32, 32)[0]
        np.testing.assert_array_equal(_gray(page, "#seen"), seen)
        shares = "(rows) => rows.map((row) => +row.style.getPropertyValue('--share'))"
        answers[name] = page.locator("#probabilities div").evaluate_all(shares)
    result = programs.run("predict", "--json", *answers, cwd=tmp_path)
    assert result.returncode == 0, result.stderr
    for answer, line in zip(answers.values(), result.stdout.splitlines(), strict=True):
        np.testing.assert_allclose(answer, json.loads(line)["probabilities"], atol=1e-4)


@pytest.mark.parametrize(("strokes", "reason"), [(FOUR_AND_TWO, "2 dig"), (BROKEN_ONE, "rows")])
def test_several_digits_are_refused_as_by_predict(open_page, strokes, reason):
    page = open_page()
    for stroke in strokes:
        _draw(page, stroke)
    sync_api.expect(page.locator("#answer")).to_contain_text("the page reads only one")
    page.click("#language")
    sync_api.expect(page.locator("#answer")).to_contain_text("本页每次只识别一个")
    sync_api.expect(page.locator("#probabilities .best")).to_have_count(0)
    with pytest.raises(UserError, match=reason):
        digit.to_mnist(transform.shrink(_gray(page, "#drawing"), 8), "auto")


def test_a_stroke_is_refused_only_when_it_has_ended(open_page):
    page = open_page()
    first, last = _points(page, [(20, 20), (80, 20)])  # the bar of a 7
    page.mouse.move(*first)
    page.mouse.down()
    page.mouse.move(*last, steps=4)
    sync_api.expect(page.locator("#answer")).to_have_text("…")
    page.mouse.up()
    sync_api.expect(page.locator("#answer")).to_contain_text("several digits")


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize(
    ("locale", "title"), [("en-GB", "draw a digit"), ("zh-CN", "手写数字识别")]
)
@pytest.mark.parametrize(("screen", "draw"), [(DESKTOP, _draw), (PHONE, _draw_by_finger)])
def test_every_screen(open_page, screen, draw, locale, title, scheme):
    page = open_page(**screen, locale=locale, color_scheme=scheme)
    draw(page, THREE)
    _expect_digit(page, 3)
    assert title in page.title()
    assert page.evaluate("document.documentElement.scrollWidth") == screen["viewport"]["width"]
    assert page.evaluate(CONTRAST) >= 4.5
    dark = page.evaluate("getComputedStyle(document.body).backgroundColor") == "rgb(15, 20, 27)"
    assert dark == (scheme == "dark")


def test_keyboard_alone(open_page):
    page = open_page()

    def press(*keys):
        for key in keys:
            page.keyboard.press(key)
        assert page.evaluate("getComputedStyle(document.activeElement).outlineStyle") == "solid"

    answer = page.locator("#answer")
    press("Tab", "Enter")
    sync_api.expect(answer).to_have_text("还没有写数字")
    press("Enter")
    sync_api.expect(answer).to_have_text("Nothing drawn yet")
    press("Tab", *["ArrowUp"] * 10)
    sync_api.expect(page.locator("#pen")).to_be_visible()
    press("Space", *["ArrowDown"] * 20, "Space", "ArrowLeft")
    _expect_digit(page, 1)
    press("Delete")
    sync_api.expect(answer).to_have_text("Nothing drawn yet")
    press("Tab", "Tab", "Enter")
    sync_api.expect(answer).to_contain_text("MNIST test digit no.")
    press("Shift+Tab", "Enter")
    sync_api.expect(answer).to_have_text("Nothing drawn yet")


def test_mistakes_show_what_the_network_takes_them_for_and_that_it_is_uncertain(open_page):
    page = open_page()
    buttons = page.locator("#mistakes button")
    assert buttons.count() == 10
    for button in buttons.all():
        label, found = button.inner_text().split(" → ")
        assert label != found
        button.click()
        _expect_digit(page, f"{found}?")
        sync_api.expect(page.locator("#answer")).to_contain_text(f"label {label}")
    _draw(page, SEVEN)  # begins a new drawing
    _expect_digit(page, 7)


def test_a_missing_file_is_reported(browser, url):
    page = browser.new_context(locale="en-US").new_page()
    page.route("**/lenet.onnx", lambda route: route.fulfill(status=404))
    page.goto(url)
    sync_api.expect(page.locator("#answer")).to_have_text(
        "The network could not be loaded: lenet.onnx: 404"
    )


def test_a_port_that_cannot_be_used_is_one_line(tmp_path):
    with socket.create_server(("127.0.0.1", 0)) as other:
        for port in (other.getsockname()[1], 70000):
            result = programs.run(DEMO, f"--port={port}", cwd=tmp_path)
            assert result.returncode == 2
            assert result.stderr.count("\n") == 1
            assert f"port {port}" in result.stderr
