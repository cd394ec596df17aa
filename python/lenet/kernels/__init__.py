"""The kernels of cc/kernels and cc/gpu as MindSpore operators."""

from absl import logging

from lenet import resources


def report_missing() -> None:
    """Logs how to get the kernels, if they have not been built."""
    if resources.find(resources.KERNELS) is None:
        logging.info(
            "MindSpore's operators are used, because this project's own kernels, several times as "
            "fast, are missing; %s",
            resources.KERNELS_REMEDY,
        )
