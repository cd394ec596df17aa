"""Writes what Python computes from images, for the C++ tests to reproduce bit for bit.

golden_images.bin: records of one line "name height width crc digits_crc bytes" and that many bytes:
a JPEG or PNG file, the CRC-32 of its gray pixels as Pillow decodes them, and that of the 32x32
pixels of each digit that //python:predict finds in it, or of the reason why it refuses the picture.

golden_transform.txt: lines "height width target_height target_width pixels_crc tensor_crc": the
CRC-32 of a test pattern (see _pattern) after resizing (uint8) and after normalising (little-endian
float32). The last line "mnist crc" has the CRC-32 of the network's input, 32x32, for all images of
the test set.
"""

import argparse
import io
import pathlib
import struct
import tempfile
import warnings
import zlib
from collections.abc import Iterator

import numpy as np
from PIL import Image

from lenet.data import idx, transform
from lenet.errors import UserError
from lenet.prediction import digit, picture

# height, width, target height, target width; the first has all 256 pixel values
_SIZES = [(16, 16, 16, 16), (28, 28, 32, 32), (100, 250, 28, 32), (5, 7, 1000, 3)]

# Passes of an interlaced PNG: top, left, vertical step, horizontal step.
_ADAM7 = [
    (0, 0, 8, 8),
    (0, 4, 8, 8),
    (4, 0, 8, 4),
    (0, 2, 4, 4),
    (2, 0, 4, 2),
    (0, 1, 2, 2),
    (1, 0, 2, 1),
]

# Colour type of PNG: name, samples per pixel, bits per sample.
_PNG_KINDS = {
    0: ("gray", 1, (1, 2, 4, 8, 16)),
    2: ("rgb", 3, (8, 16)),
    3: ("palette", 1, (1, 2, 4, 8)),
    4: ("grayalpha", 2, (8, 16)),
    6: ("rgba", 4, (8, 16)),
}


