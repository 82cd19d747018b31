# Copyright (c) 2026, fleetops.patchtrain contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is asked of the action ``release``, checked, and the means to do it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ansible.module_utils.common.arg_spec import ArgumentSpecValidator

from ...module_utils.errors import BadInput
from ..ledger.engine import Ledger
from ..ledger.rows import Release
from ..prepared import selection_arguments
from ..remote import Remote
from ..scheduling.names import STAGE, check_release_name
from ..settings import Settings
from .publishing import Place
from .resolve import resolve

Result = dict[str, Any]

_STRINGS = {"type": "list", "elements": "str"}
_REPOSITORY = {
    "host": {"type": "str", "required": True}, "root": {"type": "str", "default": "/srv/patchtrain"}, "url": {"type": "str", "default": ""},
    "signing_keys": dict(_STRINGS, default=[]), "gpg_home": {"type": "str", "default": "/root/.gnupg"}}
_GATE = {"hosts": dict(_STRINGS, required=True), "hours": {"type": "float", "default": 0}, "max_age": {"type": "float", "default": 86400}}
STATES = ("captured", "derived", "approved", "published", "promoted", "put_back", "compared", "surveyed", "verified", "signed", "deleted", "listed")
SPEC: dict[str, Any] = {
    "state": {"type": "str", "required": True, "choices": list(STATES)}, "name": {"type": "str", "default": ""}, "hosts": _STRINGS,
    "exclude": dict(_STRINGS, default=[]), "include_unsourced": {"type": "bool", "default": False}, "parent": {"type": "str", "default": ""},
    "include": dict(_STRINGS, default=[]), "evidence": {"type": "str", "default": ""}, "approver": {"type": "str", "default": ""},
    "repository": {"type": "dict", "options": _REPOSITORY}, "stage": {"type": "str", "default": ""}, "stages": dict(_STRINGS, default=[]),
    "gate": {"type": "dict", "options": _GATE}, "force": {"type": "bool", "default": False}, "reason": {"type": "str", "default": ""},
    "with_release": {"type": "str", "default": ""}, "with_host": {"type": "str", "default": ""}, "timeout": {"type": "float", "default": 3600}}


def checked(arguments: Mapping[str, Any]) -> Result:
    """The arguments with their defaults; ``BadInput`` says what is wrong with them."""
    # An optional dict that a variable leaves empty is one that is not given.
    given = {key: value for key, value in arguments.items() if not (key in ("repository", "gate") and not value)}
    result = ArgumentSpecValidator(SPEC).validate(given)
    if result.error_messages:
        raise BadInput("release: %s" % "; ".join(result.error_messages))
    parameters: Result = result.validated_parameters
    return parameters


@dataclass(frozen=True)
class Order:
    """``targets`` are the hosts of the play. In check mode (``checking``) the ledger and the repository stay as they are."""

    ledger: Ledger
    reach: Callable[[str], Remote]
    settings_of: Callable[[str], Settings]
    actor: str
    checking: bool
    targets: Sequence[str]
    args: Mapping[str, Any]

    @property
    def seconds(self) -> float:
        return float(self.args["timeout"])

    @property
    def hosts(self) -> list[str]:
        named = self.args["hosts"]
        return list(self.targets if named is None else named)

    def classifying(self, host: str) -> dict[str, Any]:
        """By which package manager and patterns a host's updates are classified, as arguments of its modules."""
        wanted = selection_arguments(self.settings_of(host))
        return {key: wanted[key] for key in ("manager", "security_patterns", "known_patterns") if key in wanted}

    def needed(self, name: str) -> str:
        if not self.args[name]:
            raise BadInput("release: state=%s needs %s (release_%s in playbooks)" % (self.args["state"], name, name), option=name)
        return str(self.args[name])

    def new_name(self) -> str:
        name = self.needed("name")
        if name.startswith(STAGE):
            raise BadInput("release: state=%s needs the name of a release, and %s is a stage" % (self.args["state"], name))
        return check_release_name(name, "name of a release")

    def release(self, option: str = "name") -> Release:
        return resolve(self.ledger, self.needed(option))

    def place(self, url: bool = False, keys: bool = False) -> Place:
        """The repository host; ``BadInput`` names what is not said of it."""
        given = self.args["repository"]
        if not given:
            raise BadInput("release: state=%s needs repository (release_repository in playbooks), with host, root%s" % (
                self.args["state"], ", url and signing_keys" if url else ""))
        if url and not given["url"].startswith(("https://", "http://", "file:///")):
            raise BadInput("release: repository.url %r has to begin with https://, http:// or file:///" % given["url"])
        if keys and not given["signing_keys"]:
            raise BadInput("release: state=%s needs repository.signing_keys: hosts accept nothing that is not signed" % self.args["state"])
        return Place(given["host"], given["root"].rstrip("/"), given["url"].rstrip("/"), tuple(given["signing_keys"]), given["gpg_home"], self.seconds)

    def excused(self) -> bool:
        """Whether rules may be broken: only with a reason."""
        if self.args["force"] and not self.args["reason"]:
            raise BadInput("release: force needs a reason (release_reason in playbooks), which is recorded")
        return bool(self.args["force"])
