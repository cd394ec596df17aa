"""Shell rules."""

load("@build_rules//:rules.bzl", _sh_binary = "sh_binary", _sh_library = "sh_library", _sh_test = "sh_test")

def sh_binary(name, **kwargs):
    """Declares a script; its default file is <name>.sh."""
    kwargs.setdefault("srcs", [name + ".sh"])
    _sh_binary(name = name, **kwargs)

def sh_test(name, **kwargs):
    """Declares a test script; its default file is <name>.sh."""
    kwargs.setdefault("srcs", [name + ".sh"])
    _sh_test(name = name, **kwargs)

def sh_library(name, **kwargs):
    """Declares functions that scripts source."""
    _sh_library(name = name, **kwargs)
