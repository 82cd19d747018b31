# Copyright (c) 2026, fleetops.patchtrain contributors
# BSD-2-Clause license (see LICENSES/BSD-2-Clause.txt or https://opensource.org/licenses/BSD-2-Clause)
# SPDX-License-Identifier: BSD-2-Clause
"""OpenPGP public keys as text, and whether a signature is one of theirs."""

from __future__ import annotations

import base64
import binascii
import os
import re
import tempfile
from typing import List, Sequence, Tuple

from ..errors import BadInput, PatchtrainError
from ..runner import Runner

_BLOCK = re.compile(r"-----BEGIN PGP PUBLIC KEY BLOCK-----\s*?\n.*?-----END PGP PUBLIC KEY BLOCK-----", re.DOTALL)
_REFUSALS = (("EXPKEYSIG", "its key has expired"), ("KEYEXPIRED", "its key has expired"), ("REVKEYSIG", "its key was revoked"), ("EXPSIG", "it has expired"),
             ("BADSIG", "what it signs was changed"), ("NO_PUBKEY", "it is of another key than those that count"))


class SourceRefused(PatchtrainError):
    """A release's source that can't be reached or is not to be trusted; the host keeps what it has."""


def blocks(texts: Sequence[str]) -> Tuple[str, ...]:
    """Each key by itself, as not all tools read more than one from a file."""
    found: List[str] = []
    for text in texts:
        mine = [block.replace("\r", "") + "\n" for block in _BLOCK.findall(text)]
        if not mine:
            raise BadInput("keys: %r is no armoured OpenPGP public key: it begins with -----BEGIN PGP PUBLIC KEY BLOCK-----" % text[:40], option="keys")
        found += [block for block in mine if block not in found]
    if not found:
        raise BadInput("keys: no key is given, so no signature would count: give the release's public keys", option="keys")
    return tuple(found)


def keyring(armoured: Sequence[str]) -> bytes:
    """What gpgv and apt read, of all keys together."""
    return b"".join(_binary(block) for block in armoured)


def _binary(block: str) -> bytes:
    body = block.strip().splitlines()[1:-1]
    # Headers end with an empty line; the checksum begins with an equals sign.
    blank = next((at for at, line in enumerate(body) if not line.strip()), -1)
    try:
        return base64.b64decode("".join(line for line in body[blank + 1:] if not line.startswith("=")), validate=True)
    except binascii.Error as error:
        raise BadInput("keys: a public key is damaged (%s): export it again" % error, option="keys") from error


def verify(runner: Runner, armoured: Sequence[str], signed: bytes, signature: bytes, what: str) -> None:
    """``SourceRefused`` unless one of the keys made the signature."""
    with tempfile.TemporaryDirectory(prefix="patchtrain-") as folder:
        paths = [os.path.join(folder, name) for name in ("keys.gpg", "signature", "signed")]
        for path, data in zip(paths, (keyring(armoured), signature, signed)):
            with open(path, "wb") as handle:
                handle.write(data)
        done = runner.run(["gpgv", "--status-fd", "1", "--keyring"] + paths)
    said = {line.split()[1] for line in done.stdout.splitlines() if line.startswith("[GNUPG:] ")}
    if "GOODSIG" not in said or "BADSIG" in said:
        why = next((reason for word, reason in _REFUSALS if word in said), "it is none")
        raise SourceRefused("the signature of %s does not count: %s" % (what, why), what=what)
