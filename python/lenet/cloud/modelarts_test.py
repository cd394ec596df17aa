import dataclasses
import pathlib

import pytest

from lenet import errors
from lenet.cloud import modelarts
from lenet.options import config, programs

VARIABLES = ("DEVICE_ID", "RANK_ID", "RANK_SIZE", "JOB_ID")


@pytest.fixture(autouse=True)
def _no_job(monkeypatch):
    for variable in VARIABLES:
        monkeypatch.delenv(variable, raising=False)


@pytest.fixture
def storage(tmp_path):
    """A folder with data and checkpoints, in place of a bucket."""
    for name in ("data/train/x", "checkpoints/model.ckpt", "earlier/checkpoint_lenet-1_1.ckpt"):
        path = tmp_path / "bucket" / name
        path.parent.mkdir(parents=True)
        path.write_text(name)
    return tmp_path / "bucket"


def options(options_class, tmp_path, **changes):
    values = {"enable_modelarts": True, "cache_path": str(tmp_path / "cache")}
    return config.default_options(options_class, **values | changes)


def run(program, given, work=lambda local: None):
    """Calls the program with `work` and returns the options that `work` gets."""
    seen = []

    def observed(local):
        seen.append(local)
        work(local)

    program(observed)(given)
    return seen[0]


def write(path, content="result"):
    path = pathlib.Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(content)


def names(folder):
    return sorted(path.name for path in folder.iterdir())


def test_without_modelarts_nothing_is_fetched(tmp_path):
    given = options(programs.TrainOptions, tmp_path, enable_modelarts=False, data_url="/nowhere")
    assert run(modelarts.train, given) is given
    assert not (tmp_path / "cache").exists()


def test_training_fetches_its_data_and_sends_its_folder(tmp_path, storage):
    output = f"{tmp_path}/cache/train"
    given = options(
        programs.TrainOptions,
        tmp_path,
        data_url=f"{storage}/data",
        train_url=f"{storage}/out",
        ckpt_path=output,
    )

    def work(local):
        write(f"{output}/previous/a.ckpt")
        write(f"{output}/b.ckpt")
        write(f"{output}/.01234567.tmp.c.ckpt")

    local = run(modelarts.train, given, work)
    assert local == dataclasses.replace(
        given, enable_modelarts=False, data_url="", train_url="", data_path=f"{tmp_path}/cache/data"
    )
    assert (tmp_path / "cache/data/train/x").read_text() == "data/train/x"
    sent = sorted(str(path.relative_to(storage / "out")) for path in storage.glob("out/**/*.ckpt"))
    assert sent == ["b.ckpt", "previous/a.ckpt"]


def test_data_is_fetched_to_data_path(tmp_path, storage):
    given = options(
        programs.EvalOptions, tmp_path, data_url=f"{storage}/data", data_path=f"{tmp_path}/d"
    )
    assert run(modelarts.evaluation, given).data_path == f"{tmp_path}/d"
    assert (tmp_path / "d/train/x").exists()


@pytest.mark.parametrize(
    ("program", "options_class", "changes", "name", "path"),
    [
        (modelarts.train, programs.TrainOptions, {}, "pre_trained", "cache/checkpoint_path"),
        (modelarts.evaluation, programs.EvalOptions, {"ckpt_path": "p"}, "ckpt_path", "p"),
        (
            modelarts.evaluation,
            programs.EvalOptions,
            {"ckpt_file": "cache/train/model.ckpt"},
            "ckpt_file",
            "cache/train/model.ckpt",
        ),
        (
            modelarts.export,
            programs.ExportOptions,
            {"ckpt_file": "cache/checkpoint_path/model.ckpt"},
            "ckpt_file",
            "cache/checkpoint_path/model.ckpt",
        ),
    ],
)
def test_checkpoint_is_fetched_to_the_path_of_the_program(
    tmp_path, storage, program, options_class, changes, name, path
):
    changes = {key: f"{tmp_path}/{value}" for key, value in changes.items()}
    given = options(options_class, tmp_path, checkpoint_url=f"{storage}/checkpoints/", **changes)
    assert getattr(run(program, given), name) == f"{tmp_path}/{path}"
    folder = tmp_path / path
    found = folder if path.endswith(".ckpt") else folder / "model.ckpt"
    assert found.read_text() == "checkpoints/model.ckpt"


