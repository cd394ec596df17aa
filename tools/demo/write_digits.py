"""Writes the test digits of the page: write_digits.py MODEL.onnx OUTPUT.json."""

import base64
import json
import pathlib
import sys

import numpy as np

from lenet.data import idx, transform
from lenet.exporting import formats

_MISTAKES = 10
_RANDOM = 1000


def main() -> None:
    """Writes the closest mistakes of the model on MNIST's test images, then random test images."""
    model, output = map(pathlib.Path, sys.argv[1:])
    split = idx.read_split("", "test")
    run = formats.onnx_runner(model)
    inputs = transform.prepare(split.images, 32, 32)
    logits = np.concatenate([run(image[np.newaxis]) for image in inputs])
    lead = logits.max(axis=1) - logits[np.arange(len(logits)), split.labels]  # 0 if right
    mistakes = np.flatnonzero(lead > 1e-3)  # of less, the rounding of the browser decides
    mistakes = mistakes[np.argsort(lead[mistakes], kind="stable")][:_MISTAKES]
    others = np.random.default_rng(0).choice(len(logits), _RANDOM, replace=False)
    chosen = np.concatenate([mistakes, others])
    digits = {
        "mistakes": len(mistakes),
        "indices": chosen.tolist(),
        "labels": split.labels[chosen].tolist(),
        "pixels": base64.b64encode(split.images[chosen].tobytes()).decode(),
    }
    output.write_text(json.dumps(digits), "utf-8")


if __name__ == "__main__":
    main()
