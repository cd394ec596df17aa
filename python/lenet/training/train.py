"""Trains LeNet-5, evaluates it, and leaves checkpoints and metrics.json."""

from __future__ import annotations

import dataclasses
import json
import os
import shlex
import shutil
import time
from typing import TYPE_CHECKING, Any

import numpy as np
from absl import logging

from lenet import devices, files
from lenet.data import idx, transform
from lenet.errors import LenetError, UserError
from lenet.evaluation import metrics
from lenet.evaluation.logits import predict_logits
from lenet.model import checkpoint
from lenet.options.programs import TrainOptions
from lenet.training import batches, learning_rate, workers
from lenet.training.interruption import Interruption
from lenet.training.progress import Progress
from lenet.training.workers import Workers

if TYPE_CHECKING:
    from lenet.model.lenet5 import LeNet5
    from lenet.training.trainer import Trainer

METRICS_NAME = "metrics.json"

_PREVIOUS = "previous"  # folder for what a new run would mix up with its own files


def train_and_evaluate(options: TrainOptions) -> dict[str, Any]:
    """Trains as the options say and evaluates on the test set.

    Ctrl-C writes a checkpoint first and is then raised as KeyboardInterrupt.

    Returns:
        What metrics.json holds.

    Raises:
        UserError: bad data, a checkpoint folder that cannot be used.
        DeviceUnavailableError, DeviceFailedError: see lenet.devices.
        LenetError: the loss is not a number any more.
    """
    train = idx.read_split(options.data_path, "train")
    test = idx.read_split(options.data_path, "test")
    _check_folder(options.ckpt_path)
    resumed = _resumed(options)
    card = workers.card(options.device_id) if options.distribute else options.device_id
    target = devices.resolve(options.device_target, card)
    devices.prepare_environment(options.threads)
    devices.set_context(target, card, options.threads)
    with devices.failures_reported(target):
        group = workers.join() if options.distribute else Workers()
        _check_batch(options.batch_size, group.size, len(train))
        return _Run(options, train, test, target, resumed, group).run()


