"""Black-box test of invalid input: one line that names it, an exit code, and no files."""

import gzip
import shutil

import pytest
from PIL import Image

from lenet.testing import mnist, programs

_DATA = ["--data_path=Data"]
_CKPT = ["--ckpt_file=good.ckpt"]
_DISTRIBUTED = [*_DATA, "--device_target=CPU", "--worker_num=2"]

# Per program: valid flags; then flags that change them, exit code and part of the message.
ROWS = {
    "train": [
        _DATA,
        ("--data_path=nowhere", 2, "nowhere does not exist"),
        ("--data_path=Cut", 2, "train-images.idx3-ubyte.gz: broken gzip file"),
        ("--epoch_size=0", 2, "epoch_size"),
        ("--epoch_size=many", 2, "epoch_size"),
        ("--batch_size=257", 2, "at most the 256 images"),
        ("--config_path=my.yaml", 2, "my.yaml: batch_size=257: expected at most the 256 images"),
        ("--data_path= --batch_size=60000 --image_height=4096 --image_width=4096", 2, "of memory"),
        ("--ckpt_path=file/ckpt", 2, "--ckpt_path: cannot write to"),
        ("--device_target=GPU", 3, "--device_target=GPU: "),
        ("--device_target=Ascend", 3, "--device_target=Ascend: "),
        ("--device_target=TPU", 2, "device_target"),
        ("--resume --ckpt_path=cut", 2, "expected a MindSpore checkpoint"),
        ("--lr=1e30", 1, "use a lower --lr"),
    ],
    "train_distributed": [
        _DISTRIBUTED,
        ("--worker_num=0", 2, "worker_num must be"),
        ("--worker_num=4096", 2, "--worker_num: 4096 workers on this machine: this run needs"),
        ("--local_worker_num=3", 2, "at most --worker_num=2"),
        ("--local_worker_num=1", 2, "--node_rank, --master_addr"),
        ("--log_path=file/logs", 2, "--log_path: cannot write"),
        ("--batch_size=200", 2, "--batch_size=200"),
    ],
    "eval": [
        [*_DATA, *_CKPT],
        ("--ckpt_file=nowhere", 2, "nowhere: no such checkpoint or folder"),
        ("--ckpt_file=empty", 2, "empty: expected checkpoints (*.ckpt), found none"),
        ("--ckpt_file=cut/checkpoint_lenet-1_2.ckpt", 2, "expected a MindSpore checkpoint"),
        ("--ckpt_file=file", 2, "file: expected a file that ends in .ckpt"),
        ("--image_width=28", 2, "parameter 'fc1.weight': expected shape (120, 320)"),
        ("--report=file/report", 2, "--report: cannot write to"),
        ("--device_target=GPU", 3, "--device_target=GPU: "),
    ],
    "export": [
        [*_DATA, *_CKPT],
        ("--ckpt_file=cut", 2, "expected a MindSpore checkpoint"),
        ("--file_format=AIR", 3, "--file_format=AIR: "),
        ("--device_target=Ascend", 3, "--device_target=Ascend: "),
        ("--data_path=nowhere", 2, "--data_path: "),
        ("--file_name=file/lenet", 2, "--file_name: cannot write to "),
        ("--file_format=TFLITE", 2, "file_format"),
        ("--batch_size=0", 2, "batch_size"),
    ],
    "preprocess": [
        _DATA,
        ("--data_path=empty", 2, "hold t10k-images.idx3-ubyte"),
        ("--image_height=28", 2, "--image_height: expected an even number of at least 32"),
        ("--quality=101", 2, "quality"),
        ("--image_format=gif", 2, "image_format"),
        ("--output_path=file/set", 2, "--output_path: cannot write to"),
        ("--output_path=", 2, "--output_path: expected a folder"),
        ("--output_path=Data", 2, "is not empty"),
    ],
    "postprocess": [
        _DATA,
        ("--result_path=empty", 2, "64 of 64 results are missing"),
        ("--result_path=nowhere", 2, "nowhere: No such file or directory; run //cc:infer310"),
        ("--dataset_path=empty", 2, "no images in"),
        ("--dataset_path=nowhere", 2, "nowhere does not exist"),
    ],
    "predict": [
        _CKPT,
        ("", 2, "expected pictures or folders of pictures"),
        ("empty", 2, "empty: no pictures in this folder"),
        ("seven.png --ckpt_file=nowhere.ckpt", 2, "nowhere.ckpt: no such checkpoint"),
        ("seven.png --device_target=GPU --device_id=99", 3, "--device_target=GPU"),
        ("seven.png --invert=maybe", 2, "invert"),
    ],
}
CASES = [(program, valid, *case) for program, (valid, *cases) in ROWS.items() for case in cases]


@pytest.mark.parametrize(
    ("program", "valid", "flags", "code", "message"),
    CASES,
    ids=[f"{program} {flags}" for program, _, flags, _, _ in CASES],
)
def test_invalid_input(tmp_path, program, valid, flags, code, message):
    (tmp_path / "file").write_text("")
    for name in ("empty", "cut"):
        (tmp_path / name).mkdir()
    shutil.copy(programs.path("//python:lenet.ckpt"), tmp_path / "good.ckpt")
    content = (tmp_path / "good.ckpt").read_bytes()
    (tmp_path / "cut" / "checkpoint_lenet-1_2.ckpt").write_bytes(content[: len(content) // 2])
    Image.new("L", (28, 28)).save(tmp_path / "seven.png")
    mnist.write_idx(tmp_path / "Data")
    mnist.write_idx(tmp_path / "Cut")
    images = tmp_path / "Cut" / "train" / "train-images.idx3-ubyte"
    images.with_name(f"{images.name}.gz").write_bytes(gzip.compress(images.read_bytes())[:-100])
    images.unlink()
    (tmp_path / "my.yaml").write_text("batch_size: 257\n")
    before = set(tmp_path.rglob("*"))
    result = programs.run(program, *valid, *flags.split(), cwd=tmp_path)
    assert result.returncode == code, result.stderr
    assert message in result.stderr
    assert result.stderr.splitlines()[-1].startswith(f"{program}: error: ")
    assert "Traceback" not in result.stderr
    assert "Accuracy" not in result.stdout
    created = [path for path in set(tmp_path.rglob("*")) - before if path.is_file()]
    assert all(path.suffix == ".log" for path in created), created
