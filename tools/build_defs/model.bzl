"""The trained model as build outputs: deterministic, cached, and built once for all users."""

# The fused kernels give the same bytes for any number of threads.
_TRAIN = """
work=$$(mktemp -d) && trap 'rm -rf "$$work"' EXIT
$(execpath //python:train) --device_target=CPU --ckpt_path="$$work" --keep_checkpoint_max=1 \
    > "$$work/log" 2>&1 || { cat "$$work/log" >&2; exit 1; }
cp "$$work"/checkpoint_lenet-*.ckpt $@
"""

_EXPORT = """
log=$$(mktemp) && trap 'rm -f "$$log"' EXIT
$(execpath //python:export) --device_target=CPU --ckpt_file=$(execpath :{name}_ckpt) \
    --file_name=$(@D)/{name} --file_format={format} > "$$log" 2>&1 || {{ cat "$$log" >&2; exit 1; }}
"""

def trained_model(name, **kwargs):
    """Trains LeNet-5 on MNIST, with the defaults of //python:train, and exports it.

    Declares <name>_ckpt (<name>.ckpt), <name>_mindir (<name>.mindir and <name>_lite.mindir) and
    <name>_onnx (<name>.onnx).

    Args:
      name: prefix of targets and files.
      **kwargs: for the targets, such as visibility.
    """
    native.genrule(
        name = name + "_ckpt",
        outs = [name + ".ckpt"],
        cmd = _TRAIN,
        tools = ["//python:train"],
        **kwargs
    )
    for format, suffixes in {"mindir": [".mindir", "_lite.mindir"], "onnx": [".onnx"]}.items():
        native.genrule(
            name = "%s_%s" % (name, format),
            srcs = [":%s_ckpt" % name],
            outs = [name + suffix for suffix in suffixes],
            cmd = _EXPORT.format(name = name, format = format),
            tools = ["//python:export"],
            **kwargs
        )
