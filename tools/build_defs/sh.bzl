"""Shell rules. No other file names their origin (Bazel 8 and later: rules_shell)."""

def sh_binary(name, **kwargs):
    """Declares a script; its default file is <name>.sh."""
    kwargs.setdefault("srcs", [name + ".sh"])
    native.sh_binary(name = name, **kwargs)

def sh_test(name, **kwargs):
    """Declares a test script; its default file is <name>.sh."""
    kwargs.setdefault("srcs", [name + ".sh"])
    native.sh_test(name = name, **kwargs)

def sh_library(name, **kwargs):
    """Declares functions that scripts source."""
    native.sh_library(name = name, **kwargs)
