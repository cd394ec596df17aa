import json

import pytest

from tools.bench import report, tables
from tools.bench.goals import Goal
from tools.bench.report import Report
from tools.bench.schedule import Results


@pytest.fixture
def example():
    return Report(
        name="train",
        command="bazel run //tools/bench:train -- --repetitions=3",
        machine={"CPU": "A CPU", "cores": "2"},
        versions={"torch": "2.0", "mindspore": "2.10.0"},
        results=Results({("ours", "ms"): [1.0, 3.0, 2.0]}, {"torch": {"training": "no g++"}}),
        sections=[tables.table(["peer", "ms"], [["ours", "2.00"]])],
        goals=[Goal("ms a step", 2.5, 2.0)],
        notes=["A note."],
    )


def test_markdown(example):
    text = example.markdown()
    assert text.startswith("`bazel run //tools/bench:train -- --repetitions=3`\n")
    assert "CPU: A CPU; cores: 2. Versions: mindspore 2.10.0, torch 2.0." in text
    assert "| torch | training | no g++ |" in text
    assert "\n- A note.\n" in text
    assert text.endswith("| ms a step | ≤ 2.50 | 2.00 | yes |\n")
    blocks = text.split("\n\n")
    assert sum(block.startswith("|") for block in blocks) == 3, "tables need empty lines around"
    assert not any(line.startswith("#") for line in text.splitlines())


def test_json(example):
    content = json.loads(example.json())
    assert content["results"]["ours"]["ms"] == {
        "count": 3,
        "median": 2.0,
        "minimum": 1.0,
        "maximum": 3.0,
        "mad": 1.0,
        "samples": [1.0, 3.0, 2.0],
    }
    assert content["failures"] == {"torch": {"training": "no g++"}}
    assert content["goals"][0]["met"] is True


def test_summary(example):
    assert report.summary(example.results, "ours", "ms").median == 2.0
    assert report.summary(example.results, "ours", "s") is None


def test_a_folder_gets_both_files(example, tmp_path):
    written = report.write(example, str(tmp_path / "new"))
    assert written == [str(tmp_path / "new/train.md"), str(tmp_path / "new/train.json")]
    assert (tmp_path / "new/train.md").read_text() == example.markdown()
    assert (tmp_path / "new/train.json").read_text() == example.json()
    assert len(list((tmp_path / "new").iterdir())) == 2


def test_a_file_gets_what_its_ending_says(example, tmp_path):
    report.write(example, str(tmp_path / "a.md"))
    report.write(example, str(tmp_path / "a.json"))
    assert (tmp_path / "a.md").read_text() == example.markdown()
    assert (tmp_path / "a.json").read_text() == example.json()


def test_only_its_own_part_of_a_file_is_replaced(example, tmp_path):
    path = tmp_path / "RESULTS.md"
    path.write_text(
        "# Results\n<!-- infer begin -->\nkept\n<!-- infer end -->\n"
        "## Training\n\n<!-- train begin -->\nold\n<!-- train end -->\n\nThe end.\n"
    )
    for _ in range(2):
        report.write(example, str(path))
        before, after = path.read_text().split(example.markdown())
        assert before == (
            "# Results\n<!-- infer begin -->\nkept\n<!-- infer end -->\n"
            "## Training\n\n<!-- train begin -->\n\n"
        )
        assert after == "\n<!-- train end -->\n\nThe end.\n"
