import json

import pytest

from third_party.supply import hashes, locks

_DIGITS = "0123456789abcdef" * 4


def wrong_with(text):
    return hashes.starlark_problems(text)


def test_a_pinned_and_hashed_requirement_is_fine():
    entry = f"a==1.0 ; sys_platform == 'linux' \\\n    --hash=sha256:{_DIGITS}\n"
    text = f"# a comment\n{entry}    # via b\n"
    assert hashes.lock_problems(text) == []
    assert locks.read_lock(text) == [locks.Pin("a", "1.0", (_DIGITS,), "sys_platform == 'linux'")]


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("a==1.0\n", "no --hash"),
        ("a==1.0 --hash=sha256:abc\n", "no --hash"),
        ("a==1.0 --hash=md5:0123456789abcdef0123456789abcdef\n", "no --hash"),
        (f"a>=1.0 --hash=sha256:{_DIGITS}\n", "not pinned"),
        (f"a==1.* --hash=sha256:{_DIGITS}\n", "not pinned"),
        (f"a --hash=sha256:{_DIGITS}\n", "not pinned"),
        (f"a @ https://example.org/a.whl --hash=sha256:{_DIGITS}\n", "not pinned"),
        ("git+https://example.org/a.git\n", "not pinned"),
        ("-r other.txt\n", "not pinned"),
        ("# nothing\n", "empty"),
    ],
)
def test_a_requirement_without_pin_or_hash_is_found(text, problem):
    (found,) = hashes.lock_problems(text)
    assert problem in found


def test_one_bad_requirement_among_good_ones_is_found():
    good = f"a==1 \\\n    --hash=sha256:{_DIGITS}\n"
    assert len(hashes.lock_problems(good + "b==2\n" + good)) == 1


_INTEGRITY = "sha512-" + "A" * 86 + "=="
_SHA1 = "sha1-AAAAAAAAAAAAAAAAAAAAAAAAAAA="


def npm(**entry):
    return json.dumps({"packages": {"": {"name": "top"}, "node_modules/@x/y": entry}})


def test_an_npm_package_with_integrity_is_fine():
    text = npm(version="1.0.0", integrity=_INTEGRITY)
    assert hashes.npm_problems(text) == []
    assert locks.read_npm(text) == [locks.Pin("@x/y", "1.0.0", ("sha512:" + "0" * 128,))]


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        (npm(version="1.0.0"), "no integrity"),
        (
            npm(version="1.0.0", integrity=_SHA1),
            "integrity",
        ),
        (npm(version="1.0.0", integrity="sha512-AAAA"), "no integrity"),
        (npm(integrity=_INTEGRITY), "no version"),
        ('{"packages": {"": {}}}', "empty"),
        ('{"dependencies": {}}', "not a package-lock.json"),
        ("{", "not a package-lock.json"),
    ],
)
def test_an_npm_package_without_integrity_is_found(text, problem):
    (found,) = hashes.npm_problems(text)
    assert problem in found


@pytest.mark.parametrize(
    "text",
    [
        'http_archive(name = "a", urls = ["x"])',
        'http_archive(name = "a", urls = ["x"], sha256 = "")',
        'http_file(name = "a", urls = ["x"], sha256 = None)',
        'maybe(http_archive, name = "a")',
        "def _impl(ctx):\n    ctx.download(url = 'x', output = 'y')",
        "def _impl(ctx):\n    ctx.download_and_extract('x')",
        'git_repository(name = "a", commit = "0123")',
        'run_pip(ctx, ["install", "--no-deps", "-r", lock])',
        'ctx.execute([python, "-m", "pip", "download", "a"])',
        'ctx.execute(["/usr/bin/pip3", "install", "a"])',
        'ctx.execute(["sh", "-c", "cd x && pip install a"])',
        'ctx.execute(["npm", "install", "a"])',
        'ctx.execute([npm, "install", "--global", "a"])',
        'ctx.execute(["npx", "a"])',
        'ctx.execute(["curl", "-O", "x"])',
        'ctx.execute(["bash", "-c", "wget x"])',
        'ctx.execute(["git", "clone", "x"])',
        "not starlark (",
    ],
)
def test_starlark_that_fetches_without_a_hash_is_found(text):
    assert len(wrong_with(text)) == 1


@pytest.mark.parametrize(
    "text",
    [
        f'http_archive(name = "a", sha256 = "{_DIGITS}")',
        "http_archive(name = name, sha256 = digest)",
        f'maybe(http_archive, name = "a", sha256 = "{_DIGITS}")',
        'def _impl(ctx):\n    ctx.download("x", integrity = "sha256-AAAA")',
        'run_pip(ctx, ["install", "--require-hashes", "-r", lock])',
        'ctx.execute([python, "-m", "pip", "--version"])',
        'ctx.execute(["npm", "ci", "--ignore-scripts"])',
        'ctx.report_progress("pip install (a few minutes)")',
        'fail("no bazel:\\n  npm install -g bazelisk")',
        'attr.label(doc = "pip install takes it")',
        '"Install it (Debian, Ubuntu: apt-get install python3-pip) and run the command again."',
    ],
)
def test_what_checks_hashes_is_fine(text):
    assert wrong_with(text) == []


def test_a_file_that_is_loaded_must_be_given():
    files = {"WORKSPACE": 'load("//a:b.bzl", "b")', "a/b.bzl": 'load(":c.bzl", "c")'}
    assert hashes.problems(files) == [
        "a/c.bzl: a/b.bzl needs it, but it is not among the data of hashes_test"
    ]


def test_a_lock_that_is_named_must_be_given():
    files = {"WORKSPACE": 'pip_repository(lock = "//a:x.lock", other = ":package-lock.json")'}
    assert [problem.split(":")[0] for problem in hashes.problems(files)] == [
        "a/x.lock",
        "package-lock.json",
    ]


def test_problems_name_the_file():
    files = {"WORKSPACE": "", "a/x.lock": "a==1\n", "a/package-lock.json": "{"}
    found = hashes.problems(files)
    assert [problem.split(":")[0] for problem in found] == ["a/package-lock.json", "a/x.lock"]
