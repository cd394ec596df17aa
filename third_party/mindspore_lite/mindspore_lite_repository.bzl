"""Repository rule for @mindspore_lite: C++ headers and libraries of MindSpore Lite 2.0.0."""

load("//third_party/python:interpreter.bzl", "ENVIRON")
load("//third_party/python:pip.bzl", "download_wheel")

def _mindspore_lite_repository_impl(repository_ctx):
    # The only wheel is for CPython 3.7; the C++ files in it do not depend on Python.
    _, wheel = download_wheel(
        repository_ctx,
        repository_ctx.attr._lock,
        python_version = "37",
        platform = repository_ctx.attr.platform,
    )
    repository_ctx.symlink(wheel, "sdk.zip")  # Bazel 4 detects archives by the file extension
    repository_ctx.extract("sdk.zip")
    repository_ctx.delete("sdk.zip")
    repository_ctx.delete("wheel")

    # Names for the linker. At run time the loader finds the real names in the SDK's folder.
    lib = "mindspore_lite/lib/"
    repository_ctx.symlink(lib + "libmindspore-extendrt_python.so", "link/libextendrt.so")
    repository_ctx.symlink(lib + "libmindspore_glog.so.0", "link/libglog.so")
    repository_ctx.symlink(repository_ctx.attr._build_file, "BUILD.bazel")

mindspore_lite_repository = repository_rule(
    implementation = _mindspore_lite_repository_impl,
    doc = "The C++ SDK in the PyPI wheel mindspore-lite.",
    attrs = {
        "platform": attr.string(doc = "pip's name of the processor and system; empty for the machine's"),
        "_build_file": attr.label(default = "//third_party/mindspore_lite:mindspore_lite.BUILD"),
        "_lock": attr.label(default = "//third_party/mindspore_lite:wheel.lock"),
    },
    environ = ENVIRON,
)
