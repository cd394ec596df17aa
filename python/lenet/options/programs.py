"""The options of each program. Defaults are in configs/default_config.yaml only."""

import dataclasses
from typing import ClassVar

from lenet.options.schema import option


@dataclasses.dataclass(frozen=True)
class DeviceOptions:
    section: ClassVar[str] = "device"

    device_target: str = option("where to run", choices=("auto", "Ascend", "GPU", "CPU"))
    device_id: int = option("index of the Ascend or GPU card", minimum=0)


@dataclasses.dataclass(frozen=True)
class DataOptions:
    section: ClassVar[str] = "data"

    data_path: str = option(
        "folder with MNIST as IDX files (train/, test/); empty: the MNIST that the build fetched",
        path=True,
    )


@dataclasses.dataclass(frozen=True)
class ImageOptions:
    """Two 5x5 valid convolutions, each with a 2x2 pool, leave nothing of less than 16 pixels."""

    section: ClassVar[str] = "image"

    image_height: int = option("input of the network", unit="pixels", minimum=16, maximum=4096)
    image_width: int = option("input of the network", unit="pixels", minimum=16, maximum=4096)


@dataclasses.dataclass(frozen=True)
class CloudOptions:
    section: ClassVar[str] = "cloud"

    enable_modelarts: bool = option("fetch and send by the URLs below, as a job of ModelArts")
    data_url: str = option("of the folder with MNIST: s3://, obs://, file:// or a path")
    train_url: str = option("where results are sent at the end; empty: nowhere")
    checkpoint_url: str = option("of the checkpoint, or folder of checkpoints, to start from")
    cache_path: str = option("folder of this machine for what is fetched", path=True)


@dataclasses.dataclass(frozen=True)
class TrainOptions(DeviceOptions, DataOptions, ImageOptions, CloudOptions):
    section: ClassVar[str] = "train"

    epoch_size: int = option("passes over the training set", unit="epochs", minimum=1)
    batch_size: int = option("images a step", unit="images", minimum=1)
    lr: float = option("learning rate of Momentum", minimum=0)
    lr_decay: str = option("from lr to zero over the whole run, or not", choices=("cosine", "none"))
    momentum: float = option("momentum of Momentum", minimum=0, maximum=1)
    seed: int = option("of the initial weights and of the order of the images", minimum=0)
    ckpt_path: str = option("folder for checkpoints and metrics.json", path=True)
    save_checkpoint_steps: int = option(
        "steps between checkpoints; the last step is always saved", unit="steps", minimum=1
    )
    keep_checkpoint_max: int = option(
        "older checkpoints are removed", unit="checkpoints", minimum=1
    )
    log_steps: int = option('steps between two "loss is" lines', unit="steps", minimum=1)
    pre_trained: str = option(
        "checkpoint, or folder whose newest one is taken, whose weights are the initial ones",
        path=True,
    )
    resume: bool = option("continue from the newest checkpoint in ckpt_path")
    eval_each_epoch: bool = option(
        "measure the test accuracy after each epoch, not only at the end"
    )
    max_steps: int = option(
        "stop after this many, all epochs together; 0: no limit", unit="steps", minimum=0
    )
    threads: int = option("of the CPU; 0: one a core", unit="threads", minimum=0, maximum=1024)
    fused_kernels: bool = option("on a CPU: the project's own kernels, not MindSpore's operators")
    amp_level: str = option(
        "precision of MindSpore's operators: O0 float32, O2 float16 with float32 weights; auto: "
        "O2 on Ascend",
        choices=("auto", "O0", "O2"),
    )
    sink_size: int = option(
        "of MindSpore's operators at a launch, the data lying on the device",
        unit="steps",
        minimum=1,
        maximum=10000,
    )
    distribute: bool = option("be one of the workers that msrun started, or start device_num")
    device_num: int = option("that --distribute starts", unit="workers", minimum=1)


