"""Copies the built NOTICE to the source tree: bazel run //third_party/supply:update_notice"""

import os
import pathlib
import shutil
import sys

from runfiles import Runfiles


def main() -> None:
    workspace = os.environ.get("BUILD_WORKSPACE_DIRECTORY")
    if not workspace:
        print(
            "update_notice: run it by bazel run //third_party/supply:update_notice", file=sys.stderr
        )
        sys.exit(2)
    built = Runfiles.Create().Rlocation("lenet_mindspore/third_party/supply/NOTICE")
    shutil.copyfile(built, pathlib.Path(workspace, "NOTICE"))
    print("NOTICE is written")


if __name__ == "__main__":
    main()
