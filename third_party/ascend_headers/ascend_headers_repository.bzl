"""Repository rule for @ascend_headers: the vendor's headers of AscendCL."""

load("//third_party/python:interpreter.bzl", "ENVIRON")
load("//third_party/python:pip.bzl", "download_wheel")

# Unpacks the headers of AscendCL and the only header outside that they include.
_UNPACK = """
import pathlib, sys, zipfile
prefix = "torch_npu/include/third_party/acl/inc/"
with zipfile.ZipFile(sys.argv[1]) as wheel:
    for name in wheel.namelist():
        inner = name[len(prefix):]
        if name.startswith((prefix + "acl/", prefix + "ge/ge_error_codes.h")) and inner.endswith(".h"):
            path = pathlib.Path("include", inner)
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(wheel.read(name))
"""

def _ascend_headers_repository_impl(repository_ctx):
    # All wheels have the same headers; the wheel for CPython 3.11 exists for x86-64 and aarch64.
    python, wheel = download_wheel(repository_ctx, repository_ctx.attr._lock, python_version = "311")
    result = repository_ctx.execute([python, "-c", _UNPACK, wheel])
    if result.return_code != 0:
        fail("cannot unpack %s:\n%s" % (wheel, result.stderr))
    repository_ctx.delete("wheel")
    repository_ctx.symlink(repository_ctx.attr._build_file, "BUILD.bazel")

ascend_headers_repository = repository_rule(
    implementation = _ascend_headers_repository_impl,
    doc = "C headers of AscendCL from the PyPI wheel torch-npu.",
    attrs = {
        "_build_file": attr.label(default = "//third_party/ascend_headers:ascend_headers.BUILD"),
        "_lock": attr.label(default = "//third_party/ascend_headers:wheel.lock"),
    },
    environ = ENVIRON,
)
