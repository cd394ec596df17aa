"""Trains LeNet-5, evaluates it, and writes checkpoints, metrics.json and a report."""

from __future__ import annotations

import contextlib
import dataclasses
import shlex
import time
from typing import TYPE_CHECKING, Any

import numpy as np
from absl import logging

from lenet import devices, files, interrupts, kernels, memory, metrics, resources
from lenet.data import idx, transform
from lenet.devices import Device
from lenet.errors import LenetError, UserError
from lenet.interrupts import Interruption
from lenet.model import checkpoint
from lenet.options import config, flags
from lenet.options.programs import TrainOptions
from lenet.training import workers
from lenet.training.progress import Progress
from lenet.training.run_folder import CONFIG, RunFolder
from lenet.training.schedule import Schedule
from lenet.training.workers import Workers

# Per pixel of each image of a batch; measured with MindSpore's operators.
_BATCH_BYTES = 110

if TYPE_CHECKING:
    import pathlib

    from lenet.model.lenet5 import LeNet5
    from lenet.training.trainer import Trainer

# A run has not learned if its accuracy is at most this multiple of that of always guessing the most
# frequent class. The usual ranges only choose the advice.
_CHANCE_FACTOR = 1.2
_MAX_USUAL_LR = 0.1
_MIN_USUAL_STEPS = 500


def run_training(options: TrainOptions) -> dict[str, Any]:
    """Trains and evaluates a network and returns the content of metrics.json.

    On Ctrl-C, writes a checkpoint and then raises KeyboardInterrupt.

    Raises:
        UserError: invalid data, checkpoint or checkpoint folder.
        DeviceUnavailableError, DeviceFailedError: see lenet.devices.
        LenetError: the loss is not finite.
    """
    if (options.save_best or options.early_stop) and not options.validation:
        raise UserError("--save_best and --early_stop need --validation, such as --validation=5000")
    train = idx.read_split(options.data_path, "train")
    if options.validation >= len(train):
        raise UserError(f"--validation must be less than the {len(train)} training images")
    test = idx.read_split(options.data_path, "test")
    images = len(train) + 5 * len(test) + _BATCH_BYTES * options.batch_size
    memory.require(
        "--batch_size, --image_height and --image_width",
        images * options.image_height * options.image_width,
    )
    folder = RunFolder(options.ckpt_path, options.keep_checkpoint_max)
    if not options.distribute:
        flags.report_unused(options, {"device_num": "without --distribute"})
    card = workers.card(options.device_id) if options.distribute else options.device_id
    fused = options.fused_kernels and not options.distribute and options.amp_level != "O2"
    size = (options.image_height, options.image_width) if fused else None
    device = devices.start(options.device_target, card, options.threads, size)
    with devices.failures_reported(device):
        group = workers.join() if options.distribute else Workers()
        schedule = Schedule(options, len(train) - options.validation, group)
        with folder.locked() if group.writes else contextlib.nullcontext():
            resumed = folder.newest() if options.resume else None
            run = _Run(options, train, test, device, group, schedule, folder)
            if resumed:
                flags.report_unused(options, {"pre_trained": "when --resume finds a checkpoint"})
                run.resume(resumed)
            else:
                run.start()
            return run.run()


