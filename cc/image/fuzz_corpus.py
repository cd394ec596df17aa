"""Writes seeds for the fuzz tests of this package, one file each, into a folder.

python fuzz_corpus.py decode <folder> golden.bin    the JPEG and PNG files of golden.bin
python fuzz_corpus.py idx <folder>                  small IDX files, plain and compressed
"""

import gzip
import pathlib
import struct
import sys

_MAX_SIZE = 4096  # what is longer than the fuzzer's inputs would be cut


def main() -> None:
    kind, folder, *sources = sys.argv[1:]
    seeds = _decode(pathlib.Path(sources[0])) if kind == "decode" else _idx()
    for name, content in seeds.items():
        if len(content) <= _MAX_SIZE:
            (pathlib.Path(folder) / name).write_bytes(content)


def _decode(golden: pathlib.Path) -> dict[str, bytes]:
    data = golden.read_bytes()
    seeds = {}
    while data:
        name, data = _take(data)
        content, data = _take(data)
        kind, _, file_name = name.decode().partition("/")
        if kind == "decode":
            length = struct.unpack_from("<3i", content)[2]
            seeds[file_name.replace(":", "")] = content[12 : 12 + length]
    return seeds


def _take(data: bytes) -> tuple[bytes, bytes]:
    """The first field of golden.bin, and the rest."""
    end = 4 + struct.unpack_from("<I", data)[0]
    return data[4:end], data[end:]


def _idx() -> dict[str, bytes]:
    pixels = bytes(i % 256 for i in range(2 * 28 * 28))
    plain = {
        "images": struct.pack(">4I", 0x0803, 2, 28, 28) + pixels,
        "labels": struct.pack(">2I", 0x0801, 3) + bytes([7, 0, 9]),
        "none": struct.pack(">4I", 0x0803, 0, 28, 28),
    }
    return plain | {name + ".gz": gzip.compress(data, mtime=0) for name, data in plain.items()}


if __name__ == "__main__":
    main()
