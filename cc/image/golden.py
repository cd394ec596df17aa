"""Writes golden.bin: what Python makes of images, for the C++ tests to demand bit for bit.

The file is a sequence of records: uint32 length of the name, the name, uint32 length of the
content, the content; all numbers little-endian. Contents:

    resize/<i>     int32 height, width, target height, target width; the pixels; the resized
                   pixels; those normalised, in float32
    decode/<name>  int32 height, width, length of the file; the JPEG or PNG file; its gray pixels
    mnist          uint32 CRC-32 of the network's input, 32x32, for all images of the test set
"""

import argparse
import io
import struct
import zlib
from collections.abc import Iterator

import numpy as np
from PIL import Image

from lenet.data import idx, transform

_SIZES = [
    # height, width, target height, target width
    (28, 28, 32, 32),
    (32, 32, 32, 32),
    (1, 1, 5, 3),
    (1, 40, 32, 32),
    (40, 1, 32, 32),
    (2, 2, 33, 17),
    (37, 23, 1, 1),
    (64, 64, 32, 32),
    (31, 33, 32, 32),
    (100, 250, 28, 32),
    (5, 7, 1000, 3),
]

# Passes of an interlaced PNG: top, left, step down, step across.
_ADAM7 = (
    (0, 0, 8, 8),
    (0, 4, 8, 8),
    (4, 0, 8, 4),
    (0, 2, 4, 4),
    (2, 0, 4, 2),
    (0, 1, 2, 2),
    (1, 0, 2, 1),
)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("output")
    output = parser.parse_args().output
    rng = np.random.default_rng(seed=1)
    with open(output, "wb") as file:
        for name, content in [*_resized(rng), *_decoded(rng), ("mnist", _mnist())]:
            for part in (name.encode(), content):
                file.write(struct.pack("<I", len(part)) + part)


def _resized(rng: np.random.Generator) -> Iterator[tuple[str, bytes]]:
    sizes = [*_SIZES, *rng.integers(1, 41, (200, 4)).tolist()]
    for i, (height, width, target_height, target_width) in enumerate(sizes):
        # Extreme values meet the limits of the arithmetic, all values those of the table.
        high, step = (256, 1) if i % 2 else (2, 255)
        pixels = (rng.integers(0, high, (1, height, width)) * step).astype(np.uint8)
        resized = transform.resize(pixels, target_height, target_width)
        tensor = transform.prepare(pixels, target_height, target_width)
        yield (
            f"resize/{i}",
            struct.pack("<4i", height, width, target_height, target_width)
            + pixels.tobytes()
            + resized.tobytes()
            + tensor.astype("<f4").tobytes(),
        )


def _decoded(rng: np.random.Generator) -> Iterator[tuple[str, bytes]]:
    """Files with their gray pixels as Pillow sees them."""
    for name, content in [*_jpegs(rng), *_pngs(rng)]:
        image = Image.open(io.BytesIO(content))
        if name.startswith("png_gray16"):  # Pillow clips these at 255; the high byte is meant
            pixels = (np.asarray(image).astype(np.uint16) >> 8).astype(np.uint8)
        else:
            image.draft("L", image.size)  # of a JPEG the luma plane, without way over RGB
            image.info.pop("transparency", None)  # it does not matter, but Pillow warns of it
            pixels = np.asarray(image.convert("L"))
        header = struct.pack("<3i", *pixels.shape, len(content))
        yield f"decode/{name}", header + content + pixels.tobytes()


def _jpegs(rng: np.random.Generator) -> Iterator[tuple[str, bytes]]:
    def save(pixels: np.ndarray, **options: object) -> bytes:
        file = io.BytesIO()
        Image.fromarray(pixels).save(file, "JPEG", **options)
        return file.getvalue()

    for height, width in ((28, 28), (32, 32), (1, 1), (7, 61), (130, 33)):
        for quality in (10, 95, 100):
            gray = _smooth(rng, height, width, 1)[..., 0]
            yield f"jpeg_gray_{height}x{width}_{quality}", save(gray, quality=quality)
    gray = _smooth(rng, 40, 50, 1)[..., 0]
    yield "jpeg_gray_progressive", save(gray, progressive=True)
    yield "jpeg_gray_restart", save(gray, restart_marker_blocks=2)
    yield "jpeg_gray_noise", save(rng.integers(0, 256, (64, 64), dtype=np.uint8), quality=75)
    colour = _smooth(rng, 45, 37, 3)
    for subsampling in ("4:4:4", "4:2:2", "4:2:0"):
        yield f"jpeg_colour_{subsampling}", save(colour, quality=90, subsampling=subsampling)
    yield "jpeg_colour_progressive", save(colour, progressive=True)


