import pytest

from tools.bench import schedule
from tools.bench.process import ProcessError
from tools.bench.schedule import Case, CheckError


def case(peer, measure, name="x"):
    return Case(peer, name, measure)


def quiet(line):
    pass


def test_rounds_alternate_in_direction():
    cases = [case(peer, None) for peer in "ABC"]
    order = [(repetition, c.peer) for repetition, c in schedule.order(cases, 3)]
    assert order == [
        *[(1, "A"), (1, "B"), (1, "C")],
        *[(2, "C"), (2, "B"), (2, "A")],
        *[(3, "A"), (3, "B"), (3, "C")],
    ]


def test_every_repetition_gives_a_sample():
    values = iter([1.0, 2.0, 3.0])
    results = schedule.run([case("A", lambda folder: {"ms": next(values)})], 3, quiet)
    assert results.samples == {("A", "ms"): [1.0, 2.0, 3.0]}
    assert results.failures == {}


def test_cases_of_one_peer_stand_together():
    cases = [case("A", lambda folder: {"a": 1}, "x"), case("A", lambda folder: {"b": 2}, "y")]
    assert schedule.run(cases, 1, quiet).samples == {("A", "a"): [1], ("A", "b"): [2]}


@pytest.mark.parametrize("error", [ProcessError, CheckError])
def test_a_failure_is_told_and_the_others_go_on(error):
    calls = []

    def failing(folder):
        calls.append("A")
        raise error("no\nluck")

    lines = []
    cases = [case("A", failing), case("B", lambda folder: {"ms": 1.0})]
    results = schedule.run(cases, 3, lines.append)
    assert results.failures == {"A": {"x": "no luck"}}
    assert results.samples == {("B", "ms"): [1.0] * 3}
    assert calls == ["A"]
    assert any("A: x: failed: no luck" in line for line in lines)


def test_each_measurement_has_a_folder_of_its_own_that_is_removed():
    folders = []

    def measure(folder):
        assert list(folder.iterdir()) == []
        (folder / "file").touch()
        folders.append(folder)
        return {}

    schedule.run([case("A", measure)], 2, quiet)
    assert len(set(folders)) == 2
    assert not any(folder.exists() for folder in folders)


def test_the_folder_is_removed_after_ctrl_c():
    folders = []

    def measure(folder):
        folders.append(folder)
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        schedule.run([case("A", measure)], 1, quiet)
    assert not folders[0].exists()
