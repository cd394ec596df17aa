"""The programs as the original's users run them: no Bazel, from any folder, and on ModelArts.

`.ci/run plain` runs this file with the Python of a virtual environment that has pip and
python/requirements.txt, after Bazel has built the wheel and infer310.
"""

import contextlib
import json
import os
import pathlib
import re
import shutil
import signal
import subprocess
import sys
import venv

import pytest

from lenet.testing import mnist, object_storage

ROOT = pathlib.Path(__file__).resolve().parents[1]
README = ROOT / "README.md"
COMMANDS = ("basename", "bash", "cat", "cut", "dirname", "grep", "sed", "sh", "sha256sum", "tee")
STEPS = "--max_steps=20"
MISSING = "MindSpore's operators are used, because this project's own kernels"


@pytest.fixture(scope="session", autouse=True)
def path_without_bazel(tmp_path_factory):
    folder = tmp_path_factory.mktemp("bin")
    for command in COMMANDS:
        if found := shutil.which(command):
            (folder / command).symlink_to(found)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PATH", f"{pathlib.Path(sys.executable).parent}:{folder}")
        assert not shutil.which("bazel")
        yield


@pytest.fixture(scope="session")
def checkout(tmp_path_factory):
    """A clone without build outputs, in a folder whose name has a space."""
    folder = tmp_path_factory.mktemp("a clone")
    for name in ("python", "configs", "tools", "third_party/mnist"):
        shutil.copytree(ROOT / name, folder / name)
    return folder


@contextlib.contextmanager
def bazel_bin(checkout):
    """Adds the build outputs to the clone."""
    (checkout / "bazel-bin").symlink_to((ROOT / "bazel-bin").resolve())
    yield
    (checkout / "bazel-bin").unlink()


def run(*command, cwd, code=0, **variables):
    result = subprocess.run(
        [str(word) for word in command],
        cwd=cwd,
        env={**os.environ, **variables},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
    )
    assert result.returncode == code, result.stdout + result.stderr
    assert "Traceback" not in result.stderr
    return result


def python(file, *arguments, cwd, **kwargs):
    return run("python3", os.path.relpath(file, cwd), *arguments, cwd=cwd, **kwargs)


@pytest.fixture(scope="session")
def home(checkout, tmp_path_factory):
    """A folder of the user with MNIST, fetched by the command of the error message."""
    folder = tmp_path_factory.mktemp("home")
    error = python(checkout / "python/train.py", cwd=folder, code=2).stderr.splitlines()[-1]
    (command,) = re.findall(r"train: error: --data_path is required .*`(.+)` fetches.*", error)
    for expected in ("60,000 training", "is there already"):
        assert expected in run("sh", "-c", command, cwd=folder).stdout
    assert {path.name for path in (folder / "Data").iterdir()} == {"test", "train"}
    return folder


@pytest.fixture(scope="session")
def trained(checkout, home):
    """The checkpoint after some steps without the kernels."""
    result = python(
        *(checkout / "python/train.py", "--data_path", "Data", "--ckpt_path", "ckpt"),
        *("--epoch_size=1", "--max_steps=400"),
        cwd=home,
    )
    assert MISSING in result.stderr
    assert f"Next: python3 '../{checkout.name}/python/export.py' --ckpt_file=" in result.stdout
    return home / "ckpt/checkpoint_lenet-1_400.ckpt"


def test_a_missing_package_is_one_line(checkout, tmp_path):
    result = run("python3", "-S", checkout / "python/train.py", cwd=tmp_path, code=3)
    assert result.stderr.startswith("train: error: Python has no package absl; in a virtual env")
    assert f"-m pip install -r '../{checkout.name}/python/requirements.txt'`" in result.stderr


def test_interrupted_fetch_leaves_nothing(checkout, tmp_path):
    command = ["python3", checkout / "python/lenet/data/fetch.py", "Data"]
    process = subprocess.Popen(command, cwd=tmp_path, stdout=subprocess.PIPE)
    assert process.stdout and process.stdout.readline()
    process.send_signal(signal.SIGINT)
    assert process.wait(200) == 130
    assert list(tmp_path.iterdir()) == []


