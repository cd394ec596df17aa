"""A trained model as build outputs: deterministic, cached, made once for all that use it."""

# The fused kernels give the same bytes for any number of threads.
_TRAIN = """
work=$$(mktemp -d) && trap 'rm -rf "$$work"' EXIT
$(execpath //python:train) --device_target=CPU --ckpt_path="$$work" --keep_checkpoint_max=1 \
    > "$$work/log" 2>&1 || { cat "$$work/log" >&2; exit 1; }
cp "$$work"/checkpoint_lenet-*.ckpt $@
"""

_EXPORT = """
$(execpath //python:export) --device_target=CPU --ckpt_file=$(execpath {ckpt}) \
    --file_name=$(@D)/{name} --file_format={format} > {log} 2>&1 || {{ cat {log} >&2; exit 1; }}
"""

def _export(name, target, ckpt, format, outs, **kwargs):
    log = "$(@D)/%s.log" % target
    native.genrule(
        name = target,
        srcs = [ckpt],
        outs = outs,
        cmd = _EXPORT.format(ckpt = ckpt, name = name, format = format, log = log),
        tools = ["//python:export"],
        **kwargs
    )

def trained_model(name, **kwargs):
    """Trains LeNet-5 on MNIST, with the defaults of //python:train, and exports it.

    Makes <name>_ckpt (<name>.ckpt), <name>_mindir (<name>.mindir and <name>_lite.mindir) and
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
    ckpt = ":%s_ckpt" % name
    _export(name, name + "_mindir", ckpt, "MINDIR", [name + ".mindir", name + "_lite.mindir"], **kwargs)
    _export(name, name + "_onnx", ckpt, "ONNX", [name + ".onnx"], **kwargs)
