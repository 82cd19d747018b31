# Copyright (c) 2026, fleetops.patchtrain contributors
# BSD-2-Clause license (see LICENSES/BSD-2-Clause.txt or https://opensource.org/licenses/BSD-2-Clause)
# SPDX-License-Identifier: BSD-2-Clause
"""OpenPGP signatures, by gpg with the site's own keyring, never asking anybody."""

from __future__ import annotations

import os
from typing import FrozenSet, List, NamedTuple, Optional, Sequence, Set, Tuple

from ..clock import Deadline
from ..errors import BadInput
from ..runner import Completed, Runner
from ..text import last_line
from .layout import RepositoryWrong, move_over, remove_file

_BAD = {"BADSIG": "does not match", "EXPSIG": "has expired", "EXPKEYSIG": "is by a key that has expired",
        "REVKEYSIG": "is by a key that was revoked", "NO_PUBKEY": "is by an unknown key"}
_NO_KEY = {"e": "has expired", "r": "was revoked", "d": "is disabled", "i": "is invalid"}


class KeyUnusable(RepositoryWrong):
    """A key that is to sign and can't."""


class Secret(NamedTuple):
    """A secret key, when it was created, and what keeps it from signing, empty for nothing."""

    fingerprint: str
    created: int
    problem: str


class Verdict(NamedTuple):
    """``good`` are the primary keys' fingerprints of good signatures; ``problems`` say of the others what is wrong."""

    good: FrozenSet[str]
    problems: Tuple[str, ...]


class Gpg:
    """gpg with the keyring in ``home``."""

    def __init__(self, runner: Runner, home: str, deadline: Deadline) -> None:
        if not os.path.isabs(home):
            raise BadInput("gpg_home is %r: give the absolute path of a keyring's folder" % home, option="gpg_home")
        self._runner, self._home, self._deadline = runner, home, deadline

    def signing(self, names: Sequence[str]) -> Tuple[str, ...]:
        """The fingerprints of the keys that are meant, all proved to be able to sign now, the oldest key last: of several signatures zypper wants
        to know the key of the last one, and a host that missed a rotation knows the old key."""
        if not names:
            raise BadInput("signing_keys is empty: name at least one key that signs the release", option="signing_keys")
        if not os.path.isdir(self._home):
            raise KeyUnusable("there is no keyring %s: make the signing key there, or correct gpg_home" % self._home)
        secret = sorted({self._secret(name) for name in names}, key=lambda key: (-key.created, key.fingerprint))
        found = tuple(key.fingerprint for key in secret)
        done = self._run(self._by(found) + ["--armor", "--detach-sign"], stdin="patchtrain\n")
        if done.rc != 0:
            raise KeyUnusable("%s can't be signed with (%s): a key that signs releases has no passphrase, or the agent of %s knows it" % (
                _keys(found), last_line(done.stderr), self._home), keys=list(found))
        return found

    def detach(self, keys: Sequence[str], source: str, target: str) -> None:
        self._sign(keys, ["--armor", "--detach-sign"], source, target)

    def clearsign(self, keys: Sequence[str], source: str, target: str) -> None:
        self._sign(keys, ["--clearsign"], source, target)

    def export(self, fingerprint: str) -> str:
        """The public key, armoured."""
        return self._run(["--armor", "--export-options", "export-minimal", "--export", fingerprint]).check().stdout

    def fingerprint(self, armoured: str) -> str:
        """Of a public key, empty for what is none."""
        lines = self._run(["--with-colons", "--show-keys"], stdin=armoured).stdout.splitlines()
        return next((line.split(":")[9] for line in lines if line.startswith("fpr:")), "")

    def learn(self, path: str) -> None:
        """Take public keys into the keyring."""
        self._run(["--import", path]).check()

    def verify(self, signature: str, source: Optional[str]) -> Verdict:
        """``source`` is what was signed, None where it is in the same file."""
        done = self._run(["--status-fd", "1", "--verify", signature] + ([source] if source else []))
        verdict = read_status(done.stdout)
        return verdict if verdict.good or verdict.problems else Verdict(frozenset(), ("is none (%s)" % last_line(done.stderr),))

    def _secret(self, name: str) -> Secret:
        done = self._run(["--with-colons", "--fixed-list-mode", "--list-secret-keys", "--", name])
        found = read_secret(done.stdout)
        if done.rc != 0 or not found:
            raise KeyUnusable("the keyring %s has no secret key %s: give the fingerprint of one that it has (gpg --homedir %s --list-secret-keys)" % (
                self._home, name, self._home), key=name)
        if len(found) > 1:
            raise KeyUnusable("the keyring %s has several secret keys that are meant by %s: give the fingerprint of one: %s" % (
                self._home, name, ", ".join(sorted(key.fingerprint for key in found))), key=name)
        if found[0].problem:
            raise KeyUnusable("the key %s (%s) %s: extend it, or sign with another" % (name, found[0].fingerprint, found[0].problem), key=name)
        return found[0]

    def _sign(self, keys: Sequence[str], how: List[str], source: str, target: str) -> None:
        temporary = "%s/.new-%s" % (os.path.dirname(target), os.path.basename(target))
        try:
            self._run(self._by(keys) + ["--yes", "--output", temporary] + how + [source]).check()
            move_over(temporary, target)
        finally:
            remove_file(temporary)

    @staticmethod
    def _by(keys: Sequence[str]) -> List[str]:
        users = [word for key in keys for word in ("--local-user", key)]
        return ["--personal-digest-preferences", "SHA512 SHA256"] + users

    def _run(self, args: List[str], stdin: str = "") -> Completed:
        return self._runner.run(["gpg", "--batch", "--no-tty", "--quiet", "--homedir", self._home, "--pinentry-mode", "loopback"] + args,
                                limit=self._deadline.left, stdin=stdin)


