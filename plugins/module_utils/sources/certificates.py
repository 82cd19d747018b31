# Copyright (c) 2026, fleetops.patchtrain contributors
# BSD-2-Clause license (see LICENSES/BSD-2-Clause.txt or https://opensource.org/licenses/BSD-2-Clause)
# SPDX-License-Identifier: BSD-2-Clause
"""The site's own certificate authority, for a release that is served over https."""

from __future__ import annotations

import re
import ssl
import urllib.request
from typing import Dict, Tuple

from ..errors import BadInput
from ..runner import Runner

FILE = "release.pem"

_BLOCK = re.compile(r"-----BEGIN CERTIFICATE-----\s*?\n.*?-----END CERTIFICATE-----", re.DOTALL)

# OpenSSL's numbers for: of itself, of an unknown one of itself, of an unknown one, and alone.
_UNKNOWN_AUTHORITY = (18, 19, 20, 21)


def authorities(text: str) -> str:
    """The certificates of a PEM alone, with nothing beside them; empty where there is no text."""
    if not text.strip():
        return ""
    if "PRIVATE KEY-----" in text:
        raise BadInput("ca: there is a private key in it, which no host needs: give the authority's certificate alone", option="ca")
    found = "".join(_blocks(text))
    try:
        ssl.create_default_context(cadata=found or "none")
    except (ssl.SSLError, ValueError) as error:
        raise BadInput("ca: that is no certificate in PEM (%s): it begins with -----BEGIN CERTIFICATE-----" % error, option="ca") from error
    return found


def opener(ca: str) -> urllib.request.OpenerDirector:
    """With a ``ca``, it alone is trusted; without, whoever the host trusts."""
    if not ca:
        return urllib.request.build_opener()
    return urllib.request.build_opener(urllib.request.HTTPSHandler(context=ssl.create_default_context(cadata=ca)))


def refusal(error: object) -> str:
    """What an administrator can do something about, instead of what a library says."""
    if isinstance(error, ssl.SSLCertVerificationError):
        advice = "; patch_release_ca has to be the certificate of the authority that signed it" if error.verify_code in _UNKNOWN_AUTHORITY else ""
        return "its certificate does not count: %s%s" % (error.verify_message.rstrip("."), advice)
    if isinstance(error, ssl.SSLError):
        return "it does not speak https as this host does: %s" % (error.reason or error)
    return str(error)


def hashed(runner: Runner, ca: str) -> Dict[str, str]:
    """One file a certificate, named as OpenSSL looks for it in a folder."""
    files: Dict[str, str] = {}
    for block in _blocks(ca):
        said = runner.run(["openssl", "x509", "-noout", "-subject_hash"], stdin=block).check().stdout.strip()
        number = sum(name.startswith(said + ".") for name in files)
        files["%s.%d" % (said, number)] = block
    return files


def _blocks(text: str) -> Tuple[str, ...]:
    return tuple(dict.fromkeys(block.replace("\r", "") + "\n" for block in _BLOCK.findall(text)))
