"""All external repositories of the build.

pip installs Python distributions from a package index and npm its packages, with hashes. C++ libraries are packages of
the machine, which tools/bazel installs. Nothing comes from GitHub.
"""

load("@bazel_tools//tools/build_defs/repo:utils.bzl", "maybe")
load("//third_party/aarch64:aarch64_repository.bzl", "aarch64_repository")
load("//third_party/ascend_headers:ascend_headers_repository.bzl", "ascend_headers_repository")
load("//third_party/cuda_headers:cuda_headers_repository.bzl", "cuda_headers_repository")
load("//third_party/mindspore_lite:mindspore_lite_repository.bzl", "mindspore_lite_repository")
load("//third_party/mnist:mnist_repository.bzl", "mnist_repository")
load("//third_party/npm:npm_repository.bzl", "node_repository", "npm_repository")
load("//third_party/python:interpreter.bzl", "python_runtime")
load("//third_party/python:pip_repository.bzl", "pip_repository")
load("//third_party/system:image_repository.bzl", "image_repository")
load("//third_party/system:system_library.bzl", "system_library")
load("//tools/build_defs:rules_repository.bzl", "rules_repository")

# Files that a runtime does not need, of MindSpore's 12,500 files and 2.5 GB: plug-ins for other devices
# and CUDA 11.1, and a kernel compiler that CPUs do not use.
_ASCEND_PLUGIN = [
    "mindspore/lib/plugin/ascend*",
    "mindspore/lib/plugin/libmindspore_ascend*",
    "mindspore/lib/plugin/libmindspore_ops_ascend*",
]
_GPU_PLUGIN = [
    "mindspore/lib/plugin/gpu*",
    "mindspore/lib/plugin/libmindspore_gpu*",
]
_CPU_STRIP = _ASCEND_PLUGIN + _GPU_PLUGIN + ["mindspore/_akg"]
_NVRTC_STRIP = ["nvidia/*/include", "nvidia/cuda_nvrtc/lib/*.alt.so*"]
_RUNTIME_STRIP = {
    "ascend": _GPU_PLUGIN,
    "cpu": _CPU_STRIP,
    "gpu": _ASCEND_PLUGIN + _NVRTC_STRIP + [
        "mindspore/lib/plugin/gpu11.1",
        "mindspore/lib/plugin/libmindspore_gpu.so.11.1",
        "nvidia/cublas/lib/libnvblas*",
        "nvidia/cufft/lib/libcufftw*",
        "nvidia/cusolver/lib/libcusolverMg*",
    ],
    "nvrtc": _CPU_STRIP + _NVRTC_STRIP,
}

# Tests of libraries, and parts of SciPy that MindSpore does not use (it uses linalg, ndimage, io). Each test
# and remote action has the remaining files as inputs.
_STRIP = [
    "**/*.pyi",
    "boto3/data",
    "boto3/examples",
    "botocore/data/*/*/examples-1.json",
    "matplotlib/tests",
    "matplotlib/mpl-data/sample_data",
    "mindspore/include",
    "mindspore/lib/plugin/cpu/libakg.so",
    "mpl_toolkits/*/tests",
    "numpy/**/tests",
    "numpy/core/include",
    "numpy/distutils",
    "numpy/f2py",
    "pygments/lexers/[!_dp]*",
    "scipy/**/tests",
    "scipy/cluster",
    "scipy/constants",
    "scipy/datasets",
    "scipy/differentiate",
    "scipy/fft*",
    "scipy/integrate",
    "scipy/interpolate",
    "scipy/odr",
    "scipy/optimize",
    "scipy/signal",
    "scipy/spatial",
    "scipy/stats",
]

# On a CPU, PyTorch needs only the NVIDIA libraries that the loader opens (see third_party/python/lock.py).
_PEERS_STRIP = [
    "nvidia/**/*.a",
    "nvidia/**/*.alt.so*",
    "nvidia/*/bin",
    "nvidia/*/include",
    "nvidia/cu13/lib/libnvperf_*",
    "nvidia/cudnn/lib/libcudnn_*.so*",
    "nvidia/nvshmem/lib/*.bc",
    "nvidia/nvshmem/lib/nvshmem_*",
]

# boto supports 430 services; the tests use s3 and sts.
_BOTO_STRIP = [
    "botocore/data/[!s]*/*",
    "botocore/data/s[!3t]*/*",
    "botocore/data/s3?*/*",
    "botocore/data/st[!s]*/*",
    "botocore/data/sts?*/*",
]

