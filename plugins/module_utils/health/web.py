# Copyright (c) 2026, fleetops.patchtrain contributors
# BSD-2-Clause license (see LICENSES/BSD-2-Clause.txt or https://opensource.org/licenses/BSD-2-Clause)
# SPDX-License-Identifier: BSD-2-Clause
"""One HTTP request as a health check: straight to the host, never through a proxy, never elsewhere unless that was allowed."""

from __future__ import annotations

import http.client
import ssl
import urllib.error
import urllib.request
from dataclasses import dataclass
from typing import IO, Any, Dict, Mapping, Optional, Tuple
from urllib.parse import SplitResult, urlsplit

from ..text import first_line

SAME = "same"
ANY = "any"
NONE = "none"
_LARGEST = 4 * 1024 * 1024
_PART = 64 * 1024
_PORTS = {"http": 80, "https": 443}


@dataclass(frozen=True)
class Request:
    """``status`` empty: any from 200 to 299. ``redirects``: same (scheme, host and port), any, or none."""

    url: str
    headers: Mapping[str, str]
    status: Tuple[int, ...] = ()
    contains: Optional[str] = None
    validate_certs: bool = True
    redirects: str = SAME


class _Elsewhere(Exception):
    """A redirect that is not followed."""


class _Redirects(urllib.request.HTTPRedirectHandler):
    def __init__(self, request: Request) -> None:
        self._request = request

    def redirect_request(self, req: urllib.request.Request, fp: IO[bytes], code: int, msg: str, headers: Any,
                         newurl: str) -> Optional[urllib.request.Request]:
        if self._request.redirects == NONE:
            return None
        new = urlsplit(newurl)
        same = _origin(new) == _origin(urlsplit(self._request.url))
        if new.scheme not in _PORTS or (self._request.redirects == SAME and not same):
            raise _Elsewhere(first_line(newurl))
        return super().redirect_request(req, fp, code, msg, headers, newurl)


def problem(request: Request, limit: float) -> Optional[str]:
    """What is wrong with the answer, in one line; None where it is as wanted."""
    try:
        status, body = _fetch(request, limit)
    except _Elsewhere as error:
        return "it redirects elsewhere, to %s; say redirects: any if it may" % error
    except (OSError, http.client.HTTPException, ValueError) as error:
        return _reason(error, limit)
    wanted = request.status or tuple(range(200, 300))
    if status not in wanted:
        return "status %d, wanted %s" % (status, ", ".join(str(code) for code in request.status) or "200 to 299")
    if request.contains is not None and request.contains not in body:
        return "the answer (status %d, %d characters) does not contain %r" % (status, len(body), request.contains)
    return None


def _reason(error: BaseException, limit: float) -> str:
    reason = getattr(error, "reason", None) or error
    if isinstance(reason, OSError) and "timed out" in str(reason):
        return "no answer within %g s" % limit
    return first_line("%s" % (getattr(reason, "strerror", None) or reason or type(error).__name__))


def _fetch(request: Request, limit: float) -> Tuple[int, str]:
    asked = urllib.request.Request(request.url, headers=dict({"User-Agent": "patchtrain"}, **request.headers))
    try:
        with _opener(request).open(asked, timeout=limit) as answer:
            return answer.status, _body(answer)
    except urllib.error.HTTPError as error:
        with error:
            return error.code, _body(error)


def _opener(request: Request) -> urllib.request.OpenerDirector:
    context = ssl.create_default_context()
    if not request.validate_certs:
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    return urllib.request.build_opener(
        urllib.request.ProxyHandler({}), urllib.request.HTTPSHandler(context=context), _Redirects(request))


def _body(answer: Any) -> str:
    """At most the first megabytes."""
    body = b""
    while len(body) < _LARGEST:
        part = answer.read1(_PART)
        if not part:
            break
        body += part
    return body.decode("utf-8", "replace")


def _origin(url: SplitResult) -> Tuple[str, Optional[str], Optional[int]]:
    return url.scheme, url.hostname, url.port or _PORTS.get(url.scheme)


# What may be given


def checked_url(value: Any) -> str:
    text = value if isinstance(value, str) else ""
    try:
        url = urlsplit(text)
        usable = url.scheme in _PORTS and bool(url.hostname) and url.port != 0
    except ValueError:
        usable = False
    if not usable or not text.isprintable() or " " in text:
        raise ValueError("%r is no http or https URL" % (value,))
    if url.username is not None or url.password is not None:
        raise ValueError("user and password can't stand in the URL; send them as a header")
    return text


def checked_status(value: Any) -> Tuple[int, ...]:
    given = value if isinstance(value, (list, tuple)) else [value]
    codes = [int(str(code)) for code in given if str(code).isdigit() and not isinstance(code, bool)]
    if not codes or len(codes) != len(given) or not all(100 <= code <= 599 for code in codes):
        raise ValueError("%r is no HTTP status such as 200, and no list of such" % (value,))
    return tuple(codes)


def checked_headers(value: Any) -> Dict[str, str]:
    if not isinstance(value, Mapping) or not all(
            isinstance(name, str) and name and isinstance(text, str) and (name + text).isprintable() for name, text in value.items()):
        raise ValueError("%r is no dict of header names and texts" % (value,))
    return dict(value)


def checked_redirects(value: Any) -> str:
    if value not in (SAME, ANY, NONE):
        raise ValueError("%r is not one of same, any, none" % (value,))
    return str(value)
