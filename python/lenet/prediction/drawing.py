"""Draws pictures beside what the network saw of them and its answers."""

import os
import pathlib
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from PIL import Image, ImageDraw, ImageFont, PngImagePlugin

from lenet import files
from lenet.errors import UserError

_MARK = ("Software", "LeNet-5 predict")  # text in each PNG file that this module writes
_PICTURE = 480  # pixels, the longer side
_TILE = 144  # pixels, the input of the network
_LINE = 40  # pixels, height of the answer above a tile
_MARGIN = 16
_TILES = 6  # per line
_SURE, _UNSURE = "#1f5fa8", "#c8500a"


class Answer(NamedTuple):
    """The input of the network, uint8 [H, W], and the text above it."""

    image: np.ndarray
    text: str
    certain: bool


def targets(folder: str, names: Sequence[str]) -> dict[str, pathlib.Path]:
    """Returns the file to write for each picture: the same folders below `folder`, and .png added.

    Raises:
        UserError: a picture is in `folder`, the folder cannot be written to, or a file of the name
            exists that `draw` did not write.
    """
    output = pathlib.Path(os.path.abspath(folder))  # noqa: PTH100 (no symbolic links resolved)
    pictures = {name: pathlib.Path(os.path.abspath(name)) for name in names}  # noqa: PTH100
    common = pathlib.Path(os.path.commonpath([path.parent for path in pictures.values()]))
    result = {}
    for name, path in pictures.items():
        if path.is_relative_to(output):
            raise UserError(f"--output: {output} holds {name}; choose another folder")
        target = output / path.relative_to(common)
        result[name] = target = target.with_name(f"{target.name}.png")
        if target.exists() and not _is_drawn(target):
            raise UserError(f"--output: {target} is no picture of predict; choose another folder")
    files.make_folder("output", output)
    return result


def _is_drawn(path: pathlib.Path) -> bool:
    try:
        with Image.open(path, formats=["PNG"]) as image:
            return bool(image.info.get(_MARK[0]) == _MARK[1])
    except OSError:
        return False


def draw(path: pathlib.Path, planes: list[np.ndarray], answers: Sequence[Answer]) -> None:
    """Writes a picture and, to its right, each digit as the network saw it with its answer.

    Args:
        path: PNG file to write; its folder is created.
        planes: the picture, as lenet.prediction.picture.read returns it.
        answers: from left to right.
    """
    colours = [Image.fromarray(plane) for plane in (planes[1:] or planes[:1] * 3)]
    picture = Image.merge("RGB", colours)
    scale = _PICTURE / max(picture.size)
    size = [max(1, round(side * scale)) for side in picture.size]
    method = Image.Resampling.NEAREST if scale > 1 else Image.Resampling.LANCZOS
    picture = picture.resize((size[0], size[1]), method)
    columns, lines = min(len(answers), _TILES), -(-len(answers) // _TILES)
    width = size[0] + columns * (_TILE + _MARGIN) + 2 * _MARGIN
    height = max(size[1], lines * (_LINE + _TILE + _MARGIN) - _MARGIN) + 2 * _MARGIN
    page = Image.new("RGB", (width, height), "white")
    page.paste(picture, (_MARGIN, _MARGIN))
    pen = ImageDraw.Draw(page)
    for number, answer in enumerate(answers):
        left = size[0] + 2 * _MARGIN + number % _TILES * (_TILE + _MARGIN)
        top = _MARGIN + number // _TILES * (_LINE + _TILE + _MARGIN)
        colour = _SURE if answer.certain else _UNSURE
        pen.text((left, top), answer.text, fill=colour, font=ImageFont.load_default(size=28))
        seen = Image.fromarray(answer.image).resize((_TILE, _TILE), Image.Resampling.NEAREST)
        page.paste(seen, (left, top + _LINE))
    mark = PngImagePlugin.PngInfo()
    mark.add_text(*_MARK)
    path.parent.mkdir(parents=True, exist_ok=True)
    with files.replacing(path) as temporary:
        page.save(temporary, format="PNG", pnginfo=mark)
