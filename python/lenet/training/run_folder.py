"""The folder of a training run: checkpoints and metrics.json."""

from __future__ import annotations

import contextlib
import fcntl
import itertools
import json
import os
import pathlib
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
from absl import logging

from lenet import files
from lenet.errors import UserError
from lenet.model import checkpoint

if TYPE_CHECKING:
    from mindspore import nn

_METRICS = "metrics.json"
_PREVIOUS = "previous"


class RunFolder:
    """Reads and writes the files of a training run."""

    def __init__(self, path: str, keep: int) -> None:
        """Creates the folder; `keep` is the number of checkpoints to keep.

        Raises:
            UserError: the folder cannot be created or written to.
        """
        self._path = files.make_folder("ckpt_path", path)
        self._keep = keep

    def newest(self) -> pathlib.Path | None:
        """Returns the newest checkpoint, or None."""
        own = checkpoint.own(self._path)
        if not own:
            logging.info("--resume: no checkpoint in %s, starting a new run", self._path)
        return own[-1] if own else None

    @contextlib.contextmanager
    def locked(self) -> Iterator[None]:
        """Keeps other trainings out of the folder, and removes files that a killed one left.

        Raises:
            UserError: another training writes to the folder.
        """
        folder = os.open(self._path, os.O_RDONLY)
        try:
            try:
                fcntl.flock(folder, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError as error:
                raise UserError(
                    f"--ckpt_path: another training writes to {self._path}; wait until it ends, or "
                    "use another folder"
                ) from error
            except OSError:  # a network file system without locks on folders
                logging.info("%s cannot be locked; train only once at a time in it", self._path)
            for path in self._path.iterdir():
                if files.is_temporary(path.name):
                    path.unlink(missing_ok=True)
            yield
        finally:
            os.close(folder)

    def move_earlier_run(self) -> None:
        """Moves the files of an earlier run away, so that the newest checkpoint is of this run."""
        old = checkpoint.own(self._path)
        if not old:
            return
        numbered = (self._path / _PREVIOUS / str(number) for number in itertools.count(1))
        previous = next(path for path in numbered if not path.exists())
        previous.mkdir(parents=True)
        for path in [*old, self._path / _METRICS]:
            if path.exists():
                path.replace(previous / path.name)
        logging.info(
            "starting a new run; the earlier one is now in %s (--resume would have continued it)",
            previous,
        )

    def checkpoint_path(self, position: tuple[int, int]) -> pathlib.Path:
        """Returns the path of the checkpoint after (epoch, step)."""
        return self._path / checkpoint.file_name(*position)

    def save(
        self, cell: nn.Cell, position: tuple[int, int], state: Mapping[str, int | np.float32]
    ) -> None:
        """Writes a checkpoint and removes the oldest ones."""
        checkpoint.save(cell, self.checkpoint_path(position), state)
        for path in checkpoint.own(self._path)[: -self._keep]:
            path.unlink()

    def write_metrics(self, metrics: dict[str, Any]) -> None:
        """Writes metrics.json."""
        files.write_atomically(self._path / _METRICS, json.dumps(metrics, indent=1) + "\n")

    def history(
        self, position: tuple[int, int], complete_epochs: int
    ) -> tuple[list[list[int | float]], list[dict[str, int | float]]]:
        """Returns loss curve and epochs up to `position` from the metrics.json of an earlier run.

        Both are empty if the file is missing or invalid.
        """
        try:
            metrics = json.loads((self._path / _METRICS).read_text("utf-8"))
            curve = [entry for entry in metrics["loss_curve"] if tuple(entry[:2]) <= position]
            epochs = [entry for entry in metrics["epochs"] if entry["epoch"] <= complete_epochs]
        except (OSError, ValueError, KeyError, TypeError):
            logging.info("the loss curve starts here: no earlier %s", _METRICS)
            return [], []
        return curve, epochs
