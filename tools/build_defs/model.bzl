"""A trained model as build outputs: deterministic, cached, made once for all that use it."""

# One thread: the order of additions, and so the result, does not depend on the machine's cores.
_TRAIN = """
work=$$(mktemp -d) && trap 'rm -rf "$$work"' EXIT
$(execpath //python:train) --device_target=CPU --threads=1 --epoch_size={epochs} \
    --ckpt_path="$$work" --keep_checkpoint_max=1 > "$$work/log" 2>&1 \
  || {{ cat "$$work/log" >&2; exit 1; }}
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

def trained_model(name, quick_epochs, full_epochs, full, **kwargs):
    """Trains LeNet-5 on MNIST and exports it.

    Makes <name>_ckpt (<name>.ckpt), <name>_mindir (<name>.mindir and <name>_lite.mindir) and
    <name>_onnx (<name>.onnx).

    Args:
      name: prefix of targets and files.
      quick_epochs: epochs of a normal build.
      full_epochs: epochs if the condition `full` holds.
      full: label of a config_setting.
      **kwargs: for the targets, such as visibility.
    """
    native.genrule(
        name = name + "_ckpt",
        outs = [name + ".ckpt"],
        cmd = select({
            full: _TRAIN.format(epochs = full_epochs),
            "//conditions:default": _TRAIN.format(epochs = quick_epochs),
        }),
        tools = ["//python:train"],
        **kwargs
    )
    ckpt = ":%s_ckpt" % name
    _export(name, name + "_mindir", ckpt, "MINDIR", [name + ".mindir", name + "_lite.mindir"], **kwargs)
    _export(name, name + "_onnx", ckpt, "ONNX", [name + ".onnx"], **kwargs)