# Repository: {file: path under node_modules}.
_NPM_PACKAGES = {
    "buildifier": {"buildifier": "@bazel/buildifier/buildifier-linux_{processor}"},
    "chromium": {
        "chromium": "@sparticuz/chromium/bin/chromium.br",
        "fonts.tar": "@sparticuz/chromium/bin/fonts.tar.br",
        "lib.tar": "@sparticuz/chromium/bin/al2023.tar.br",
    },
    "onnxruntime_web": {
        name: "onnxruntime-web/dist/" + name
        for name in ["ort-wasm-simd-threaded.wasm", "ort.wasm.bundle.min.mjs"]
    },
}

# Repository: (Debian packages for messages, pkg-config module per target).
_SYSTEM_LIBRARIES = {
    "absl": ("libabsl-dev", {
        name: "absl_" + name
        for name in [
            "cleanup",
            "flags",
            "flags_config",
            "flags_marshalling",
            "flags_parse",
            "flags_reflection",
            "flags_usage",
            "span",
            "status",
            "statusor",
            "str_format",
            "strings",
            "synchronization",
            "time",
        ]
    }),
    "benchmark": ("libbenchmark-dev", {"benchmark": "benchmark"}),
    "googletest": ("libgtest-dev libgmock-dev", {"gmock_main": "gmock_main"}),
    "highway": ("libhwy-dev", {"highway": "libhwy"}),
    "libjpeg": ("libjpeg-dev", {"jpeg": "libjpeg"}),
    "libmd": ("libmd-dev", {"md": "libmd"}),
    "libpng": ("libpng-dev", {"png": "libpng"}),
    "nlohmann_json": ("nlohmann-json3-dev", {"nlohmann_json": "nlohmann_json"}),
    "protobuf": ("libprotobuf-dev protobuf-compiler", {"protobuf": "protobuf-lite"}),
    "yaml_cpp": ("libyaml-cpp-dev", {"yaml_cpp": "yaml-cpp"}),
    "zlib": ("zlib1g-dev", {"zlib": "zlib"}),
}

def _python():
    maybe(python_runtime, name = "python_runtime")
    maybe(
        pip_repository,
        name = "pypi",
        lock = "//third_party/python:requirements.lock",
        runtime_locks = {
            "//third_party/python:gpu.lock": "gpu",
            "//third_party/python:nvrtc.lock": "nvrtc",
        },
        runtime_strip = _RUNTIME_STRIP,
        strip = _STRIP + _BOTO_STRIP,
    )
    maybe(pip_repository, name = "nvrtc", lock = "//third_party/python:nvrtc.lock")
    maybe(pip_repository, name = "pypi_tools", lock = "//third_party/python:tools.lock")
    maybe(
        pip_repository,
        name = "pypi_peers",
        lock = "//third_party/python:peers.lock",
        runtime_strip = {"ascend": _PEERS_STRIP, "cpu": _PEERS_STRIP, "gpu": [], "nvrtc": []},
    )
    maybe(pip_repository, name = "pypi_remote", lock = "//third_party/python:remote.lock")
    maybe(
        pip_repository,
        name = "pypi_testing",
        lock = "//third_party/python:testing.lock",
        strip = _BOTO_STRIP + ["playwright/driver/package/lib/vite"],
    )

def _npm():
    maybe(node_repository, name = "node")
    for name, files in _NPM_PACKAGES.items():
        maybe(npm_repository, name = name, files = files, lock = "//third_party/npm:%s-lock.json" % name)

def _system():
    maybe(image_repository, name = "image")
    maybe(aarch64_repository, name = "aarch64")
    for name, (debian, modules) in _SYSTEM_LIBRARIES.items():
        programs = ["protoc"] if name == "protobuf" else []
        maybe(system_library, name = name, debian = debian, modules = modules, programs = programs)

def lenet_repositories():
    """Declares every external repository; Bazel fetches one when a target needs it."""
    _python()
    _npm()
    _system()
    maybe(rules_repository, name = "build_rules")
    maybe(mnist_repository, name = "mnist")
    maybe(mindspore_lite_repository, name = "mindspore_lite")
    maybe(mindspore_lite_repository, name = "mindspore_lite_aarch64", platform = "manylinux2014_aarch64")
    maybe(ascend_headers_repository, name = "ascend_headers")
    maybe(cuda_headers_repository, name = "cuda_headers")