class _Run:
    """One call of the program: from `done` steps, counted through all epochs, to `last`."""

    def __init__(
        self,
        options: TrainOptions,
        train: idx.Split,
        test: idx.Split,
        target: str,
        resumed: str,
        group: Workers,
    ) -> None:
        """`resumed`: the checkpoint to continue from, or ""."""
        self._options = options
        self._workers = group
        self._batch = options.batch_size * group.size
        self._train = train
        self._test = test
        self._target = target
        self._steps_per_epoch = len(train) // self._batch
        self._last = options.epoch_size * self._steps_per_epoch
        if options.max_steps:
            self._last = min(self._last, options.max_steps)
        self._progress = Progress(self._steps_per_epoch, self._last, options.log_steps)
        self._start = time.perf_counter()
        self._test_images = transform.prepare(
            test.images, options.image_height, options.image_width
        )
        self._net, self._trainer = self._build()
        self._done = 0
        self._agreed_to_stop = False
        self._saved = resumed
        if options.pre_trained and not resumed:
            checkpoint.load_into(self._net, checkpoint.newest(options.pre_trained))
        if resumed:
            self._resume(resumed)
        elif group.writes:
            _set_aside(options.ckpt_path)

    def run(self) -> dict[str, Any]:
        logging.info(
            "training on %d images, %d steps an epoch, %s %s",
            len(self._train),
            self._steps_per_epoch,
            "device" if self._workers.size == 1 else f"{self._workers.size} workers, each on",
            self._target,
        )
        if self._done >= self._last:
            logging.info("nothing is left to train; raise --epoch_size to go on")
        with Interruption() as interruption:
            try:
                self._run_epochs(interruption)
            finally:
                self._progress.close()
        if self._stops(interruption):
            self._interrupted()
        if not self._workers.writes:
            return {}
        accuracy = self._evaluate()
        result = self._write_metrics(accuracy)
        print(f"Accuracy: {{{metrics.accuracy_line(accuracy)}}}")
        print(f"Checkpoint: {self._saved}")
        print(f"Next: bazel run //python:export -- --ckpt_file={shlex.quote(self._saved)}")
        return result

    def _build(self) -> tuple[LeNet5, Trainer]:
        options = self._options
        import mindspore as ms

        from lenet.model.build import build
        from lenet.training.trainer import FusedTrainer, OperatorTrainer, TrainingSet

        height, width = options.image_height, options.image_width
        data = TrainingSet(
            transform.resize(self._train.images, height, width), self._train.labels.astype(np.int32)
        )
        ms.set_seed(options.seed)
        level = options.amp_level
        if level == "auto":
            level = "O2" if self._target == "Ascend" else "O0"
        # The kernels do whole steps without a word to other workers, and in float32.
        fused_kernels = options.fused_kernels and self._workers.size == 1 and level == "O0"
        net = build(height, width, self._target, fused_kernels, options.threads)
        if net.fused is None:
            return net, OperatorTrainer(
                net,
                data,
                options.momentum,
                mixed_precision=level == "O2",
                sink_size=options.sink_size,
            )
        return net, FusedTrainer(net, data, options.momentum, options.threads)

    def _run_epochs(self, interruption: Interruption) -> None:
        options = self._options
        while self._done < self._last and not self._stops(interruption):
            epoch, first = divmod(self._done, self._steps_per_epoch)
            epoch += 1
            order = batches.order(len(self._train), self._batch, options.seed, epoch)
            self._progress.start_epoch(epoch, first)
            until = min(len(order), first + self._last - self._done)
            while first < until and not self._stops(interruption):
                steps = self._steps_at_once(until - first)
                self._train_steps(order[first : first + steps], interruption)
                first += steps
            complete = self._done % self._steps_per_epoch == 0
            self._progress.end_epoch(epoch, complete)
            evaluates = options.eval_each_epoch and self._workers.writes
            if evaluates and complete and self._done < self._last:
                self._evaluate()
        if self._saved != self._path():
            self._save()

    def _stops(self, interruption: Interruption) -> bool:
        """Several workers stop after the step with which all learn of it; one alone at once."""
        return self._agreed_to_stop or (self._workers.size == 1 and interruption.requested)

    def _steps_at_once(self, left: int) -> int:
        """Up to the next checkpoint, `left` of epoch and run, what the trainer takes."""
        period = self._options.save_checkpoint_steps
        to_checkpoint = period - self._done % period
        return min(left, to_checkpoint, self._trainer.steps_per_call)

    def _train_steps(self, order: np.ndarray, interruption: Interruption) -> None:
        rates = self._rates(self._done, len(order))
        own = self._trainer.train(self._workers.share(order), rates)
        losses, self._agreed_to_stop = self._workers.agree(own, interruption.requested)
        bad = np.flatnonzero(~np.isfinite(losses))
        if len(bad):
            self._done += int(bad[0]) + 1
            epoch, step = self._position()
            raise LenetError(
                f"epoch:{epoch} step:{step}: the loss is {losses[bad[0]]}, the training diverged; "
                f"take a lower --lr than {self._options.lr}"
            )
        self._done += len(losses)
        self._progress.steps(self._done, losses)
        if self._done % self._options.save_checkpoint_steps == 0:
            self._save()

    def _rates(self, first: int, steps: int) -> np.ndarray:
        options = self._options
        total = options.epoch_size * self._steps_per_epoch
        return learning_rate.rates(options.lr, options.lr_decay, total, first, steps)

    def _position(self) -> tuple[int, int]:
        epoch, step = divmod(self._done - 1, self._steps_per_epoch)
        return epoch + 1, step + 1

    def _path(self) -> str:
        if not self._done:
            return ""
        return os.path.join(self._options.ckpt_path, checkpoint.file_name(*self._position()))

    def _save(self) -> None:
        self._saved = self._path()
        if not self._workers.writes:
            return
        state = {
            "epoch_num": self._position()[0],
            "step_num": self._done,
            "seed": self._options.seed,
            "batch_size": self._batch,
        }
        checkpoint.save(self._trainer.cell, self._saved, state)
        checkpoint.prune(self._options.ckpt_path, self._options.keep_checkpoint_max)

    def _resume(self, path: str) -> None:
        found = checkpoint.load_into(self._net, path)
        for key, unit in (("seed", 1), ("batch_size", self._workers.size)):
            wanted = getattr(self._options, key)
            if key in found and int(found[key].asnumpy()) != wanted * unit:
                was = f"{int(found[key].asnumpy()) / unit:g}"
                raise UserError(
                    f"--resume: {path} was trained with --{key}={was}, found --{key}={wanted}; "
                    f"give --{key}={was}, so that the order of the images goes on"
                )
        epoch, step = checkpoint.position(path)
        if step > self._steps_per_epoch:
            raise UserError(
                f"--resume: {path} is at step {step} of an epoch, but an epoch has "
                f"{self._steps_per_epoch} steps here; give the --data_path and --batch_size "
                "that it was trained with"
            )
        missing = self._trainer.load_state(found)
        if missing:
            logging.info("%s holds no optimizer state; it starts at zero", path)
        self._done = (epoch - 1) * self._steps_per_epoch + step
        if "learning_rate" in found:
            was = found["learning_rate"].asnumpy().item()
            rate = self._rates(self._done - 1, 1)[0]
            if was != rate:
                logging.info(
                    "step %d had the learning rate %g; now it would be %g", step, was, rate
                )
        self._take_history()
        logging.info("resuming after epoch:%d step:%d of %s", epoch, step, path)

    def _take_history(self) -> None:
        """What metrics.json tells of the steps before the checkpoint."""
        epoch, step = self._position()
        try:
            with open(self._metrics_path(), encoding="utf-8") as file:
                history = json.load(file)
            curve = [entry for entry in history["loss_curve"] if entry[:2] <= [epoch, step]]
            epochs = [
                e for e in history["epochs"] if e["epoch"] * self._steps_per_epoch <= self._done
            ]
        except (OSError, ValueError, KeyError, TypeError):
            logging.info("the loss curve begins here: no earlier %s", METRICS_NAME)
            return
        self._progress.loss_curve += curve
        self._progress.epochs += epochs

    def _evaluate(self) -> float:
        """Accuracy on the test set, logged and kept with the epoch just ended."""
        start = time.perf_counter()
        logits = predict_logits(self._net, self._test_images)
        self._trainer.cell.set_train()
        result = metrics.evaluation(logits, self._test.labels)
        seconds = time.perf_counter() - start
        logging.info(
            "test accuracy %.4f (%d of %d), %.2f s",
            result.accuracy,
            result.correct,
            result.total,
            seconds,
        )
        epochs = self._progress.epochs
        if epochs and epochs[-1]["epoch"] * self._steps_per_epoch == self._done:
            epochs[-1] |= {"accuracy": result.accuracy, "evaluation_s": seconds}
        return result.accuracy

    def _interrupted(self) -> None:
        if self._workers.writes:
            self._write_metrics(None)
        self._workers.wait()  # who ends first ends the others
        logging.info(
            "interrupted; saved %s; give the same flags and --resume to continue", self._saved
        )
        raise KeyboardInterrupt

    def _write_metrics(self, accuracy: float | None) -> dict[str, Any]:
        import mindspore as ms

        result = {
            "accuracy": accuracy,
            "checkpoint": os.path.basename(self._saved),
            "steps": self._done,
            "epochs": self._progress.epochs,
            "loss_curve": self._progress.loss_curve,
            "timings": self._progress.timings()
            | {"total_seconds": time.perf_counter() - self._start},
            "device": self._target,
            "fused_kernels": self._net.fused is not None,
            "workers": self._workers.size,
            "mindspore": ms.__version__,
            "config": dataclasses.asdict(self._options),
            "data_sha256": {"train": self._train.sha256(), "test": self._test.sha256()},
        }
        files.write_atomically(self._metrics_path(), json.dumps(result, indent=1) + "\n")
        return result

    def _metrics_path(self) -> str:
        return os.path.join(self._options.ckpt_path, METRICS_NAME)


