"""Copies folders between a URL and the disk: in parallel, verified, and only what is missing."""

from __future__ import annotations

import concurrent.futures
import pathlib
import posixpath
import sys
import time
from collections.abc import Callable, Mapping
from typing import TypeVar

from absl import logging
from tqdm import tqdm

from lenet import files
from lenet.cloud import object_store
from lenet.cloud.object_store import Store, TransientError
from lenet.errors import LenetError, UserError

ResultT = TypeVar("ResultT")

_THREADS = 8
_DELAYS = (0.5, 1, 2, 4, 8)  # seconds between the attempts to transfer a file


def fetch(url: str, folder: str, *, required: bool = True) -> None:
    """Copies the folder or file at `url` into `folder`.

    Files that are there with the same content are skipped. A file gets its name when it is complete
    and verified.

    Args:
        url: see object_store.open_store.
        folder: created if it is missing.
        required: whether an empty or missing source is an error.

    Raises:
        UserError: the source is missing, access is denied, or a folder cannot be created.
        LenetError: a transfer failed in every attempt.
    """
    store = object_store.open_store(url)
    names = _retry(store.list)
    if not names and _retry(lambda: store.content("")):
        names = [""]
    if not names and required:
        raise UserError(f"{url}: nothing is there")
    base = posixpath.basename(url.rstrip("/"))
    targets = {name: pathlib.Path(folder, _checked(name, url) or base) for name in names}
    try:
        for parent in {pathlib.Path(folder), *(path.parent for path in targets.values())}:
            parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise UserError(
            f"cannot create the folder {error.filename}: {error.strerror}; choose another"
        ) from error
    _all(lambda name: _fetch_one(store, name, targets[name], url), names, f"fetched from {url}")


def send(paths: Mapping[str, str], url: str) -> None:
    """Copies files to `url`. Files that are there with the same content are skipped.

    Args:
        paths: path on the disk per name below the URL; names have "/".
        url: see object_store.open_store.

    Raises:
        UserError: access is denied, or the bucket is missing.
        LenetError: a transfer failed in every attempt.
    """
    store = object_store.open_store(url)
    _all(
        lambda name: _send_one(store, pathlib.Path(paths[name]), name, url),
        list(paths),
        f"sent to {url}",
    )


def _checked(name: str, url: str) -> str:
    """Returns `name` if it is a path within the target folder."""
    if posixpath.isabs(name) or ".." in name.split("/"):
        raise LenetError(f"{url}: {name!r} is outside of the target folder and is not fetched")
    return name


def _fetch_one(store: Store, name: str, path: pathlib.Path, url: str) -> bool:
    """Returns whether the file had to be copied."""
    content = store.content(name)
    if content is None:
        raise UserError(f"{url}: {name} was removed during the transfer")
    if path.is_file() and not content.difference(path):
        return False
    with files.replacing(path) as temporary:
        store.get(name, temporary)
        if difference := content.difference(temporary):
            raise TransientError(f"{url}: {name or path}: arrived damaged: {difference}")
    return True


def _send_one(store: Store, path: pathlib.Path, name: str, url: str) -> bool:
    """Returns whether the file had to be copied."""
    before = store.content(name)
    if before and not before.difference(path):
        return False
    store.put(path, name)
    after = store.content(name)
    difference = after.difference(path) if after else "it is missing"
    if difference:
        store.remove(name)
        raise TransientError(f"{url}: {name}: arrived damaged: {difference}")
    return True


def _retry(work: Callable[[], ResultT]) -> ResultT:
    """Returns the result of `work`, repeating it after a TransientError."""
    for delay in _DELAYS:
        try:
            return work()
        except TransientError as error:
            logging.info("%s; trying again in %g s", error, delay)
            time.sleep(delay)
    try:
        return work()
    except TransientError as error:
        raise LenetError(f"{error}; gave up after {len(_DELAYS) + 1} attempts") from error


def _all(transfer: Callable[[str], bool], names: list[str], what: str) -> None:
    """Calls `transfer`, which returns whether it copied something, for each name.

    After a failure no further transfer starts; the error is raised when the running ones ended.
    """
    copied = 0
    with (
        concurrent.futures.ThreadPoolExecutor(_THREADS) as pool,
        tqdm(total=len(names), desc=what, unit="file", disable=not sys.stderr.isatty()) as bar,
    ):
        futures = [pool.submit(_retry, lambda name=name: transfer(name)) for name in names]
        try:
            for future in concurrent.futures.as_completed(futures):
                copied += future.result()
                bar.update()
        except BaseException:
            pool.shutdown(wait=False, cancel_futures=True)
            raise
    skipped = f", {len(names) - copied} were there" if copied < len(names) else ""
    logging.info("%s: %d files%s", what, copied, skipped)
