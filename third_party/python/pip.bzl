"""Runs pip inside a repository rule. Mirrors and proxies are those of the user's pip configuration."""

load("//third_party/python:interpreter.bzl", "find_interpreter")

_NO_PIP = "{python} has no pip. Install it (Debian, Ubuntu: apt-get install python3-pip) and run the command again."

def run_pip(repository_ctx, arguments):
    """Runs `python -m pip <arguments>` and shows what it prints if it fails.

    Args:
      repository_ctx: of a repository rule that lists interpreter.bzl's ENVIRON in `environ`.
      arguments: list of strings and paths; requirements must carry hashes.

    Returns:
      The interpreter that ran it.
    """
    python = find_interpreter(repository_ctx)
    if repository_ctx.execute([python, "-m", "pip", "--version"]).return_code != 0:
        fail(_NO_PIP.format(python = python))
    command = [python, "-m", "pip", "--disable-pip-version-check", "--no-input"] + arguments
    result = repository_ctx.execute(command, timeout = 3600, environment = {"PYTHONPATH": ""})
    if result.return_code != 0:
        fail("pip failed:\n%s\n%s\nIs a package index reachable (pip config list)?" % (
            " ".join([str(word) for word in command]),
            result.stderr[-4000:],
        ))
    return python

def download_wheel(repository_ctx, lock, python_version = None):
    """Downloads the one distribution that `lock` names into the folder `wheel`.

    Args:
      repository_ctx: as for run_pip.
      lock: label of a requirements file with hashes.
      python_version: such as "37", for a wheel of another Python than ours.

    Returns:
      The interpreter and the path of the wheel.
    """
    arguments = ["download", "--require-hashes", "--no-deps", "--only-binary=:all:", "--dest", "wheel"]
    if python_version:
        arguments += ["--python-version", python_version]
    python = run_pip(repository_ctx, arguments + ["-r", repository_ctx.path(lock)])
    return python, repository_ctx.path("wheel").readdir()[0]
