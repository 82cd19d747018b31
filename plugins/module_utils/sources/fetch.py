# Copyright (c) 2026, fleetops.patchtrain contributors
# BSD-2-Clause license (see LICENSES/BSD-2-Clause.txt or https://opensource.org/licenses/BSD-2-Clause)
# SPDX-License-Identifier: BSD-2-Clause
"""What is fetched of a release before a host's package manager is asked."""

from __future__ import annotations

import http.client
import urllib.error
from concurrent.futures import Future
from concurrent.futures import TimeoutError as FutureTimeout
from threading import Thread
from typing import Callable, Sequence
from urllib.parse import urlsplit

from ..errors import BadInput
from ..release.manifest import read
from ..runner import Runner
from .certificates import opener, refusal
from .keys import SourceRefused, verify

SCHEMES = ("https", "http", "file")
_LARGEST = 256 * 1024 * 1024


def check_url(url: str, digest: str) -> str:
    """The address of a release's directory, which has the digest as its last part. It gets into files of configuration."""
    parts = urlsplit(url)
    if parts.scheme not in SCHEMES or any(not 32 < ord(char) < 127 or char in "\"'\\" for char in url):
        raise BadInput("url: %r is no address of a release: it begins with https://, http:// or file:/// and has no blanks" % url, option="url")
    if parts.query or parts.fragment or not parts.path.rstrip("/").endswith("/releases/" + digest):
        raise BadInput("url: %s does not end in /releases/%s, where a release lies" % (url, digest), option="url")
    return url.rstrip("/")


def fetch(url: str, limit: float, ca: str = "") -> bytes:
    try:
        content = _within(limit, lambda: _read(url, limit, ca))
    except urllib.error.HTTPError as error:
        raise SourceRefused("%s is not there: HTTP %d %s" % (url, error.code, error.reason), url=url) from error
    except (OSError, http.client.HTTPException, ValueError) as error:
        reason = getattr(error, "reason", None) if isinstance(error, urllib.error.URLError) else error
        raise SourceRefused("%s can't be fetched: %s" % (url, refusal(reason)), url=url) from error
    if len(content) > _LARGEST:
        raise SourceRefused("%s is larger than %d bytes, and is none of a release's" % (url, _LARGEST), url=url)
    return content


def _read(url: str, limit: float, ca: str) -> bytes:
    with opener(ca).open(url, timeout=limit) as answer:
        content: bytes = answer.read(_LARGEST + 1)
        return content


def _within(limit: float, work: Callable[[], bytes]) -> bytes:
    """The limit of a socket is one for each of its reads, and a server that drips keeps every one of them. What is late is left to end with the process."""
    done: "Future[bytes]" = Future()

    def run() -> None:
        try:
            done.set_result(work())
        except BaseException as error:  # noqa: BLE001 - handed over to who waits
            done.set_exception(error)

    Thread(target=run, daemon=True).start()
    try:
        return done.result(limit)
    except FutureTimeout:
        raise OSError("it was not all there within %g s" % limit) from None


def manifest(runner: Runner, url: str, digest: str, keys: Sequence[str], limit: float, ca: str = "") -> bytes:
    """The manifest's bytes: of this digest, and where the host has gpgv, signed by one of the keys."""
    content = fetch(url + "/manifest.json", limit, ca)
    read(content, digest)
    if runner.which("gpgv"):
        signed(runner, url + "/manifest.json", content, keys, limit, ca)
    return content


def signed(runner: Runner, url: str, content: bytes, keys: Sequence[str], limit: float, ca: str = "") -> None:
    verify(runner, keys, content, fetch(url + ".asc", limit, ca), url)