def test_programs(checkout, home, trained):
    programs = checkout / "python"
    data = ("--data_path", "Data")
    text = python(programs / "eval.py", *data, "--ckpt_path", trained, cwd=home).stdout
    assert "Accuracy: {'Accuracy':0." in text
    flags = ["--ckpt_file", trained, "--file_name", "lenet", "--file_format", "MINDIR"]
    python(programs / "export.py", *flags, cwd=home)
    python(programs / "preprocess.py", *data, "--limit=9", "--output_path=images", cwd=home)
    text = python(
        programs / "predict.py", f"--ckpt_file={trained}", "images", cwd=home, code=2
    ).stdout  # after so few steps, some digits are not certain
    assert text.count(".jpg") == 9
    flags = ["--worker_num=2", "--device_target=CPU", "--ckpt_path=distributed", STEPS]
    python(programs / "train_distributed.py", *data, *flags, cwd=home)
    text = python(programs / "train.py", "--help", cwd=home).stdout
    assert f"  python3 '../{checkout.name}/python/train.py' --epoch_size=3" in text


def test_missing_kernels_are_an_error_only_if_they_are_requested(checkout, home):
    flags = ["--data_path=Data", "--ckpt_path=other", "--fused_kernels", STEPS]
    result = python(checkout / "python/train.py", *flags, cwd=home, code=3)
    assert "tools/bazel build //cc/kernels:libcustom_ops.so" in result.stderr


def test_run_scripts(checkout, home, trained):
    tools = checkout / "tools"
    mnist.write_idx(home / "Few")
    run("sh", tools / "run_standalone_train_cpu.sh", "Few", "by_script", STEPS, cwd=home)
    run("sh", tools / "run_standalone_eval_cpu.sh", "Few", "by_script", cwd=home)
    assert "'Accuracy':0." in (home / "log.txt").read_text()
    run("sh", tools / "run_standalone_train_ascend.sh", "Few", "by_script", cwd=home, code=3)
    python(checkout / "python/export.py", f"--ckpt_file={trained}", cwd=home)
    infer = ("sh", tools / "run_infer_310.sh", "lenet.mindir", "Few", "CPU")
    error = run(*infer, cwd=home, code=3).stderr.splitlines()[-1]
    assert f"{tools}/bazel build //cc:infer310" in error
    with bazel_bin(checkout):
        run(*infer, cwd=home)
    assert "'Accuracy':0." in (home / "acc.log").read_text()
    flags = ["--dataset_path=preprocess_Result", "--output_path=report"]
    python(checkout / "python/postprocess.py", *flags, cwd=home)


def test_commands_of_the_readme(checkout, home, tmp_path):
    (section,) = re.findall(r"## Without Bazel\n.*?```sh\n(.*?)```", README.read_text(), re.DOTALL)
    (tmp_path / "lenet").symlink_to(checkout)
    (tmp_path / "Data").symlink_to(home / "Data")
    install, *commands = section.splitlines()
    assert install == "python3 -m pip install -r lenet/python/requirements.txt"  # this environment
    with bazel_bin(checkout):  # trains ten epochs in seconds
        for command in commands:
            result = run("sh", "-c", command, cwd=tmp_path)
    assert float(re.findall(r"'Accuracy':(0\.\d+)", result.stdout)[0]) > 0.9842


def test_a_script_without_mindspore_says_what_to_do(checkout, home):
    script = checkout / "tools/run_standalone_train_cpu.sh"
    path = f"{home}:{os.environ['PATH'].partition(':')[2]}"  # without python3
    result = run("sh", script, "Data", "ckpt", cwd=home, code=3, PATH=path)
    assert f"python3 -m pip install -r {checkout}/python/requirements.txt" in result.stdout


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    with object_storage.Server() as running:
        running.put_folder(mnist.write_idx(tmp_path_factory.mktemp("mnist")), "data")
        yield running


# The settings of the original's README. The CPU takes the place of eight cards, MINDIR that of
# AIR, which needs a card.
CLOUD_TRAIN = {
    "enable_modelarts": True,
    "data_path": "/cache/data",
    "ckpt_path": "/cache/train",
}
JOBS = {
    "1 card": ("train", CLOUD_TRAIN),
    "1 card, finetuning": ("train", CLOUD_TRAIN | {"checkpoint_url": "s3://bucket/pretrained/"}),
    "8 cards, finetuning": (
        "train",
        CLOUD_TRAIN | {"checkpoint_url": "s3://bucket/pretrained/", "distribute": True},
    ),
    "evaluation": (
        "eval",
        {
            "enable_modelarts": True,
            "checkpoint_url": "s3://bucket/pretrained/",
            "data_path": "/cache/data",
            "ckpt_file": "/cache/train/checkpoint_lenet-1_20.ckpt",
        },
    ),
    "export": (
        "export",
        {
            "enable_modelarts": True,
            "file_name": "/cache/train/lenet",
            "file_format": "MINDIR",
            "checkpoint_url": "s3://bucket/model/",
            "ckpt_file": "/cache/checkpoint_path/model.ckpt",
        },
    ),
}
PLATFORM = {
    "train": ["--data_url=s3://bucket/data/", "--num_gpus=1", STEPS],
    "eval": ["--data_url=s3://bucket/data/", "--num_gpus=1"],
    "export": ["--num_gpus=1"],
}


