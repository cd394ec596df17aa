import pytest

from lenet import errors
from lenet.cloud import job_environment
from lenet.cloud.job_environment import JobEnvironment

VARIABLES = ("DEVICE_ID", "RANK_ID", "RANK_SIZE", "JOB_ID")


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ({}, JobEnvironment(0, 0, "Local Job")),
        ({"RANK_ID": "3"}, JobEnvironment(0, 3, "Local Job")),
        (
            dict(zip(VARIABLES, ("3", "11", "16", "job7"), strict=True)),
            JobEnvironment(3, 11, "job7"),
        ),
        ({"DEVICE_ID": "x"}, "DEVICE_ID=x: expected a whole number of at least 0"),
        ({"RANK_ID": "-1"}, "RANK_ID=-1: expected a whole number of at least 0"),
        ({"RANK_SIZE": "0"}, "RANK_SIZE=0: expected a whole number of at least 1"),
        ({"RANK_ID": "1", "RANK_SIZE": "1"}, "RANK_ID=1: expected less than RANK_SIZE=1"),
    ],
)
def test_variables(monkeypatch, values, expected):
    for variable in VARIABLES:
        monkeypatch.delenv(variable, raising=False)
    for variable, value in values.items():
        monkeypatch.setenv(variable, value)
    if isinstance(expected, JobEnvironment):
        assert job_environment.read() == expected
    else:
        with pytest.raises(errors.UserError, match=expected):
            job_environment.read()