def _smooth(rng: np.random.Generator, height: int, width: int, channels: int) -> np.ndarray:
    """Strokes rather than noise: uint8 [height, width, channels]."""
    small = rng.integers(0, 256, (1, height // 5 + 1, width // 5 + 1, channels), dtype=np.uint8)
    planes = [transform.resize(small[..., c], height, width)[0] for c in range(channels)]
    return np.stack(planes, axis=-1)


def _pngs(rng: np.random.Generator) -> Iterator[tuple[str, bytes]]:
    """Every colour type and depth of the standard; most are beyond what Pillow writes."""
    gray, rgb, indexed, gray_alpha, rgba = 0, 2, 3, 4, 6  # the numbers of the standard
    kinds = {
        "gray1": (gray, 1, 1),
        "gray2": (gray, 2, 1),
        "gray4": (gray, 4, 1),
        "gray8": (gray, 8, 1),
        "gray16": (gray, 16, 1),
        "rgb8": (rgb, 8, 3),
        "rgb16": (rgb, 16, 3),
        "palette1": (indexed, 1, 1),
        "palette2": (indexed, 2, 1),
        "palette4": (indexed, 4, 1),
        "palette8": (indexed, 8, 1),
        "grayalpha8": (gray_alpha, 8, 2),
        "rgba8": (rgba, 8, 4),
        "rgba16": (rgba, 16, 4),
    }
    for name, (colour, depth, channels) in kinds.items():
        samples = rng.integers(0, 1 << depth, (13, 21, channels))
        for interlaced in (False, True):
            chunks = []
            if colour == indexed:
                palette = rng.integers(0, 256, 3 << depth, dtype=np.uint8)
                chunks.append((b"PLTE", palette.tobytes()))
            suffix = "_interlaced" if interlaced else ""
            yield f"png_{name}{suffix}", _png(samples, colour, depth, interlaced, chunks)
    samples = rng.integers(0, 256, (13, 21, 1))
    gamma = [(b"gAMA", struct.pack(">I", 100000))]
    yield "png_gray8_gamma", _png(samples, gray, 8, False, gamma)
    transparent = [(b"tRNS", struct.pack(">H", int(samples[0, 0, 0])))]
    yield "png_gray8_transparent", _png(samples, gray, 8, False, transparent)
    palette = [(b"PLTE", rng.bytes(768)), (b"tRNS", rng.bytes(100))]
    yield "png_palette8_transparent", _png(samples, indexed, 8, False, palette)
    for size in ((28, 28), (1, 1), (300, 7)):  # with the filters that an encoder chooses
        file = io.BytesIO()
        Image.fromarray(_smooth(rng, *size, 1)[..., 0]).save(file, "PNG")
        yield f"png_pillow_{size[0]}x{size[1]}", file.getvalue()


def _png(
    samples: np.ndarray,
    colour: int,
    depth: int,
    interlaced: bool,
    chunks: list[tuple[bytes, bytes]],
) -> bytes:
    """A PNG file of the samples, [height, width, channels], without filters."""
    height, width, _ = samples.shape
    passes = _ADAM7 if interlaced else ((0, 0, 1, 1),)
    rows = b""
    for top, left, down, across in passes:
        part = samples[top::down, left::across]
        if part.shape[1] > 0:
            rows += b"".join(b"\0" + _pack(row, depth) for row in part)
    header = struct.pack(">IIBBBBB", width, height, depth, colour, 0, 0, interlaced)
    all_chunks = [(b"IHDR", header), *chunks, (b"IDAT", zlib.compress(rows)), (b"IEND", b"")]
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
        for kind, data in all_chunks
    )


def _pack(row: np.ndarray, depth: int) -> bytes:
    """Samples of `depth` bits each, the first in the highest bits."""
    bits = row.reshape(-1, 1) >> np.arange(depth - 1, -1, -1) & 1
    return np.packbits(bits.astype(np.uint8)).tobytes()


def _mnist() -> bytes:
    tensors = transform.prepare(idx.read_split("", "test").images, 32, 32)
    return struct.pack("<I", zlib.crc32(tensors.astype("<f4").tobytes()))


if __name__ == "__main__":
    main()
