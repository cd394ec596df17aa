"""The module extension for MODULE.bazel. Bazel 4 has no module_extension, so it has its own file."""

load("//third_party:repositories.bzl", "lenet_repositories")

lenet = module_extension(implementation = lambda _: lenet_repositories())