def _check_batch(batch_size: int, size: int, images: int) -> None:
    if batch_size * size > images:
        each = "" if size == 1 else f"{images // size} for each of {size} workers, which share "
        raise UserError(
            f"--batch_size={batch_size}: expected at most {each}the {images} images of the "
            "training set"
        )


def _check_folder(folder: str) -> None:
    """Makes the folder for checkpoints, and tries now whether files can be written there."""
    try:
        os.makedirs(folder, exist_ok=True)
        files.write_atomically(os.path.join(folder, ".writable"), "")
        os.remove(os.path.join(folder, ".writable"))
    except OSError as error:
        raise UserError(
            f"--ckpt_path: cannot write to {folder}: {error.strerror}; name a folder that can be "
            "written to"
        ) from error


def _resumed(options: TrainOptions) -> str:
    """The checkpoint that --resume continues from; "" to start anew."""
    if not options.resume:
        return ""
    own = checkpoint.own(options.ckpt_path)
    if not own:
        logging.info("--resume: no checkpoint in %s, starting anew", options.ckpt_path)
        return ""
    return own[-1]


def _set_aside(folder: str) -> None:
    """Moves the files of an earlier run away, so that the newest checkpoint is of this run."""
    old = checkpoint.own(folder)
    if not old:
        return
    previous = os.path.join(folder, _PREVIOUS)
    shutil.rmtree(previous, ignore_errors=True)
    os.makedirs(previous)
    metrics_path = os.path.join(folder, METRICS_NAME)
    for path in [*old, *([metrics_path] if os.path.exists(metrics_path) else [])]:
        os.replace(path, os.path.join(previous, os.path.basename(path)))
    logging.info(
        "starting anew; %d checkpoints of an earlier run are now in %s (--resume would have "
        "continued them)",
        len(old),
        previous,
    )
