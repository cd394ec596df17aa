import dataclasses

import pytest

from lenet import errors
from lenet.cloud import modelarts
from lenet.options import config
from lenet.options.programs import EvalOptions, ExportOptions, TrainOptions


class Job:
    """A job whose bucket is a folder; paths and URLs are relative to `folder`."""

    def __init__(self, folder):
        self.folder = folder
        for name in ("data/train/x", "checkpoints/model.ckpt", "earlier/checkpoint_lenet-1_1.ckpt"):
            self.write(f"bucket/{name}", name)

    def write(self, name, content="result"):
        path = self.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(content)

    def files(self, name):
        found = (self.folder / name).rglob("*")
        return sorted(str(p.relative_to(self.folder / name)) for p in found if p.is_file())

    def options(self, options_class, *, enabled=True, flags=None, **paths):
        absolute = {name: f"{self.folder}/{path}" for name, path in paths.items()}
        values = {"enable_modelarts": enabled, "cache_path": f"{self.folder}/cache"}
        return config.default_options(options_class, **values | absolute | (flags or {}))

    def run(self, program, options, writes=(), failure=None):
        """Runs a program that writes files; returns the options that it gets."""
        seen = []

        def work(local):
            seen.append(local)
            for name in writes:
                self.write(name)
            if failure:
                raise failure

        program(work)(options)
        return seen[0]


@pytest.fixture
def job(tmp_path, monkeypatch):
    for variable in ("DEVICE_ID", "RANK_ID", "RANK_SIZE", "JOB_ID"):
        monkeypatch.delenv(variable, raising=False)
    return Job(tmp_path)


def test_disabled_modelarts_fetches_nothing(job):
    options = job.options(TrainOptions, enabled=False, data_url="nowhere")
    assert job.run(modelarts.train, options) is options
    assert not (job.folder / "cache").exists()


def test_training_fetches_its_data_and_sends_its_folder(job):
    options = job.options(
        TrainOptions, data_url="bucket/data", train_url="bucket/out", ckpt_path="cache/train"
    )
    writes = [f"cache/train/{name}" for name in ("old/a.ckpt", "b.ckpt", ".01234567.tmp.c.ckpt")]
    local = job.run(modelarts.train, options, writes)
    data_path = f"{job.folder}/cache/data"
    assert local == dataclasses.replace(
        options, enable_modelarts=False, data_url="", train_url="", data_path=data_path
    )
    assert job.files("cache/data") == ["train/x"]
    assert job.files("bucket/out") == ["b.ckpt", "old/a.ckpt"]


def test_data_is_fetched_to_data_path(job):
    options = job.options(EvalOptions, data_url="bucket/data", data_path="d")
    assert job.run(modelarts.evaluation, options).data_path == f"{job.folder}/d"
    assert job.files("d") == ["train/x"]


@pytest.mark.parametrize(
    ("program", "options_class", "paths", "name", "path"),
    [
        (modelarts.train, TrainOptions, {}, "pre_trained", "cache/checkpoint_path"),
        (modelarts.evaluation, EvalOptions, {"ckpt_path": "p"}, "ckpt_path", "p"),
        (modelarts.evaluation, EvalOptions, {"ckpt_file": "t/model.ckpt"}, "ckpt_file", "t"),
        (modelarts.export, ExportOptions, {"ckpt_file": "t/model.ckpt"}, "ckpt_file", "t"),
        # The default paths of the options.
        (modelarts.evaluation, EvalOptions, {}, "ckpt_path", "cache/checkpoint_path"),
        (modelarts.export, ExportOptions, {}, "ckpt_file", "cache/checkpoint_path"),
    ],
)
def test_checkpoint_is_fetched_to_the_path_of_the_program(
    job, monkeypatch, program, options_class, paths, name, path
):
    monkeypatch.setenv("BUILD_WORKING_DIRECTORY", str(job.folder))
    if not paths and program != modelarts.train:
        paths = {name: "ckpt"}
    options = job.options(options_class, checkpoint_url="bucket/checkpoints/model.ckpt", **paths)
    found = getattr(job.run(program, options), name)
    assert found.removesuffix("/model.ckpt") == f"{job.folder}/{path}"
    assert job.files(path) == ["model.ckpt"]


def test_checkpoint_url_may_name_a_folder(job):
    options = job.options(EvalOptions, checkpoint_url="bucket/checkpoints/", ckpt_path="p")
    job.run(modelarts.evaluation, options)
    assert job.files("p") == ["model.ckpt"]


@pytest.mark.parametrize("name", ["lenet", "lenet.mindir", "lenet.MINDIR"])
def test_export_sends_only_its_files(job, name):
    options = job.options(ExportOptions, train_url="bucket/out", file_name=f"cache/train/{name}")
    written = ("lenet.mindir", "lenet_lite.mindir", "lenet.txt", "other.mindir")
    job.run(modelarts.export, options, [f"cache/train/{name}" for name in written])
    assert job.files("bucket/out") == ["lenet.mindir", "lenet_lite.mindir"]


@pytest.mark.parametrize(
    ("url", "expected"), [("earlier", ["checkpoint_lenet-1_1.ckpt"]), ("none", [])]
)
def test_resumed_training_fetches_earlier_results_if_any(job, url, expected):
    options = job.options(
        TrainOptions, train_url=f"bucket/{url}", ckpt_path="o", flags={"resume": True}
    )
    job.run(modelarts.train, options)
    assert job.files("o") == expected


@pytest.mark.parametrize("failure", [errors.LenetError("diverged"), KeyboardInterrupt()])
def test_failed_or_interrupted_training_sends_its_files(job, failure):
    options = job.options(TrainOptions, train_url="bucket/out", ckpt_path="o")
    with pytest.raises(type(failure)) as caught:
        job.run(modelarts.train, options, ["o/a.ckpt"], failure)
    assert caught.value is failure
    assert job.files("bucket/out") == ["a.ckpt"]


@pytest.mark.parametrize("failure", [None, errors.LenetError("diverged")])
def test_failed_upload_names_the_local_folder_and_keeps_an_earlier_error(job, caplog, failure):
    options = job.options(TrainOptions, ckpt_path="o", flags={"train_url": "bad://url"})
    message = f"the results could not be sent; they are in {job.folder}/o: bad://url: expected"
    with pytest.raises(errors.LenetError, match="diverged" if failure else message):
        job.run(modelarts.train, options, ["o/a.ckpt"], failure)
    assert message in caplog.text or not failure
    assert job.files("o") == ["a.ckpt"]


def test_only_rank_0_sends(job, monkeypatch):
    monkeypatch.setenv("RANK_SIZE", "8")
    monkeypatch.setenv("RANK_ID", "1")
    options = job.options(TrainOptions, train_url="bucket/out", ckpt_path="o")
    job.run(modelarts.train, options, ["o/a.ckpt"])
    assert job.files("bucket/out") == []


@pytest.mark.parametrize(("distribute", "device"), [(False, 5), (True, 0)])
def test_device_comes_from_the_job(job, monkeypatch, distribute, device):
    # For distributed training, lenet.training.workers sets the device.
    monkeypatch.setenv("DEVICE_ID", "5")
    options = job.options(TrainOptions, flags={"distribute": distribute})
    assert job.run(modelarts.train, options).device_id == device


def test_training_needs_its_data(job):
    options = job.options(TrainOptions, data_url="none")
    with pytest.raises(errors.UserError, match="none: nothing is there"):
        job.run(modelarts.train, options, failure=AssertionError("training has begun"))
