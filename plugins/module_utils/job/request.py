# Copyright (c) 2026, fleetops.patchtrain contributors
# BSD-2-Clause license (see LICENSES/BSD-2-Clause.txt or https://opensource.org/licenses/BSD-2-Clause)
# SPDX-License-Identifier: BSD-2-Clause
"""What a job is asked to do, and its written form. Pure."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Dict, List, Mapping, Optional

from ..packages.manager import Rules
from ..packages.records import Selection, Wanted
from .files import Document

INSTALL, REPAIR = "install", "repair"

PASSED_ON = tuple(name for word in ("http_proxy", "https_proxy", "ftp_proxy", "no_proxy") for name in (word, word.upper()))
"""Variables of the task's environment that the job gets too: without them a host behind a proxy downloads nothing."""


@dataclass(frozen=True)
class Request:
    """One job. ``deadline`` is epoch seconds: after it no transaction begins. ``timeout`` bounds what can be given up:
    refreshing, downloading, and the time until packages begin to change. With the digest of a ``release`` the packages are those
    that bring the host there, and the selection's other criteria do not count. ``assess`` is whether what is pending is looked at, too."""

    kind: str = INSTALL
    manager: str = "auto"
    selection: Selection = field(default_factory=Selection)
    rules: Rules = field(default_factory=lambda: Rules((), ()))
    refresh: bool = False
    download_only: bool = False
    keep_config: bool = True
    expect_digest: Optional[str] = None
    release: Optional[str] = None
    unknown_packages: str = "keep"
    deadline: Optional[float] = None
    timeout: float = 3600.0
    lock_timeout: float = 600.0
    assess: bool = True
    environment: Mapping[str, str] = field(default_factory=dict)

    def to_spec(self) -> Document:
        """``what`` identifies the job; the limits, and whether to assess, may be others when somebody comes back to it, and do not count then."""
        return {
            "what": {
                "kind": self.kind, "manager": self.manager, "selection": self.selection.to_dict(),
                "rules": {"security": list(self.rules.security), "known": list(self.rules.known)},
                "refresh": self.refresh, "download_only": self.download_only, "keep_config": self.keep_config,
                "expect_digest": self.expect_digest, "release": self.release, "unknown_packages": self.unknown_packages,
            },
            "limits": {"deadline": self.deadline, "timeout": self.timeout, "lock_timeout": self.lock_timeout, "assess": self.assess},
            "environment": dict(self.environment),
        }


def from_spec(spec: Document) -> Request:
    what, limits = spec["what"], spec["limits"]
    return Request(
        kind=what["kind"], manager=what["manager"], selection=_selection(what["selection"]),
        rules=Rules(tuple(what["rules"]["security"]), tuple(what["rules"]["known"])),
        refresh=what["refresh"], download_only=what["download_only"], keep_config=what["keep_config"],
        expect_digest=what["expect_digest"], release=what.get("release"),
        unknown_packages=what.get("unknown_packages", "keep"), deadline=limits["deadline"], timeout=limits["timeout"],
        lock_timeout=limits["lock_timeout"], assess=limits.get("assess", True), environment=spec["environment"])


def differences(one: Document, other: Document) -> List[str]:
    """In which options two specs ask for different things."""
    left, right = _flat(one["what"]), _flat(other["what"])
    return sorted(key for key in set(left) | set(right) if left.get(key) != right.get(key))


def passed_on(environment: Mapping[str, str]) -> Dict[str, str]:
    return {name: environment[name] for name in PASSED_ON if name in environment}


def _flat(what: Document) -> Document:
    return dict({key: value for key, value in what.items() if key != "selection"}, **what["selection"])


def _selection(data: Mapping[str, Any]) -> Selection:
    wanted = data["packages"]
    return Selection(
        classifications=tuple(data["classifications"]), include=tuple(data["include"]), exclude=tuple(data["exclude"]),
        packages=None if wanted is None else tuple(Wanted(w["name"], w["arch"], w["version"]) for w in wanted),
        security_level=data["security_level"], allow_downgrade=data["allow_downgrade"], allow_removals=data["allow_removals"])
