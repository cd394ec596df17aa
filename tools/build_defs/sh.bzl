"""Shell rules. The only file that says where they come from (Bazel 8 and later: rules_shell)."""

def sh_binary(name, **kwargs):
    """A script. Its file is <name>.sh unless `srcs` says otherwise."""
    kwargs.setdefault("srcs", [name + ".sh"])
    native.sh_binary(name = name, **kwargs)

def sh_test(name, **kwargs):
    """A test written as a script. Its file is <name>.sh unless `srcs` says otherwise."""
    kwargs.setdefault("srcs", [name + ".sh"])
    native.sh_test(name = name, **kwargs)

def sh_library(name, **kwargs):
    """Functions that scripts source."""
    native.sh_library(name = name, **kwargs)