@dataclasses.dataclass(frozen=True)
class TrainDistributedOptions(TrainOptions):
    section: ClassVar[str] = "train_distributed"

    worker_num: int = option(
        "on all machines; each has --batch_size images of a step", unit="workers", minimum=1
    )
    local_worker_num: int = option("of them, on this machine; 0: all", unit="workers", minimum=0)
    master_addr: str = option("address of the machine with --node_rank=0")
    master_port: int = option(
        "there; 0: any that is free (one machine only)", minimum=0, maximum=65535
    )
    node_rank: int = option("number of this machine; -1: there is one machine only", minimum=-1)
    log_path: str = option("folder for the logs of the workers", path=True)


@dataclasses.dataclass(frozen=True)
class EvalOptions(DeviceOptions, DataOptions, ImageOptions, CloudOptions):
    section: ClassVar[str] = "eval"

    ckpt_path: str = option("a checkpoint, or a folder whose newest one is taken", path=True)
    ckpt_file: str = option("the same, as jobs of ModelArts name it; wins", path=True)
    batch_size: int = option("images a step", unit="images", minimum=1)
    report: str = option("folder for confusion_matrix.png and report.json; empty: none", path=True)
    fused_kernels: bool = option("on a CPU: the project's own kernels, not MindSpore's operators")


@dataclasses.dataclass(frozen=True)
class ExportOptions(DeviceOptions, DataOptions, ImageOptions, CloudOptions):
    section: ClassVar[str] = "export"

    ckpt_file: str = option("a checkpoint, or a folder whose newest one is taken", path=True)
    file_name: str = option("output without its ending", path=True)
    file_format: str = option("of the output", choices=("MINDIR", "ONNX", "AIR"))
    batch_size: int = option("images in one call of the exported model", unit="images", minimum=1)


@dataclasses.dataclass(frozen=True)
class PreprocessOptions(DataOptions, ImageOptions):
    section: ClassVar[str] = "preprocess"

    output_path: str = option("folder for the images and manifest.csv", path=True)
    image_format: str = option(
        "jpg (for DVPP), png or bin (float32 input of the network)", choices=("jpg", "png", "bin")
    )
    quality: int = option("of JPEG", minimum=1, maximum=100)
    limit: int = option("0: all", unit="images", minimum=0)
    force: bool = option("write into a folder that is not empty")


@dataclasses.dataclass(frozen=True)
class PostprocessOptions(DataOptions):
    section: ClassVar[str] = "postprocess"

    result_path: str = option("folder with the results of infer310", path=True)
    dataset_path: str = option("what infer310 read; empty: the test set of data_path", path=True)
    output_path: str = option("folder for acc.log and report.json", path=True)


@dataclasses.dataclass(frozen=True)
class PredictOptions(DeviceOptions, ImageOptions):
    section: ClassVar[str] = "predict"

    ckpt_file: str = option("a checkpoint, or a folder whose newest one is taken", path=True)
    invert: str = option("whether ink is darker than paper", choices=("auto", "yes", "no"))
    json: bool = option("one JSON object an image instead of the table")


@dataclasses.dataclass(frozen=True)
class ToOmOptions(ImageOptions):
    section: ClassVar[str] = "to_om"

    model: str = option("ONNX, AIR or MindIR that export wrote", path=True)
    output: str = option(
        "the OM; empty: beside the model, with its name, or <name>_aipp.om", path=True
    )
    soc_version: str = option("Ascend310, ...; empty: of the card that npu-smi shows")
    aipp: bool = option("the OM takes bytes, as DVPP delivers them, and normalises them itself")
    aipp_path: str = option("AIPP configuration for --aipp; empty: configs/aipp.cfg", path=True)
    dynamic_batch: str = option(
        "sizes of a batch that the OM takes, such as 1,8,16; empty: that of the model"
    )


PROGRAMS: dict[str, type] = {
    cls.section: cls
    for cls in (
        TrainOptions,
        TrainDistributedOptions,
        EvalOptions,
        ExportOptions,
        PreprocessOptions,
        PostprocessOptions,
        PredictOptions,
        ToOmOptions,
    )
}
