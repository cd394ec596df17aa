"""Entry point of each program: flags to options, one library call, errors to exit codes."""

import functools
import os
import pathlib
import sys
from collections.abc import Callable
from typing import Any, NoReturn, TypeVar

from absl import app, flags, logging

from lenet import errors, interrupts
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
    option_flags.define(options_class, flags.FLAGS)
    flags.FLAGS.set_default("verbosity", logging.INFO)
    parser = functools.partial(_parse_flags, options_class, arguments)
    main = functools.partial(_main, options_class, work, bool(arguments))
    interrupts.run_to_exit(
        lambda: app.run(main, flags_parser=parser), f"{_program()}: error: interrupted"
    )


def _parse_flags(options_class: type[Any], arguments: str, argv: list[str]) -> list[str]:
    if any(arg in ("-h", "-help", "--help", "--helpshort") for arg in argv[1:]):
        print(option_flags.help_text(options_class.program, arguments, _HELP_FULL))
        sys.exit(0)
    try:
        rest = flags.FLAGS(argv)
    except flags.Error as error:
        _fail(f"{error}; see --help", errors.UserError.exit_code)
    if not arguments and len(rest) > 1:
        _fail(f"unexpected argument {rest[1]!r}; see --help", errors.UserError.exit_code)
    return rest


def _main(
    options_class: type[Any], work: Callable[..., None], takes_arguments: bool, argv: list[str]
) -> int:
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
        _fail(str(error), error.exit_code)
    except BrokenPipeError:  # the reader, such as `head`, has closed the pipe
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return errors.LenetError.exit_code
    except OSError as error:  # full disk, missing permission: no stack trace
        _fail(f"{error.filename or 'I/O'}: {error.strerror or error}", errors.LenetError.exit_code)
    return 0


def _fail(message: str, code: int) -> NoReturn:
    print(f"{_program()}: error: {message}", file=sys.stderr)
    sys.exit(code)


def _program() -> str:
    return pathlib.Path(sys.argv[0]).stem