@dataclasses.dataclass
class _Run:
    """One training run, from its first step or a checkpoint to its last step.

    Attributes:
        done: completed steps over all epochs, including an earlier run.
        saved: steps in the newest checkpoint.
        stop: whether all workers have agreed to stop.
        diverged: error of a loss that is not finite.
        finished: whether --early_stop ends the run.
    """

    options: TrainOptions
    train: idx.Split
    test: idx.Split
    device: Device
    workers: Workers
    schedule: Schedule
    folder: RunFolder
    done: int = 0
    saved: int = 0
    stop: bool = False
    diverged: LenetError | None = None
    finished: bool = False

    def __post_init__(self) -> None:
        options, schedule = self.options, self.schedule
        self.start_time = time.perf_counter()
        self.data_sha256 = {"train": self.train.sha256(), "test": self.test.sha256()}
        self.progress = Progress(
            schedule.steps_per_epoch,
            schedule.last,
            options.log_steps,
            options.timestamps,
            options.summary_dir if self.workers.writes else "",
        )
        count = len(self.train) - options.validation
        self.validation = self.train.part(count, len(self.train))
        self.train = self.train.part(0, count)
        self.net, self.trainer = _build(
            options, self.train, schedule, self.device, self.workers.size
        )
        size = options.image_height, options.image_width
        self.validation_pixels = transform.resize(self.validation.images, *size)
        self.test_pixels = transform.resize(self.test.images, *size)

    def start(self) -> None:
        """Starts a new run."""
        if self.options.pre_trained:
            checkpoint.load_into(self.net, checkpoint.newest(self.options.pre_trained))
        if self.workers.writes:
            self.folder.move_earlier_run()

    def resume(self, path: pathlib.Path) -> None:
        """Continues the run of a checkpoint.

        Raises:
            UserError: the checkpoint is invalid or of a run with another image order.
        """
        schedule = self.schedule
        found = checkpoint.load_into(self.net, path)
        scalars = {name: value.asnumpy().item() for name, value in found.items() if value.size == 1}
        for name, unit in (("seed", 1), ("batch_size", self.workers.size)):
            given = getattr(self.options, name)
            if scalars.get(name, given * unit) != given * unit:
                trained = f"{scalars[name] / unit:g}"
                raise UserError(
                    f"--resume: {path} was trained with --{name}={trained}, found "
                    f"--{name}={given}; use --{name}={trained} for the same image order"
                )
        epoch, step = checkpoint.position(path)
        if step > schedule.steps_per_epoch:
            raise UserError(
                f"--resume: {path} is at step {step} of an epoch, but this run has "
                f"{schedule.steps_per_epoch} steps per epoch; use the --data_path and --batch_size "
                "of the earlier run"
            )
        if self.trainer.load_state(found):
            logging.info("%s holds no optimizer state; it starts at zero", path)
        self.done = self.saved = (epoch - 1) * schedule.steps_per_epoch + step
        if "learning_rate" in scalars:
            before = scalars["learning_rate"]
            now = schedule.rates(self.done - 1, 1)[0]
            if before != now:
                logging.warning(
                    "the learning rate jumps from %g to %g at epoch:%d step:%d, because --lr, "
                    "--lr_decay or the number of steps differ from those of the earlier run; "
                    "cosine spreads over the whole run",
                    *(before, now, epoch, step),
                )
        curve, epochs = self.folder.history((epoch, step), self.done // schedule.steps_per_epoch)
        self.progress.loss_curve += curve
        self.progress.epochs += epochs
        logging.info("resuming after epoch:%d step:%d of %s", epoch, step, path)

    def run(self) -> dict[str, Any]:
        """Trains and evaluates; returns the metrics, or {} in all workers but the first."""
        logging.info(
            "training on %d images, %d steps per epoch, %s %s",
            len(self.train),
            self.schedule.steps_per_epoch,
            "device" if self.workers.size == 1 else f"{self.workers.size} workers, each on",
            self.device.name,
        )
        if self.schedule.last < self.schedule.total and self.options.lr_decay == "cosine":
            logging.info(
                "--max_steps=%d stops while the learning rate decays over %d steps; "
                "--lr_decay=none keeps it constant",
                *(self.schedule.last, self.schedule.total),
            )
        if self.done >= self.schedule.last:
            logging.info("no steps left to train; increase --epoch_size to continue")
        try:
            with interrupts.recorded() as interruption, contextlib.closing(self.progress):
                self._train_epochs(interruption)
                interrupted = self._stops(interruption)
                logits = self._evaluate() if self.workers.writes and not interrupted else None
        except KeyboardInterrupt:
            logging.info("interrupted twice; %s", self._saved_message())
            raise
        evaluation = None if logits is None else metrics.evaluate(logits, self.test.labels)
        accuracy = evaluation.accuracy if evaluation else None
        result = self._metrics(accuracy)
        if self.workers.writes:
            self.folder.write_metrics(result)
        if interrupted:
            # Waits for all workers, because the first one that ends would end the others.
            self.workers.agree(np.zeros(0, np.float32), False)
            logging.info("interrupted; %s", self._saved_message())
            raise KeyboardInterrupt
        if logits is None or evaluation is None:
            return {}
        report = self._report(logits, evaluation, result)
        accuracy = evaluation.accuracy
        saved = self._saved_path()
        print(f"Accuracy: {{{metrics.accuracy_line(accuracy)}}}")
        print(f"Checkpoint: {saved}")
        chance = np.bincount(self.test.labels).max() / len(self.test)
        if accuracy <= _CHANCE_FACTOR * chance:
            print(f"The network has not learned: guessing has {chance:.4f}. {self._remedy()}")
        else:
            flag = f"--ckpt_file={shlex.quote(str(saved))}"
            print(f"Next: {resources.command('//python:export', flag)}")
        print(f"Report: {report}")
        return result

    def _report(
        self, logits: np.ndarray, evaluation: metrics.Evaluation, result: dict[str, Any]
    ) -> pathlib.Path:
        """Writes config.yaml, pictures and page, and returns the path of the page."""
        from lenet.report import page

        path = self.folder.path / CONFIG
        files.write_atomically(path, config.as_yaml(self.options))
        content = page.Report(
            title=f"LeNet-5, {self.done} training steps",
            images=self.test.images,
            labels=self.test.labels,
            logits=logits,
            figures={
                "training": f"{sum(entry['seconds'] for entry in self.progress.epochs):.1f} s",
                "per step": f"{result['timings'].get('ms_per_step_median', 0):.3f} ms",
                "device": self.device.name,
            },
            tables={
                "Files": {"checkpoint": self._saved_path().name, "options": CONFIG},
                "Options": dataclasses.asdict(self.options),
            },
            epochs=self.progress.epochs,
            loss_curve=self.progress.loss_curve,
        )
        return page.write(self.folder.path, content, evaluation)

    def _saved_path(self) -> pathlib.Path:
        return self.folder.checkpoint_path(self.schedule.position(self.saved))

    def _saved_message(self) -> str:
        if not self.saved:
            return "nothing is saved"
        return f"saved {self._saved_path()}; continue with the same flags and --resume"

    def _remedy(self) -> str:
        """Returns what most likely makes a run learn that ended at the accuracy of guessing."""
        options = self.options
        if options.lr > _MAX_USUAL_LR:
            return f"Use a lower --lr than {options.lr:g}."
        if self.done < _MIN_USUAL_STEPS:
            return f"Train more than {self.done} steps (--epoch_size, --max_steps)."
        return f"Use a higher --lr than {options.lr:g}, or another --seed or --momentum."

    def _train_epochs(self, interruption: Interruption) -> None:
        if self.done < self.schedule.last and not self._stops(interruption):
            epoch, step = divmod(self.done, self.schedule.steps_per_epoch)
            self.progress.start_epoch(epoch + 1, step)
            self.trainer.train(
                self.schedule,
                self.done,
                lambda steps, losses: self._record(steps, losses, interruption),
            )
        if self.diverged:
            raise self.diverged
        if self.saved != self.done:
            self._save()

    def _record(self, steps: int, own: np.ndarray, interruption: Interruption) -> bool:
        """Records a launch of `steps` steps, with the losses of this worker; see Report."""
        schedule = self.schedule
        losses, self.stop = self.workers.agree(own, interruption.requested)
        self.done += steps
        bad = np.flatnonzero(~np.isfinite(losses))
        if len(bad):
            epoch, step = schedule.position(self.done - len(losses) + int(bad[0]) + 1)
            # Model.train needs to end in order.
            self.diverged = LenetError(
                f"epoch:{epoch} step:{step}: the loss is {losses[bad[0]]}, the training diverged; "
                f"use a lower --lr than {self.options.lr}"
            )
            return True
        self.progress.steps(self.done, steps, losses)
        if self.done % self.options.save_checkpoint_steps == 0:
            self._save()
        epoch, step = divmod(self.done, schedule.steps_per_epoch)
        if step == 0:
            self._end_epoch(epoch)
        return self.finished or self._stops(interruption)

    def _end_epoch(self, epoch: int) -> None:
        self.progress.end_epoch(epoch, self.schedule.rates(self.done - 1, 1).item())
        if self.options.validation:
            self._validate()
        if self.done == self.schedule.last or self.finished:
            return
        if self.workers.writes:
            accuracy = None
            if self.options.eval_each_epoch:
                accuracy = metrics.evaluate(self._evaluate(), self.test.labels).accuracy
            self.folder.write_metrics(self._metrics(accuracy))
        self.progress.start_epoch(epoch + 1, 0)

    def _stops(self, interruption: Interruption) -> bool:
        """Returns whether to stop: one worker at once, several after they have agreed."""
        return self.stop or (self.workers.size == 1 and interruption.requested)

    def _save(self) -> None:
        self.saved = self.done
        if not self.workers.writes:
            return
        self.folder.save(self.trainer.cell, self.schedule.position(self.done), self._state())

    def _state(self) -> dict[str, int | np.float32]:
        """Returns what a checkpoint holds besides parameters."""
        return {
            "epoch_num": self.schedule.position(self.done)[0],
            "step_num": self.done,
            "seed": self.options.seed,
            "batch_size": self.schedule.batch_size,
            "learning_rate": self.schedule.rates(self.done - 1, 1)[0],
        }

    def _validate(self) -> None:
        """Measures the validation accuracy of an epoch; all workers come to the same decision."""
        result = metrics.evaluate(self._logits(self.validation_pixels), self.validation.labels)
        epochs = self.progress.epochs
        epochs[-1]["validation_accuracy"] = result.accuracy
        self.progress.show(
            f"validation accuracy {result.accuracy:.4f} ({result.correct} of {result.total})"
        )
        accuracies = [entry.get("validation_accuracy", 0.0) for entry in epochs]
        since_best = len(accuracies) - 1 - accuracies.index(max(accuracies))
        if self.options.save_best and self.workers.writes and since_best == 0:
            self.folder.save_best(self.trainer.cell, self._state())
        if 0 < self.options.early_stop <= since_best:
            self.finished = True
            self.progress.show(f"no better validation accuracy for {since_best} epochs; stopping")

    def _logits(self, pixels: np.ndarray) -> np.ndarray:
        from lenet.model import lenet5

        logits = lenet5.classify(self.net, pixels, self.device)
        self.trainer.cell.set_train()
        return logits

    def _evaluate(self) -> np.ndarray:
        """Returns the logits of the test set; prints and records the accuracy."""
        start = time.perf_counter()
        logits = self._logits(self.test_pixels)
        result = metrics.evaluate(logits, self.test.labels)
        seconds = time.perf_counter() - start
        self.progress.evaluated(self.done, result.accuracy, seconds)
        counts = f"{result.correct} of {result.total}"
        self.progress.show(f"test accuracy {result.accuracy:.4f} ({counts}), {seconds:.2f} s")
        return logits

    def _metrics(self, accuracy: float | None) -> dict[str, Any]:
        import mindspore as ms

        from lenet.training.trainer import FusedTrainer

        seconds = time.perf_counter() - self.start_time
        return {
            "accuracy": accuracy,
            "checkpoint": self._saved_path().name if self.saved else "",
            "steps": self.done,
            "epochs": self.progress.epochs,
            "loss_curve": self.progress.loss_curve,
            "timings": self.progress.timings() | {"total_seconds": seconds},
            "device": self.device.name,
            "fused_kernels": isinstance(self.trainer, FusedTrainer),
            "workers": self.workers.size,
            "mindspore": ms.__version__,
            "config": dataclasses.asdict(self.options),
            "data_sha256": self.data_sha256,
        }


def _build(
    options: TrainOptions, train: idx.Split, schedule: Schedule, device: Device, workers: int
) -> tuple[LeNet5, Trainer]:
    """Returns the network and its trainer; the seed decides the initial weights."""
    import mindspore as ms

    from lenet.kernels import operators
    from lenet.model import lenet5
    from lenet.training.trainer import FusedTrainer, OperatorTrainer, TrainingSet

    height, width = options.image_height, options.image_width
    images = transform.resize(train.images, height, width)
    data = TrainingSet(images, train.labels.astype(np.int32))
    level = options.amp_level
    if level == "auto":
        level = "O2" if device.name == "Ascend" else "O0"
    # The fused kernels compute in float32 and cannot average gradients between their steps.
    has_kernels = device.name == "CPU" or device.card is not None
    suitable = has_kernels and workers == 1 and level == "O0"
    fused = options.fused_kernels and suitable
    if suitable and not device.card:
        kernels.report_missing()
    ms.set_seed(options.seed)
    net = lenet5.build(height, width, fused and not device.card, options.threads)
    if fused:
        flags.report_unused(options, {"sink_size": "with the fused kernels"})
        on_gpu = device.card is not None
        size = operators.STEPS_PER_GPU_LAUNCH if on_gpu else operators.STEPS_PER_LAUNCH
        return net, FusedTrainer(
            net,
            data,
            options.momentum,
            options.threads,
            size=min(size, schedule.steps_per_epoch),
            on_gpu=on_gpu,
        )
    if options.fused_kernels:
        reason = f"on {device.name}" if device.name != "CPU" else "with --amp_level=O2"
        reason = "with several workers" if workers > 1 else reason
        logging.info("--fused_kernels has no effect %s; MindSpore's operators run", reason)
    return net, OperatorTrainer(
        net,
        data,
        schedule.rates(0, schedule.total),
        options.momentum,
        mixed_precision=level == "O2",
        sink_size=options.sink_size,
    )
