"""Repository rule for @cuda_headers: NVIDIA's headers of the CUDA driver API and of NVRTC."""

load("//third_party/python:interpreter.bzl", "ENVIRON")
load("//third_party/python:pip.bzl", "run_pip")

_UNPACK = """
import pathlib, sys, zipfile
for wheel in map(zipfile.ZipFile, sys.argv[1:]):
    for name in wheel.namelist():
        if name.endswith(("/include/cuda.h", "/include/nvrtc.h")):
            pathlib.Path(pathlib.PurePosixPath(name).name).write_bytes(wheel.read(name))
"""

def _cuda_headers_repository_impl(repository_ctx):
    # The headers are the same for all processors.
    arguments = ["download", "--require-hashes", "--no-deps", "--only-binary=:all:", "--dest", "wheels"]
    arguments += ["--platform", "manylinux2014_x86_64", "-r", repository_ctx.path(repository_ctx.attr._lock)]
    python = run_pip(repository_ctx, arguments)
    wheels = repository_ctx.path("wheels").readdir()
    result = repository_ctx.execute([python, "-c", _UNPACK] + wheels)
    if result.return_code != 0:
        fail("cannot unpack %s:\n%s" % (wheels, result.stderr))
    repository_ctx.delete("wheels")
    repository_ctx.symlink(repository_ctx.attr._build_file, "BUILD.bazel")

cuda_headers_repository = repository_rule(
    implementation = _cuda_headers_repository_impl,
    doc = "cuda.h and nvrtc.h of CUDA 11.8 from NVIDIA's PyPI wheels.",
    attrs = {
        "_build_file": attr.label(default = "//third_party/cuda_headers:cuda_headers.BUILD"),
        "_lock": attr.label(default = "//third_party/cuda_headers:wheel.lock"),
    },
    environ = ENVIRON,
)
