"""Copies folders between a URL and the disk: parallel, checked, and only what is missing."""

from __future__ import annotations

import concurrent.futures
import os
import posixpath
import sys
from collections.abc import Callable, Iterable, Mapping

from absl import logging
from tqdm import tqdm

from lenet import files
from lenet.cloud import stores
from lenet.cloud.retry import Retry, TransientError, call
from lenet.errors import UserError

_THREADS = 8


def fetch(url: str, folder: str, *, required: bool = True, retry: Retry | None = None) -> list[str]:
    """Copies what is at `url`, a folder or one file, into `folder`.

    Files that are there already with the same content are left alone. A file gets its name when
    it is complete and its checksum is right.

    Args:
        url: as stores.open_store takes it.
        folder: made if it is missing.
        required: whether it is an error if nothing is there.
        retry: of what fails for a reason that passes.

    Returns:
        Paths of the files, also of those that were there.

    Raises:
        UserError: nothing is at `url`, no rights, no bucket, no folder can be made.
        LenetError: it failed each time, as the message says.
    """
    retry = retry or Retry()
    store = stores.open_store(url)
    names = call(store.list, retry)
    if not names and call(lambda: store.content(""), retry):
        names = [""]
    if not names:
        if required:
            raise UserError(f"{url}: nothing is there")
        return []
    base = posixpath.basename(url.rstrip("/"))
    targets = {name: os.path.join(folder, stores.checked_name(name, url) or base) for name in names}
    _make_folders(folder, targets.values())

    def fetch_one(name: str) -> bool:
        return call(lambda: _fetch_one(store, name, targets[name], url), retry)

    _all(fetch_one, names, f"fetched from {url}")
    return list(targets.values())


def send(paths: Mapping[str, str], url: str, *, retry: Retry | None = None) -> None:
    """Copies files to names below `url`; those that are there with the same content are not sent.

    Args:
        paths: by name, with "/".
        url: as stores.open_store takes it.
        retry: as for fetch.

    Raises:
        UserError: no rights or no bucket.
        LenetError: it failed each time, as the message says.
    """
    retry = retry or Retry()
    store = stores.open_store(url)

    def send_one(name: str) -> bool:
        return call(lambda: _send_one(store, paths[name], name, url), retry)

    _all(send_one, list(paths), f"sent to {url}")


def _fetch_one(store: stores.Store, name: str, path: str, url: str) -> bool:
    content = store.content(name)
    if content is None:
        raise UserError(f"{url}: {name} was removed while it was fetched")
    if os.path.isfile(path) and not content.differs(path):
        return False
    with files.replacing(path) as temporary:
        store.get(name, temporary)
        if difference := content.differs(temporary):
            raise TransientError(f"{url}: {name or path}: arrived damaged: {difference}")
    return True


def _send_one(store: stores.Store, path: str, name: str, url: str) -> bool:
    before = store.content(name)
    if before and not before.differs(path):
        return False
    store.put(path, name)
    after = store.content(name)
    difference = after.differs(path) if after else "it is not there"
    if difference:
        raise TransientError(f"{url}: {name}: arrived damaged: {difference}")
    return True


def _make_folders(folder: str, paths: Iterable[str]) -> None:
    try:
        for parent in {folder, *(os.path.dirname(path) for path in paths)}:
            os.makedirs(parent, exist_ok=True)
    except OSError as error:
        raise UserError(
            f"cannot make the folder {error.filename}: {error.strerror}; name another by the flags"
        ) from error


def _all(transfer: Callable[[str], bool], names: list[str], what: str) -> None:
    """Calls `transfer`, which says whether there was something to do, for each name.

    The first failure is raised when the transfers under way have ended; others do not begin.
    """
    done = 0
    with (
        concurrent.futures.ThreadPoolExecutor(_THREADS) as pool,
        tqdm(total=len(names), desc=what, unit="file", disable=not sys.stderr.isatty()) as bar,
    ):
        futures = [pool.submit(transfer, name) for name in names]
        try:
            for future in concurrent.futures.as_completed(futures):
                done += future.result()
                bar.update()
        except BaseException:
            pool.shutdown(wait=False, cancel_futures=True)
            raise
    there = f", {len(names) - done} were there" if done < len(names) else ""
    logging.info("%s: %d files%s", what, done, there)
