"""Fuzz tests: functions that take any bytes and must not crash, leak or run for ever."""

load("//tools/build_defs:cc.bzl", "cc_test")

def cc_fuzz_test(name, srcs, corpus, deps, max_len = 4096, mutations = 3000, seconds = 60, tags = [], **kwargs):
    """A fuzz target: `srcs` define LLVMFuzzerTestOneInput.

    In normal builds the test runs it over the corpus and over inputs made from that, always the
    same. With --config=fuzz libFuzzer searches from a copy of the corpus with the address and
    undefined behaviour sanitizers, for a bounded time (longer: --test_arg=-max_total_time=1800).
    An input that fails is then in bazel-testlogs/<package>/<name>/test.outputs; to run it again:
    bazel run <label> -- /path/of/input

    Args:
      name: of the test.
      srcs: the fuzz target.
      corpus: labels of seeds: files, or folders of them.
      deps: what it tests.
      max_len: bytes of the longest input that is made.
      mutations: inputs made from the seeds in normal builds.
      seconds: how long libFuzzer searches.
      tags: more tags; "fuzz" is one.
      **kwargs: for the cc_test.
    """
    cc_test(
        name = name,
        size = "small",
        timeout = "moderate",
        srcs = srcs,
        args = ["-max_len=%d" % max_len] + select({
            "//cc/fuzz:libfuzzer": [
                "-max_total_time=%d" % seconds,
                "-seed=1",
                "-timeout=10",  # seconds for one input
                "-rss_limit_mb=1024",
                "-malloc_limit_mb=256",
                "-print_final_stats=1",
            ],
            "//conditions:default": ["-mutations=%d" % mutations],
        }) + ["$(rootpaths %s)" % label for label in corpus],
        data = corpus,
        tags = ["fuzz"] + tags,
        deps = deps,
        main = "//cc/fuzz:main",
        **kwargs
    )

def _fuzz_corpus_impl(ctx):
    folder = ctx.actions.declare_directory(ctx.label.name)
    ctx.actions.run(
        executable = ctx.executable.tool,
        arguments = [ctx.attr.kind, folder.path] + [file.path for file in ctx.files.srcs],
        inputs = ctx.files.srcs,
        outputs = [folder],
        mnemonic = "FuzzCorpus",
        use_default_shell_env = True,
    )
    files = depset([folder])
    return [DefaultInfo(files = files, runfiles = ctx.runfiles(transitive_files = files))]

fuzz_corpus = rule(
    implementation = _fuzz_corpus_impl,
    doc = "A folder of seeds, written by `tool <kind> <folder> <srcs>`.",
    attrs = {
        "kind": attr.string(doc = "which seeds", mandatory = True),
        "srcs": attr.label_list(doc = "what the tool makes them of", allow_files = True),
        "tool": attr.label(cfg = "exec", executable = True, mandatory = True),
    },
)
