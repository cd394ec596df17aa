import pytest

from lenet import errors
from lenet.cloud import ids

VARIABLES = ("DEVICE_ID", "RANK_ID", "RANK_SIZE", "JOB_ID")


@pytest.fixture(autouse=True)
def _alone(monkeypatch):
    for variable in VARIABLES:
        monkeypatch.delenv(variable, raising=False)


def test_a_process_alone_is_the_only_rank_on_the_first_card():
    assert ids.from_environment() == ids.Ids(0, 0, 1, "Local Job")


def test_a_rank_alone_is_no_error(monkeypatch):
    monkeypatch.setenv("RANK_ID", "3")
    assert ids.from_environment() == ids.Ids(0, 3, 4, "Local Job")


def test_a_job_says_who_is_who(monkeypatch):
    for variable, value in zip(VARIABLES, ("3", "11", "16", "job7"), strict=True):
        monkeypatch.setenv(variable, value)
    assert ids.from_environment() == ids.Ids(3, 11, 16, "job7")


@pytest.mark.parametrize(
    ("variable", "value", "message"),
    [
        ("DEVICE_ID", "x", "DEVICE_ID=x: expected a whole number of at least 0"),
        ("RANK_ID", "-1", "RANK_ID=-1: expected a whole number of at least 0"),
        ("RANK_SIZE", "0", "RANK_SIZE=0: expected a whole number of at least 1"),
    ],
)
def test_a_bad_id_is_an_error_that_names_it(monkeypatch, variable, value, message):
    monkeypatch.setenv(variable, value)
    with pytest.raises(errors.UserError, match=message):
        ids.from_environment()


def test_a_rank_beyond_the_size_is_an_error(monkeypatch):
    monkeypatch.setenv("RANK_ID", "1")
    monkeypatch.setenv("RANK_SIZE", "1")
    with pytest.raises(errors.UserError, match="RANK_ID=1: expected less than RANK_SIZE=1"):
        ids.from_environment()
