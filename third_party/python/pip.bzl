"""Runs pip in repository rules, with the mirrors and proxies of the user's pip configuration."""

load("//third_party/python:interpreter.bzl", "find_interpreter")

# Replaces settings of the user's that would install nothing, elsewhere or more, or contradict a lock.
# A variable precedes pip.conf, unless it is empty; a blank is an empty list.
_ENVIRONMENT = {
    "PIP_CONSTRAINT": "/dev/null",
    "PIP_DRY_RUN": "0",
    "PIP_EDITABLE": " ",
    "PIP_REQUIREMENT": " ",
    "PIP_REQUIRE_VIRTUALENV": "0",
    "PIP_ROOT": "/",
    "PIP_USER": "0",
    "PYTHONPATH": "",
}

_NO_PIP = "{python} has no pip. Install it (Debian, Ubuntu: apt-get install python3-pip) and run the command again."

def run_pip(repository_ctx, arguments):
    """Runs `python -m pip <arguments>`; fails with pip's output.

    Args:
      repository_ctx: context of a repository rule that lists interpreter.bzl's ENVIRON in `environ`.
      arguments: list of strings and paths; requirements must have hashes.

    Returns:
      The path of the interpreter.
    """
    python = find_interpreter(repository_ctx)
    environment = dict(_ENVIRONMENT, PIP_PYTHON = str(python))
    pip = [python, "-m", "pip"]
    if repository_ctx.execute(pip + ["--version"], environment = environment).return_code != 0:
        # pip of another interpreter can install for this one.
        pip = [repository_ctx.which("python3") or python, "-m", "pip", "--python", python]
        if repository_ctx.execute(pip + ["--version"], environment = environment).return_code != 0:
            fail(_NO_PIP.format(python = python))
    command = pip + ["--disable-pip-version-check", "--no-input"] + arguments
    result = repository_ctx.execute(command, timeout = 3600, environment = environment)
    if result.return_code != 0:
        advice = "Is a package index reachable (pip config list)?"
        if "No space left on device" in result.stderr:
            advice = "Free disk space and run the command again."
        fail("pip failed:\n%s\n%s\n%s" % (
            " ".join([str(word) for word in command]),
            result.stderr[-4000:],
            advice,
        ))
    return python

def download_wheel(repository_ctx, lock, python_version = None, platform = None):
    """Downloads the only distribution in `lock` into the folder `wheel`.

    Args:
      repository_ctx: see run_pip.
      lock: label of a requirements file with hashes.
      python_version: version of the wheel, such as "37"; None for the interpreter's.
      platform: pip's name of the processor and system; None or "" for the machine's.

    Returns:
      The path of the interpreter and the path of the wheel.
    """
    arguments = ["download", "--require-hashes", "--no-deps", "--only-binary=:all:", "--dest", "wheel"]
    if python_version:
        arguments += ["--python-version", python_version]
    if platform:
        arguments += ["--platform", platform]
    python = run_pip(repository_ctx, arguments + ["-r", repository_ctx.path(lock)])
    return python, repository_ctx.path("wheel").readdir()[0]
