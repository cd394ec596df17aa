"""Fuzz tests: code that must not crash, leak or run forever on any input."""

load("//tools/build_defs:cc.bzl", "cc_test")

# Every fuzz target includes most of them.
_DEPS = ["//cc/base:testing"] + ["@absl//:" + name for name in ["status", "statusor", "strings"]]

def cc_fuzz_test(name, srcs, deps, data = [], seconds = 60):
    """A fuzz test: `srcs` define the functions of cc/fuzz/fuzz.h.

    Normal builds run the seeds and damaged copies of them. With --config=fuzz, libFuzzer searches from
    the seeds with the address and undefined behaviour sanitizers (longer:
    --test_arg=-max_total_time=1800). It leaves a failing input in
    bazel-testlogs/<package>/<name>/test.outputs; to repeat it: bazel run <label> -- /path/of/input

    Args:
      name: name of the test.
      srcs: source files of the fuzz target.
      deps: libraries under test, and those that make the seeds.
      data: files that the seeds come from.
      seconds: duration of libFuzzer's search.
    """
    cc_test(
        name = name,
        size = "small",
        timeout = "moderate",
        srcs = srcs,
        args = select({
            "//cc/fuzz:libfuzzer": [
                "-max_len=4096",
                "-max_total_time=%d" % seconds,
                "-seed=1",
                "-timeout=10",  # seconds per input
                "-rss_limit_mb=1024",
                "-malloc_limit_mb=256",
                "-print_final_stats=1",
            ],
            "//conditions:default": [],
        }),
        data = data,
        tags = ["fuzz"],
        deps = deps + _DEPS,
        main = "//cc/fuzz:main",
    )