def test_checkpoint_is_fetched_to_the_cache_by_default(tmp_path, storage, monkeypatch):
    monkeypatch.setenv("BUILD_WORKING_DIRECTORY", str(tmp_path))
    for program, options_class, name in (
        (modelarts.evaluation, programs.EvalOptions, "ckpt_path"),
        (modelarts.export, programs.ExportOptions, "ckpt_file"),
    ):
        given = options(
            options_class,
            tmp_path,
            checkpoint_url=f"{storage}/checkpoints/model.ckpt",
            **{name: f"{tmp_path}/ckpt"},
        )
        assert getattr(run(program, given), name) == f"{tmp_path}/cache/checkpoint_path"
        assert names(tmp_path / "cache/checkpoint_path") == ["model.ckpt"]


def test_export_sends_only_its_files(tmp_path, storage):
    given = options(
        programs.ExportOptions,
        tmp_path,
        train_url=f"{storage}/out",
        file_name=f"{tmp_path}/cache/train/lenet",
    )

    def work(local):
        for name in ("lenet.mindir", "lenet_lite.mindir", "lenet.txt", "other.mindir"):
            write(f"{tmp_path}/cache/train/{name}")

    run(modelarts.export, given, work)
    assert names(storage / "out") == ["lenet.mindir", "lenet_lite.mindir"]


def test_resumed_training_fetches_earlier_results_if_any(tmp_path, storage):
    for url, expected in (("earlier", ["checkpoint_lenet-1_1.ckpt"]), ("none", [])):
        output = tmp_path / "cache" / url
        given = options(
            programs.TrainOptions,
            tmp_path,
            train_url=f"{storage}/{url}",
            ckpt_path=str(output),
            resume=True,
        )
        run(modelarts.train, given)
        assert [path.name for path in output.glob("*")] == expected


@pytest.mark.parametrize("failure", [errors.LenetError("diverged"), KeyboardInterrupt()])
def test_failed_or_interrupted_training_sends_its_files(tmp_path, storage, failure):
    given = options(
        programs.TrainOptions, tmp_path, train_url=f"{storage}/out", ckpt_path=f"{tmp_path}/o"
    )

    def work(local):
        write(f"{tmp_path}/o/a.ckpt")
        raise failure

    with pytest.raises(type(failure)) as caught:
        run(modelarts.train, given, work)
    assert caught.value is failure
    assert names(storage / "out") == ["a.ckpt"]


def test_failed_upload_names_the_local_folder(tmp_path):
    given = options(
        programs.TrainOptions, tmp_path, train_url="bad://url", ckpt_path=f"{tmp_path}/o"
    )
    message = f"the results could not be sent; they are in {tmp_path}/o: bad://url: expected"
    with pytest.raises(errors.UserError, match=message):
        run(modelarts.train, given, lambda local: write(f"{tmp_path}/o/a.ckpt"))
    assert (tmp_path / "o/a.ckpt").read_text() == "result"


def test_failed_upload_does_not_hide_an_error_of_training(tmp_path, caplog):
    given = options(
        programs.TrainOptions, tmp_path, train_url="bad://url", ckpt_path=f"{tmp_path}/o"
    )

    def work(local):
        write(f"{tmp_path}/o/a.ckpt")
        raise errors.LenetError("diverged")

    with pytest.raises(errors.LenetError, match="diverged"):
        run(modelarts.train, given, work)
    assert f"the results could not be sent; they are in {tmp_path}/o" in caplog.text


def test_only_rank_0_sends(tmp_path, storage, monkeypatch):
    monkeypatch.setenv("RANK_SIZE", "8")
    monkeypatch.setenv("RANK_ID", "1")
    given = options(
        programs.TrainOptions, tmp_path, train_url=f"{storage}/out", ckpt_path=f"{tmp_path}/o"
    )
    run(modelarts.train, given, lambda local: write(f"{tmp_path}/o/a.ckpt"))
    assert not (storage / "out").exists()


@pytest.mark.parametrize(("distribute", "device"), [(False, 5), (True, 0)])
def test_device_comes_from_the_job(tmp_path, monkeypatch, distribute, device):
    # For distributed training, lenet.training.workers sets the device.
    monkeypatch.setenv("DEVICE_ID", "5")
    given = options(programs.TrainOptions, tmp_path, distribute=distribute)
    assert run(modelarts.train, given).device_id == device


def test_training_needs_its_data(tmp_path):
    given = options(programs.TrainOptions, tmp_path, data_url=f"{tmp_path}/none")
    with pytest.raises(errors.UserError, match="none: nothing is there"):
        run(modelarts.train, given, lambda local: pytest.fail("it began"))
