"""Repository rule for @image: the execution platform that identifies this system."""

load("//third_party/python:interpreter.bzl", "ENVIRON", "search_interpreter")

# The property `image` is part of the key of each action. Machines with other compilers or headers
# share no cached results, and remote actions run only on workers with the same system.
_BUILD = """\
platform(
    name = "platform",
    constraint_values = [
        "@platforms//cpu:{cpu}",
        "@platforms//os:linux",
    ],
    exec_properties = {{
        "OSFamily": "linux",
        "image": "{image}",
    }},
    visibility = ["//visibility:public"],
)
"""

def _image_repository_impl(repository_ctx):
    script = repository_ctx.path(repository_ctx.attr._script)
    packages = repository_ctx.path(repository_ctx.attr._packages)
    python, _ = search_interpreter(repository_ctx)  # one that is fetched is an input of actions
    result = repository_ctx.execute([script, packages, python or "/usr/bin/python3"])
    if result.return_code != 0:
        fail("{} failed: {}".format(script, result.stderr))
    machine = repository_ctx.execute(["uname", "-m"])
    repository_ctx.file("BUILD.bazel", _BUILD.format(
        cpu = machine.stdout.strip(),
        image = result.stdout.strip(),
    ))

image_repository = repository_rule(
    implementation = _image_repository_impl,
    doc = "@image//:platform with the output of image_id.sh as a property.",
    attrs = {
        "_packages": attr.label(default = "//third_party/system:packages.txt"),
        "_script": attr.label(default = "//third_party/system:image_id.sh"),
    },
    configure = True,
    environ = ENVIRON,
    local = True,
)
