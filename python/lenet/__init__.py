"""LeNet-5 on MNIST with MindSpore: from IDX files to a verified model for an Ascend 310.

from lenet import predict, train

result = train(epoch_size=3)
print(result.accuracy, predict("digit.png", ckpt_file=result.checkpoint)[0].digit)
"""

import sys
from typing import TYPE_CHECKING, Any

if sys.version_info < (3, 10):  # noqa: UP036 - without Bazel, any Python may start a program
    print(
        f"error: expected Python 3.10 to 3.12, found {sys.version.split()[0]} "
        f"({sys.executable}); start the program with another one",
        file=sys.stderr,
    )
    sys.exit(3)

from lenet import cuda

if TYPE_CHECKING:
    from lenet.api import TrainResult, evaluate, export, predict, train

__all__ = ["TrainResult", "evaluate", "export", "predict", "train"]
__version__ = "1.0.0"

cuda.load_before_mindspore()


def __getattr__(name: str) -> Any:
    """Imports the functions when they are used; programs import this package, too."""
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from lenet import api

    return getattr(api, name)
