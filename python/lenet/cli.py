"""Entry point of each program: flags to options, one library call, errors to exit codes."""

import os
import pathlib
import re
import shlex
import signal
import sys
from typing import Any, NoReturn, TypeVar

from lenet import interrupts

_INTERRUPTED = f"{pathlib.Path(sys.argv[0]).stem}: error: interrupted"

# The imports below and those of the program take half a second. Before, while Python and Bazel's
# launcher start, SIGINT has its default action.
interrupts.end_at_once(_INTERRUPTED, [signal.SIGINT])


def _explain_missing_package(kind: Any, error: Any, trace: Any) -> None:
    """Prints one line if a program without Bazel lacks a package."""
    if not issubclass(kind, ModuleNotFoundError):
        sys.__excepthook__(kind, error, trace)
        return
    requirements = os.path.relpath(pathlib.Path(__file__).parents[1] / "requirements.txt")
    print(
        f"{pathlib.Path(sys.argv[0]).stem}: error: Python has no package {error.name}; in a "
        "virtual environment of Python 3.10 to 3.12, run "
        f"`{shlex.join([sys.executable, '-m', 'pip', 'install', '-r', requirements])}`",
        file=sys.stderr,
        flush=True,
    )
    os._exit(3)


sys.excepthook = _explain_missing_package

# ruff: noqa: E402
import functools
import io
from collections.abc import Callable

from absl import app, flags, logging

from lenet import environment, errors
from lenet.options import flags as option_flags

OptionsT = TypeVar("OptionsT")

_HELP_FULL = "  --helpfull\n      these flags and those of absl (logging, --flagfile)"


def run(
    options_class: type[OptionsT], work: Callable[..., None], *, arguments: str = ""
) -> NoReturn:
    """Parses the command line, calls `work(options)` and exits; see lenet.errors for the codes.

    Args:
        options_class: dataclass of lenet.options.programs.
        work: the library call; it is called as `work(options, paths)` if `arguments` is given.
        arguments: name of the positional paths in the usage line; "" for no such arguments.
    """
    try:
        option_flags.define(options_class, flags.FLAGS)
    except FileNotFoundError as error:  # a ModelArts job may have only the folder of the programs
        _fail(
            f"{error.filename} {error.strerror}; copy it from the repository",
            errors.UserError.exit_code,
        )
    flags.FLAGS.set_default("verbosity", logging.INFO)
    parser = functools.partial(_parse_flags, options_class, arguments)
    main = functools.partial(_main, options_class, work, bool(arguments))
    interrupts.run_to_exit(lambda: _run_app(main, parser), _INTERRUPTED)


def _run_app(main: Callable[[list[str]], int], parser: Callable[[list[str]], list[str]]) -> None:
    try:
        app.run(main, flags_parser=parser)
    except BrokenPipeError:  # the reader, such as `head`, has closed the pipe
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(errors.LenetError.exit_code)
    except OSError as error:  # full disk, missing permission: no stack trace
        _fail(f"{error.filename or 'I/O'}: {error.strerror or error}", errors.LenetError.exit_code)


def _parse_flags(options_class: type[Any], arguments: str, argv: list[str]) -> list[str]:
    if any(arg in ("-h", "-help", "--help", "--helpshort") for arg in argv[1:]):
        text = option_flags.help_text(options_class.program, arguments, _HELP_FULL)
        print(text, flush=True)  # a closed pipe is found here
        sys.exit(0)
    if "--version" in argv[1:]:
        print(f"{_program()} ({environment.version()})", flush=True)
        sys.exit(0)
    try:
        rest = flags.FLAGS(argv)
    except flags.UnrecognizedFlagError as error:
        # A ModelArts job has flags of the platform, such as --num_gpus=1.
        ignored = flags.FLAGS(argv, known_only=True)[1:]
        if not option_flags.is_modelarts_job(options_class, flags.FLAGS):
            message = option_flags.unknown(error.flagname, options_class)
            _fail(message, errors.UserError.exit_code)
        print(f"{_program()}: ignored: {shlex.join(ignored)}", file=sys.stderr)
        return argv[:1]
    except flags.IllegalFlagValueError as error:  # also has the exception's arguments
        _fail(f"{str(error).partition(': ')[0]}: value not accepted; see --help", 2)
    except flags.Error as error:
        _fail(f"{error}; see --help", errors.UserError.exit_code)
    if not arguments and len(rest) > 1:
        _fail(f"unexpected argument {rest[1]!r}; see --help", errors.UserError.exit_code)
    return rest


def _main(
    options_class: type[Any], work: Callable[..., None], takes_arguments: bool, argv: list[str]
) -> int:
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="backslashreplace")  # file names in any encoding
    logging.use_absl_handler()
    logging.get_absl_handler().setFormatter(None)  # log lines without time and file name
    try:
        options = option_flags.parse(options_class, flags.FLAGS)
        if takes_arguments:
            work(options, [option_flags.absolute(arg) for arg in argv[1:]])
        else:
            work(options)
        sys.stdout.flush()
    except errors.LenetError as error:
        message = option_flags.blame_file(str(error), options_class, flags.FLAGS)
        _fail(message, error.exit_code)
    return 0


def _fail(message: str, code: int) -> NoReturn:
    printable = re.sub(r"[^\n -~\x80-\U0010ffff]", " ", message)  # names of files and keys hold any
    print(f"{_program()}: error: {printable}", file=sys.stderr)
    sys.exit(code)


def _program() -> str:
    return pathlib.Path(sys.argv[0]).stem
