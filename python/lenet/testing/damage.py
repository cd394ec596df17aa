"""Damaged copies of a file's content, for tests of what reads it."""

from collections.abc import Iterator

import numpy as np


def damaged(content: bytes, copies: int) -> Iterator[bytes]:
    """Yields copies with flipped bits, a missing end or a range of zeros, a third of each.

    Every second copy is damaged in the first 64 bytes, where most formats have a header. Equal
    arguments give equal copies.
    """
    generator = np.random.default_rng(0)
    for number in range(copies):
        copy = bytearray(content)
        end = min(len(copy), 64 if number % 2 else len(copy))
        place, bit = int(generator.integers(end)), int(generator.integers(8))
        if number % 3 == 0:
            copy[place] ^= 1 << bit
        elif number % 3 == 1:
            del copy[place:]
        else:
            zeros = min(4**bit, len(copy) - place)
            copy[place : place + zeros] = bytes(zeros)
        yield bytes(copy)
