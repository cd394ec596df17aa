"""What a network says of many images."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from mindspore import nn

_BATCH = 1000


def predict_logits(net: nn.Cell, images: np.ndarray, batch_size: int = _BATCH) -> np.ndarray:
    """Logits of a network for all images, the last batch included.

    Args:
        net: takes [N, 1, H, W], gives [N, 10].
        images: float32 [N, 1, H, W], see lenet.data.transform.prepare; N is at least 1.
        batch_size: images a call.

    Returns:
        float32 [N, 10].
    """
    import mindspore as ms

    net.set_train(False)
    batch_size = min(batch_size, len(images))
    results = []
    for start in range(0, len(images), batch_size):
        batch = images[start : start + batch_size]
        count = len(batch)
        if count < batch_size:
            # Of another shape it would compile the graph a second time.
            padding = np.zeros((batch_size - count, *batch.shape[1:]), batch.dtype)
            batch = np.concatenate([batch, padding])
        logits = net(ms.Tensor(batch)).asnumpy()
        results.append(logits[:count].astype(np.float32))
    return np.concatenate(results)