def main() -> None:
    """Writes the two files named on the command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("images", type=pathlib.Path)
    parser.add_argument("transform", type=pathlib.Path)
    args = parser.parse_args()
    warnings.simplefilter("ignore", picture.PictureWarning)  # some pictures are odd on purpose
    rng = np.random.default_rng(seed=1)
    with args.images.open("wb") as file:
        for name, content in sorted([*_jpegs(rng), *_pngs(rng), *_photos(rng), *_rows(rng)]):
            pixels, digits_crc = _decoded(content)
            height, width = pixels.shape
            record = f"{name} {height} {width} {_crc(pixels)} {digits_crc} {len(content)}\n"
            file.write(record.encode() + content)
    args.transform.write_text("".join(f"{line}\n" for line in _transform_lines(rng)))


def _transform_lines(rng: np.random.Generator) -> Iterator[str]:
    for sizes in [*_SIZES, *rng.integers(1, 41, (200, 4)).tolist()]:
        height, width, *target = sizes
        pixels = _pattern(height, width)
        resized = transform.resize(pixels, *target)
        tensor = transform.prepare(pixels, *target)
        yield " ".join(map(str, [*sizes, _crc(resized), _crc(tensor)]))
    tensors = transform.prepare(idx.read_split("", "test").images, 32, 32)
    yield f"mnist {_crc(tensors)}"


def _crc(array: np.ndarray) -> int:
    """Returns the CRC-32 of uint8 or little-endian float32 elements."""
    return zlib.crc32(array.tobytes())


def _pattern(height: int, width: int) -> np.ndarray:
    """Returns uint8 [1, height, width], which the C++ tests compute in the same way."""
    return (np.arange(height * width) * 167 % 256).astype(np.uint8).reshape(1, height, width)


def _decoded(content: bytes) -> tuple[np.ndarray, int]:
    """Returns the gray pixels of a file, and the CRC-32 of the digits or of the refusal."""
    with tempfile.NamedTemporaryFile() as file:
        file.write(content)
        file.flush()
        with Image.open(file.name) as image:
            image.draft("L", image.size)  # the luma plane of a JPEG, not converted to RGB and back
            pixels = picture.planes(image)[0]
        try:
            digits = digit.row_to_mnist(digit.most_contrast(picture.read(file.name)), "auto")
        except UserError as error:
            return pixels, zlib.crc32(str(error).encode())
        inputs = [transform.resize(mnist[np.newaxis], 32, 32) for mnist in digits]
        return pixels, _crc(np.concatenate(inputs))


def _save(pixels: np.ndarray | Image.Image, image_format: str, **options: object) -> bytes:
    file = io.BytesIO()
    image = pixels if isinstance(pixels, Image.Image) else Image.fromarray(pixels)
    image.save(file, image_format, **options)
    return file.getvalue()


def _smooth(rng: np.random.Generator, height: int, width: int, channels: int) -> np.ndarray:
    """Returns random strokes rather than noise: uint8 [height, width, channels]."""
    small = rng.integers(0, 256, (1, height // 5 + 1, width // 5 + 1, channels), dtype=np.uint8)
    planes = [transform.resize(small[..., c], height, width)[0] for c in range(channels)]
    return np.stack(planes, axis=-1)


def _photos(rng: np.random.Generator) -> Iterator[tuple[str, bytes]]:
    """Yields a digit as it is photographed; lenet/prediction/digit_test.py has more scenes."""
    images = idx.read_split("", "test").images
    rows, columns = np.indices((300, 200))
    for number, image in enumerate(images[:4]):
        yield f"photo_mnist_{number}", _save(image, "PNG")
        yield f"photo_off_centre_{number}", _save(np.roll(image, (4, -5), (0, 1)), "PNG")
        ink = np.zeros((300, 200))
        ink[90:230, 40:180] = np.asarray(Image.fromarray(image).resize((140, 140))) / 255
        light = 230 - 0.3 * rows - 0.1 * columns * (number % 2)
        paper = (light * (1 - 0.85 * ink) + rng.normal(0, 4, ink.shape)).clip(0, 255)
        paper = paper.astype(np.uint8)
        yield f"photo_paper_{number}", _save(255 - paper if number % 2 else paper, "PNG")
        marked = paper.copy()
        marked[10::40, 10::40] = marked[250:255, 30:170] = marked[:270, 8:12] = 20  # specks, lines
        marked[:, 185:] = 110  # another sheet
        yield f"photo_marks_{number}", _save(marked, "JPEG")
        framed = paper.copy()
        framed[[20, 21, 280, 281], 10:190] = framed[20:282, [10, 11, 189, 190]] = 30
        yield f"photo_frame_{number}", _save(framed, "PNG")
        desk = np.full((400, 320), 70, np.uint8)
        desk[50:350, 70:270] = paper
        turned = Image.fromarray(desk).rotate(7 * number, fillcolor=70)
        yield f"photo_desk_{number}", _save(turned, "PNG")
        colour = Image.merge(
            "RGB", [Image.new("L", (200, 300), 240)] * 2 + [Image.fromarray(paper)]
        )
        yield f"photo_colour_{number}", _save(colour, ("PNG", "JPEG")[number % 2])
    large = colour.resize((2100, 3150))
    yield "photo_large_png", _save(large.quantize(8), "PNG")
    yield "photo_large_jpeg", _save(large, "JPEG", progressive=True)


def _rows(rng: np.random.Generator) -> Iterator[tuple[str, bytes]]:
    """Yields digits side by side, which touch, overlap, or have space between them."""
    images = idx.read_split("", "test").images
    for number in range(40):
        page = np.zeros((260, 400), np.uint8)
        left = 20
        for image in images[rng.integers(0, len(images), rng.integers(2, 5))]:
            columns = np.flatnonzero(image.max(axis=0) > 50)
            size = int(rng.integers(70, 110))
            part = Image.fromarray(image[:, columns[0] : columns[-1] + 1])
            part = part.resize((size * part.width // 28, size))
            place = np.s_[90 + number % 3 :, left:]
            ink = page[place][: part.height, : part.width]
            np.maximum(ink, np.asarray(part)[:, : ink.shape[1]], out=ink)
            left += 95 if number % 8 == 5 else part.width + int(rng.integers(-8, 30))
        if number % 8 == 0:  # a second row
            page[:90] = page[95:185]
        paper = 230 - page // 5 * 4
        if number % 4 == 1:  # boxes
            paper[[60, 61, 230, 231], 10:390] = 40
            paper[60:231, [*range(10, 391, 95), *range(11, 391, 95)]] = 40
        yield f"photo_row_{number}", _save(paper, "PNG")
    for number in range(60):  # two strokes that a bar joins
        right, top, bar, below = rng.integers([60, 20, 20, 10], [160, 50, 70, 50])
        paper = np.full((160, 240), 230, np.uint8)
        paper[20:120, 20:40] = paper[top:120, right : right + 20] = 40
        paper[bar : bar + below, 20:right] = 40
        yield f"photo_joined_{number}", _save(paper, "PNG")


def _jpegs(rng: np.random.Generator) -> Iterator[tuple[str, bytes]]:
    for height, width in ((28, 28), (32, 32), (1, 1), (7, 61), (130, 33)):
        for quality in (10, 95, 100):
            gray = _smooth(rng, height, width, 1)[..., 0]
            yield f"jpeg_gray_{height}x{width}_{quality}", _save(gray, "JPEG", quality=quality)
    gray = _smooth(rng, 40, 50, 1)[..., 0]
    yield "jpeg_gray_progressive", _save(gray, "JPEG", progressive=True)
    yield "jpeg_gray_restart", _save(gray, "JPEG", restart_marker_blocks=2)
    noise = rng.integers(0, 256, (64, 64), dtype=np.uint8)
    yield "jpeg_gray_noise", _save(noise, "JPEG", quality=75)
    yield "jpeg_gray_flat", _save(np.full((2000, 2000), 100, np.uint8), "JPEG")
    colour = _smooth(rng, 45, 37, 3)
    for sampling in ("4:4:4", "4:2:2", "4:2:0"):
        yield f"jpeg_colour_{sampling}", _save(colour, "JPEG", quality=90, subsampling=sampling)
    yield "jpeg_colour_progressive", _save(colour, "JPEG", progressive=True)
    cmyk = Image.fromarray(_smooth(rng, 20, 30, 3)).convert("CMYK")
    yield "jpeg_cmyk", _save(cmyk, "JPEG", quality=100)
    for orientation in range(2, 9):
        exif = Image.Exif()
        exif[0x0112] = orientation
        yield f"jpeg_orientation_{orientation}", _save(gray, "JPEG", exif=exif)
        yield f"png_orientation_{orientation}", _save(colour, "PNG", exif=exif)


def _pngs(rng: np.random.Generator) -> Iterator[tuple[str, bytes]]:
    """Yields every colour type and depth of the standard; Pillow writes only some of them."""
    for colour, (kind, channels, depths) in _PNG_KINDS.items():
        for depth in depths:
            samples = rng.integers(0, 1 << depth, (13, 21, channels))
            palette = [(b"PLTE", rng.bytes(3 << depth))] if kind == "palette" else []
            for interlaced in (False, True):
                name = f"png_{kind}{depth}" + "_interlaced" * interlaced
                yield name, _png(samples, colour, depth, palette, interlaced=interlaced)
    samples = rng.integers(0, 256, (13, 21, 1))
    gamma = [(b"gAMA", struct.pack(">I", 100000))]
    yield "png_gray8_gamma", _png(samples, 0, 8, gamma)
    transparent = [(b"tRNS", struct.pack(">H", int(samples[0, 0, 0])))]
    yield "png_gray8_transparent", _png(samples, 0, 8, transparent)
    palette = [(b"PLTE", rng.bytes(768)), (b"tRNS", rng.bytes(100))]
    yield "png_palette8_transparent", _png(samples, 3, 8, palette)
    for kind in ("gray", "grayalpha", "rgb", "rgba"):  # 12 bits of 16
        colour_type = {"gray": 0, "grayalpha": 4, "rgb": 2, "rgba": 6}[kind]
        samples = rng.integers(0, 4096, (13, 21, _PNG_KINDS[colour_type][1]))
        yield f"png_{kind}12", _png(samples, colour_type, 16, [])
    yield "png_gray_of_5_bits", _png(rng.integers(0, 32, (13, 21, 1)), 0, 8, [])
    yield "png_rgb_of_1_bit", _png(rng.integers(0, 2, (13, 21, 3)), 2, 8, [])
    for paper in (0, 255):  # a sheet with a mark and a margin; then the mark alone
        samples = np.zeros((13, 21, 4), int)
        samples[2:11, 3:18] = (paper, paper, paper, 255)
        samples[4:9, 9:11, :3] = 255 - paper
        yield f"png_sheet_{paper}", _png(samples, 6, 8, [])
        samples[..., 3] = 0
        samples[4:9, 9:11, 3] = 200
        samples[5:8, 9:11, 3] = 255
        yield f"png_bare_ink_{paper}", _png(samples, 6, 8, [])
    for height, width in ((28, 28), (1, 1), (300, 7)):  # with the row filters that Pillow chooses
        yield f"png_pillow_{height}x{width}", _save(_smooth(rng, height, width, 1)[..., 0], "PNG")
    flat = np.full((2000, 2000), 255, np.uint8)
    yield "png_pillow_flat", _save(flat, "PNG", compress_level=9)


def _png(
    samples: np.ndarray,
    colour: int,
    depth: int,
    chunks: list[tuple[bytes, bytes]],
    *,
    interlaced: bool = False,
) -> bytes:
    """Returns a PNG file of samples [height, width, channels], without row filters."""
    height, width, _ = samples.shape
    rows = b""
    for top, left, down, across in _ADAM7 if interlaced else [(0, 0, 1, 1)]:
        for row in samples[top::down, left::across]:
            bits = row.reshape(-1, 1) >> np.arange(depth - 1, -1, -1) & 1
            rows += b"\0" + np.packbits(bits.astype(np.uint8)).tobytes()
    header = struct.pack(">IIBBBBB", width, height, depth, colour, 0, 0, interlaced)
    all_chunks = [(b"IHDR", header), *chunks, (b"IDAT", zlib.compress(rows)), (b"IEND", b"")]
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
        for kind, data in all_chunks
    )


if __name__ == "__main__":
    main()