def read_secret(text: str) -> List[Secret]:
    """From ``--list-secret-keys --with-colons``, the primary keys. Pure."""
    found: List[Secret] = []
    key: Optional[List[str]] = None
    for fields in (line.split(":") for line in text.splitlines()):
        if fields[0] == "sec":
            key = fields
        elif fields[0] == "fpr" and key is not None:
            problem = _NO_KEY.get(key[1]) or ("" if "S" in key[11] else "can't sign")
            found.append(Secret(fields[9], int(key[5] or 0), problem))
            key = None
    return found


def read_status(text: str) -> Verdict:
    """From ``--status-fd`` of a verification. Pure."""
    good: Set[str] = set()
    problems: List[str] = []
    state = ""
    for words in (line.split() for line in text.splitlines()):
        if len(words) < 3 or words[0] != "[GNUPG:]":
            continue
        if words[1] in _BAD:
            problems.append("%s (key %s)" % (_BAD[words[1]], words[2]))
        if words[1] in _BAD or words[1] == "GOODSIG":
            state = words[1]
        elif words[1] == "VALIDSIG" and state == "GOODSIG":
            good.add(words[-1])
    return Verdict(frozenset(good), tuple(problems))


def body(clearsigned: str) -> str:
    """What a clearsigned text says; its signatures are not looked at. Pure."""
    lines = clearsigned.split("\n")
    try:
        begin = lines.index("", lines.index("-----BEGIN PGP SIGNED MESSAGE-----"))
        end = lines.index("-----BEGIN PGP SIGNATURE-----")
    except ValueError:
        return ""
    return "".join(line[2:] + "\n" if line.startswith("- ") else line + "\n" for line in lines[begin + 1:end])


def _keys(fingerprints: Sequence[str]) -> str:
    return "the key %s" % fingerprints[0] if len(fingerprints) == 1 else "one of the keys %s" % ", ".join(fingerprints)