@pytest.mark.parametrize("way", ["a", "b"])
@pytest.mark.parametrize("job", JOBS)
def test_modelarts(job, way, checkout, server, trained, tmp_path):
    """Way a sets default_config.yaml, way b the command line; a job's code is python/ only."""
    server.put("pretrained/checkpoint_lenet-1_20.ckpt", trained.read_bytes())
    server.put("model/model.ckpt", trained.read_bytes())
    code = tmp_path / "lenet"
    shutil.copytree(checkout / "python", code)
    shutil.copytree(checkout / "configs", code / "configs")
    program, settings = JOBS[job]
    settings = settings | {"device_target": "CPU", "cache_path": "/cache"}
    if "distribute" in settings:
        settings["device_num"] = 2
    settings = {
        key: str(value).replace("/cache", f"{tmp_path}/cache") for key, value in settings.items()
    }
    flags = [f"--{key}={value}" for key, value in settings.items()]
    if way == "a":
        flags = []
        config = code / "configs/default_config.yaml"
        text = config.read_text()
        for key, value in settings.items():
            text, count = re.subn(rf"(?m)^  {key}: .*$", f"  {key}: {value}", text)
            assert count
        config.write_text(text)
    out = f"--train_url=s3://bucket/{way} {job}"
    result = run(
        *("python3", code / f"{program}.py", *flags, out, *PLATFORM[program]),
        cwd=tmp_path,
        **server.environment(),
    )
    assert f"{program}: ignored: --num_gpus=1\n" in result.stderr
    sent = {key.rpartition("/")[2] for key in server.objects() if key.startswith(f"{way} {job}/")}
    if program == "train":
        assert {"metrics.json"} < sent
    elif program == "eval":
        assert "'Accuracy':" in result.stdout
    else:
        assert sent == {"lenet.mindir", "lenet_lite.mindir"}


def test_without_configs_a_job_ends_with_one_line(checkout, tmp_path):
    shutil.copytree(checkout / "python", tmp_path / "lenet")
    error = python(tmp_path / "lenet/train.py", cwd=tmp_path, code=2).stderr
    assert error.startswith("train: error: configs/options.yaml is neither in the runfiles nor")
    assert error.count("\n") == 1


def test_wheel_in_a_new_environment(home, tmp_path):
    """The new environment has the distributions of this one, but not this repository."""
    folder = tmp_path / "venv"
    venv.create(folder)
    (packages,) = folder.glob("lib/python3*/site-packages")
    own = [path for path in sys.path if path.endswith("site-packages")]
    (packages / "own.pth").write_text("\n".join(own))
    (wheel,) = ROOT.glob("bazel-bin/python/wheel/*.whl")
    pip = ["python3", "-m", "pip", "--python", folder]
    run(*pip, "install", "--no-deps", "--no-index", wheel, cwd=home)
    run(*pip, "check", cwd=home)
    scripts = folder / "bin"
    error = run(scripts / "lenet-train", cwd=tmp_path, code=2).stderr
    assert "`lenet-fetch Data` fetches MNIST" in error
    flags = ["--data_path=Data", "--ckpt_path=wheel", STEPS]
    result = run(scripts / "lenet-train", *flags, cwd=home)
    assert MISSING not in result.stderr
    assert json.loads((home / "wheel/metrics.json").read_text())["fused_kernels"] is True
    run(scripts / "lenet-eval", "--data_path=Data", "--ckpt_path=wheel", cwd=home)
    run(scripts / "lenet-export", "--ckpt_file=wheel", "--file_name=wheel/lenet", cwd=home)
    flags = ["--worker_num=2", "--data_path=Data", "--ckpt_path=wheel2", STEPS]
    run(scripts / "lenet-train-distributed", *flags, cwd=home)
    assert "Usage: lenet-to-om [flags]" in run(scripts / "lenet-to-om", "--help", cwd=home).stdout
