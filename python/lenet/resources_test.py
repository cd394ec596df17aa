"""Tests where files are found without Bazel."""

import pytest

from lenet import resources


@pytest.mark.parametrize(
    ("machine", "outputs", "found"),
    [
        ("x86_64", "k8-opt", True),
        ("x86_64", "k8-optaarch64", False),
        ("aarch64", "k8-optaarch64", True),
    ],
)
def test_outputs_for_another_processor_are_not_used(tmp_path, monkeypatch, machine, outputs, found):
    library = tmp_path / outputs / "bin" / resources.KERNELS
    library.parent.mkdir(parents=True)
    library.touch()
    (tmp_path / "bazel-bin").symlink_to(tmp_path / outputs / "bin")
    monkeypatch.setattr(resources, "UNDER_BAZEL", False)
    monkeypatch.setattr(resources, "_CHECKOUT", tmp_path)
    monkeypatch.setattr(resources.platform, "machine", lambda: machine)
    assert (resources.find(resources.KERNELS) is not None) is found
