"""Whatever the build fetches has a hash. hashes.py says how that is found out."""

import os
import pathlib

from runfiles import Runfiles

from third_party.supply import hashes

_FILES = os.environ["FETCHED_BY"].split()


def test_everything_that_is_fetched_has_a_hash():
    runfiles = Runfiles.Create()
    files = {
        path: pathlib.Path(runfiles.Rlocation(f"lenet_mindspore/{path}")).read_text("utf-8")
        for path in _FILES
    }
    assert not hashes.problems(files)
