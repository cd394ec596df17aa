"""The options of each program as frozen dataclasses.

configs/options.yaml describes each field and configs/default_config.yaml has its default.
"""

import dataclasses
from typing import ClassVar


@dataclasses.dataclass(frozen=True)
class DeviceOptions:
    """Device to run on."""

    device_target: str
    device_id: int


@dataclasses.dataclass(frozen=True)
class DataOptions:
    """Location of MNIST."""

    data_path: str


@dataclasses.dataclass(frozen=True)
class ImageOptions:
    """Input size of the network."""

    image_height: int
    image_width: int


@dataclasses.dataclass(frozen=True)
class CloudOptions:
    """Transfers of a ModelArts job."""

    enable_modelarts: bool
    data_url: str
    train_url: str
    checkpoint_url: str
    cache_path: str


@dataclasses.dataclass(frozen=True)
class TrainOptions(DeviceOptions, DataOptions, ImageOptions, CloudOptions):
    """Options of train."""

    program: ClassVar[str] = "train"

    epoch_size: int
    batch_size: int
    lr: float
    lr_decay: str
    momentum: float
    seed: int
    ckpt_path: str
    save_checkpoint_steps: int
    keep_checkpoint_max: int
    log_steps: int
    timestamps: bool
    summary_dir: str
    pre_trained: str
    resume: bool
    eval_each_epoch: bool
    validation: int
    save_best: bool
    early_stop: int
    max_steps: int
    threads: int
    fused_kernels: bool
    amp_level: str
    sink_size: int
    distribute: bool
    device_num: int


@dataclasses.dataclass(frozen=True)
class TrainDistributedOptions(TrainOptions):
    """Options of train_distributed."""

    program: ClassVar[str] = "train_distributed"

    worker_num: int
    local_worker_num: int
    master_addr: str
    master_port: int
    node_rank: int
    log_path: str


@dataclasses.dataclass(frozen=True)
class EvalOptions(DeviceOptions, DataOptions, ImageOptions, CloudOptions):
    """Options of eval."""

    program: ClassVar[str] = "eval"

    ckpt_path: str
    ckpt_file: str
    batch_size: int
    report: str
    fused_kernels: bool


@dataclasses.dataclass(frozen=True)
class ExportOptions(DeviceOptions, DataOptions, ImageOptions, CloudOptions):
    """Options of export."""

    program: ClassVar[str] = "export"

    ckpt_file: str
    file_name: str
    file_format: str
    batch_size: int


@dataclasses.dataclass(frozen=True)
class PreprocessOptions(DataOptions, ImageOptions):
    """Options of preprocess."""

    program: ClassVar[str] = "preprocess"

    output_path: str
    image_format: str
    quality: int
    limit: int
    force: bool


@dataclasses.dataclass(frozen=True)
class PostprocessOptions(DataOptions):
    """Options of postprocess."""

    program: ClassVar[str] = "postprocess"

    result_path: str
    dataset_path: str
    output_path: str
    report: bool


@dataclasses.dataclass(frozen=True)
class PredictOptions(DeviceOptions, ImageOptions):
    """Options of predict."""

    program: ClassVar[str] = "predict"

    ckpt_file: str
    invert: str
    json: bool
    output: str


@dataclasses.dataclass(frozen=True)
class ToOmOptions(ImageOptions):
    """Options of to_om."""

    program: ClassVar[str] = "to_om"

    model: str
    output: str
    soc_version: str
    aipp: bool
    aipp_path: str
    dynamic_batch: str
