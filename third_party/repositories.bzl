"""Everything that the build takes from outside, and why.

Nothing comes from GitHub: Python distributions come from a package index by pip, with hashes;
C++ libraries are those of the machine (tools/bazel installs them).
"""

load("@bazel_tools//tools/build_defs/repo:utils.bzl", "maybe")
load("//third_party/ascend_headers:ascend_headers_repository.bzl", "ascend_headers_repository")
load("//third_party/buildifier:buildifier_repository.bzl", "buildifier_repository")
load("//third_party/mindspore_lite:mindspore_lite_repository.bzl", "mindspore_lite_repository")
load("//third_party/mnist:mnist_repository.bzl", "mnist_repository")
load("//third_party/python:interpreter.bzl", "python_runtime")
load("//third_party/python:pip_repository.bzl", "pip_repository")
load("//third_party/system:image_repository.bzl", "image_repository")
load("//third_party/system:system_library.bzl", "system_library")

# Of MindSpore's 2.5 GB in 12,500 files, what a runtime does without: plug-ins of other devices (and of
# CUDA 11.1, the other of two), and the kernel compiler that CPUs have no use for.
_ASCEND_PLUGIN = [
    "mindspore/lib/plugin/ascend*",
    "mindspore/lib/plugin/libmindspore_ascend*",
    "mindspore/lib/plugin/libmindspore_ops_ascend*",
]
_GPU_PLUGIN = [
    "mindspore/lib/plugin/gpu*",
    "mindspore/lib/plugin/libmindspore_gpu*",
]
_RUNTIME_STRIP = {
    "ascend": _GPU_PLUGIN,
    "cpu": _ASCEND_PLUGIN + _GPU_PLUGIN + ["mindspore/_akg"],
    "gpu": _ASCEND_PLUGIN + [
        "mindspore/lib/plugin/gpu11.1",
        "mindspore/lib/plugin/libmindspore_gpu.so.11.1",
        "nvidia/*/include",
        "nvidia/cublas/lib/libnvblas*",
        "nvidia/cuda_nvrtc/lib/*.alt.so*",
        "nvidia/cufft/lib/libcufftw*",
        "nvidia/cusolver/lib/libcusolverMg*",
    ],
}

# Libraries test themselves elsewhere, and MindSpore's only need of SciPy is linear algebra, images and files.
# Each test and each remote action carries what is left.
_STRIP = [
    "**/*.pyi",
    "aiohttp/.hash",
    "aiohttp/**/*.hash",
    "aiohttp/**/*.p[xy][dx]",
    "aiohttp/_websocket/*.c",
    "botocore/data/[!s]*/*",  # what is left of 430 services: s3 and sts
    "botocore/data/s[!3t]*/*",
    "botocore/data/s3?*/*",
    "botocore/data/st[!s]*/*",
    "botocore/data/sts?*/*",
    "botocore/data/*/*/examples-1.json",
    "fsspec/**/tests",
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

# NVIDIA's libraries must be there (third_party/python/lock.py says why), but on a CPU only those
# that the loader asks for.
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

# Of boto's 430 services, moto's S3 asks for these.
_TESTING_STRIP = [
    "botocore/data/[!s]*/*",
    "botocore/data/s[!3t]*/*",
    "botocore/data/s3?*/*",
    "botocore/data/st[!s]*/*",
    "botocore/data/sts?*/*",
]

def _python():
    maybe(python_runtime, name = "python_runtime")
    maybe(
        pip_repository,
        name = "pypi",
        lock = "//third_party/python:requirements.lock",
        runtime_locks = {"//third_party/python:gpu.lock": "gpu"},
        runtime_strip = _RUNTIME_STRIP,
        strip = _STRIP,
    )
    maybe(
        pip_repository,
        name = "pypi_tools",
        lock = "//third_party/python:tools.lock",
    )
    maybe(
        pip_repository,
        name = "pypi_peers",
        lock = "//third_party/python:peers.lock",
        runtime_strip = {"ascend": _PEERS_STRIP, "cpu": _PEERS_STRIP, "gpu": []},
    )
    maybe(
        pip_repository,
        name = "pypi_remote",
        lock = "//third_party/python:remote.lock",
    )
    maybe(
        pip_repository,
        name = "pypi_testing",
        lock = "//third_party/python:testing.lock",
        strip = _TESTING_STRIP,
    )
    native.register_toolchains("@python_runtime//:toolchain")

def _system():
    maybe(image_repository, name = "image")
    maybe(
        system_library,
        name = "absl",  # flags, Status and strings
        debian = "libabsl-dev",
        modules = {
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
        },
    )
    maybe(
        system_library,
        name = "googletest",
        debian = "libgtest-dev libgmock-dev",
        modules = {"gmock_main": "gmock_main"},
    )
    maybe(
        system_library,
        name = "benchmark",  # times kernels
        debian = "libbenchmark-dev",
        modules = {"benchmark": "benchmark"},
    )
    maybe(
        system_library,
        name = "highway",  # SIMD with run-time dispatch
        debian = "libhwy-dev",
        modules = {"highway": "libhwy"},
    )
    maybe(
        system_library,
        name = "libjpeg",  # decodes JPEG
        debian = "libjpeg62-turbo-dev",
        modules = {"jpeg": "libjpeg"},
    )
    maybe(
        system_library,
        name = "libpng",  # decodes PNG
        debian = "libpng-dev",
        modules = {"png": "libpng"},
    )
    maybe(
        system_library,
        name = "nlohmann_json",  # manifests of OM models, report.json
        debian = "nlohmann-json3-dev",
        modules = {"nlohmann_json": "nlohmann_json"},
    )
    maybe(
        system_library,
        name = "openssl",  # SHA-256 of the model in reports
        debian = "libssl-dev",
        modules = {"crypto": "libcrypto"},
    )
    maybe(
        system_library,
        name = "zlib",  # reads gzipped IDX files
        debian = "zlib1g-dev",
        modules = {"zlib": "zlib"},
    )
    maybe(
        system_library,
        name = "protobuf",  # reads and writes MindIR
        debian = "libprotobuf-dev protobuf-compiler",
        modules = {"protobuf": "protobuf-lite"},
        programs = ["protoc"],
    )
    maybe(
        system_library,
        name = "yaml_cpp",  # reads --config_path
        debian = "libyaml-cpp-dev",
        modules = {"yaml_cpp": "yaml-cpp"},
    )

def lenet_repositories():
    """Declares every external repository. Each is fetched when a target first needs it."""
    _python()
    _system()
    maybe(buildifier_repository, name = "buildifier")
    maybe(mnist_repository, name = "mnist")
    maybe(mindspore_lite_repository, name = "mindspore_lite")
    maybe(ascend_headers_repository, name = "ascend_headers")
