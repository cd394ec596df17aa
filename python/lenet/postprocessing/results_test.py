import numpy as np
import pytest

from lenet.errors import UserError
from lenet.postprocessing import results

STEMS = ["test_0_7", "test_1_2", "test_2_1", "test_3_0", "test_4_4"]
LOGITS = np.arange(50, dtype="<f4").reshape(5, 10)


@pytest.fixture
def folder(tmp_path):
    for stem, row in zip(STEMS, LOGITS, strict=True):
        (tmp_path / f"{stem}.bin").write_bytes(row.tobytes())
    return tmp_path


def test_order_is_that_of_the_stems(folder):
    (folder / "report.json").write_text("{}")
    found = results.read_results(str(folder), STEMS[::-1])
    np.testing.assert_array_equal(found, LOGITS[::-1])


def test_no_folder(tmp_path):
    with pytest.raises(UserError, match="No such file or directory; run //cc:infer310 first"):
        results.read_results(str(tmp_path / "nothing"), STEMS)


def _remove(folder):
    for stem in STEMS[1:]:
        (folder / f"{stem}.bin").unlink()


def _add(folder):
    (folder / "test_9_9.bin").write_bytes(LOGITS[0].tobytes())


def _shorten(folder):
    (folder / "test_1_2.bin").write_bytes(LOGITS[0].tobytes()[:36])
    (folder / "test_2_1.bin").write_bytes(b"")


def _lengthen(folder):
    (folder / "test_1_2.bin").write_bytes(LOGITS.tobytes())


def _put(value):
    def change(folder):
        row = LOGITS[1].copy()
        row[3] = value
        (folder / "test_1_2.bin").write_bytes(row.tobytes())

    return change


def _folder_instead(folder):
    (folder / "test_1_2.bin").unlink()
    (folder / "test_1_2.bin").mkdir()


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (_remove, "4 of 5 results are missing .*: test_1_2.bin, test_2_1.bin, test_3_0.bin, …"),
        (_add, "1 results in .* belong to no image: test_9_9.bin"),
        (_shorten, "2 of 5 results .* 40 bytes .*: test_1_2.bin has 36, test_2_1.bin has 0"),
        (_lengthen, "1 of 5 results .*: test_1_2.bin has 200"),
        (_put(np.nan), "1 of 5 results .* hold NaN or infinity: test_1_2.bin"),
        (_put(-np.inf), "1 of 5 results .* hold NaN or infinity: test_1_2.bin"),
        (_folder_instead, "cannot read .*test_1_2.bin: Is a directory"),
    ],
)
def test_bad_results(folder, change, message):
    change(folder)
    with pytest.raises(UserError, match=message):
        results.read_results(str(folder), STEMS)
