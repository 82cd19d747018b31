# Copyright (c) 2026, fleetops.patchtrain contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The ``patch_*`` variables: what there is, by default what, and checked. Pure; whoever calls has templated them.

Each belongs to a host, or to the run as a whole; hosts of one run have to agree about the latter.
"""

from __future__ import annotations

import copy
import difflib
import json
import os
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field, fields
from typing import Any

from ..module_utils.errors import BadInput
from ..module_utils.packages.records import CLASSIFICATIONS
from . import setting_values as values
from .scheduling.names import check_deployment_name, check_release_reference, check_run_name
from .scheduling.states import HOST_FINAL

MANAGERS = ("auto", "apt", "dnf", "zypper")
FAIL_ON = [state for state in HOST_FINAL if state not in ("succeeded", "up_to_date")]
_DAY = 86400.0
_SHOWN = 60


def _host(default: Any, check: values.Check, about: str, run_wide: bool = False) -> Any:
    metadata = {"check": check, "about": about, "run_wide": run_wide}
    if isinstance(default, (list, dict)):
        return field(default_factory=lambda: copy.copy(default), metadata=metadata)  # pylint: disable=invalid-field-call
    return field(default=default, metadata=metadata)  # pylint: disable=invalid-field-call


def _run(default: Any, check: values.Check, about: str) -> Any:
    return _host(default, check, about, run_wide=True)


# What a step may take beyond its limit: questions that were asked within it are waited for.
INSTALL_MARGIN, PLACE_MARGIN, REBOOT_MARGIN, GATE_MARGIN = 212.0, 60.0, 70.0, 60.0


@dataclass(frozen=True)
class Settings:
    """The settings of one host. None, and for text the empty one, is: not set."""

    # who, what, where to
    patch_deployment: str = _run("patch", values.named(check_deployment_name), "name of the deployment; part of the run's default name")
    patch_run_name: str | None = _run(None, values.named(check_run_name), "name of the run; by default the deployment's with the time")
    patch_change_id: str = _run("", values.text, "number of the change request; recorded with the run and every control action")
    patch_ledger: str | None = _run(None, values.text, "path or SQLAlchemy URL of the ledger")
    patch_report_dir: str | None = _run(None, values.text, "where reports are written, in a folder a run")

    # how many at once, in which order, until when
    patch_max_unavailable: int | str | None = _run(
        None, values.amount, "hosts out of service at once, a number or a percentage of the set in the inventory, rounded down; "
        "by default 1, under a linear strategy the batch; hosts for which patch_budgets has a limit have no default")
    patch_budgets: list[dict[str, Any]] = _run([], values.budgets, "disruption budgets beside patch_max_unavailable, for sets of hosts that an "
                                               "expression over their variables tells apart: name, max_unavailable, per, exclusive, within")
    patch_scope: str = _run("", values.expression, "JMESPath expression over a host's variables and what the ledger knows of it; hosts for which it "
                            "is false or null when the run opens are not targeted; empty: all are")
    patch_from_blocked: str = _run("", values.named(check_run_name), "name of a run: only those of the play's hosts are targeted that ended blocked in it")
    patch_max_failed: int | str = _run(0, values.amount, "hosts that may fail before no further one is started, a number or a percentage")
    patch_canaries: int | list[str] = _run(0, values.canaries, "hosts that go first, and stop the roll if one fails or none is patched: how many, or which")
    patch_fail_on: list[str] = _run(["failed", "unreachable", "not_started", "blocked"], values.words_of(FAIL_ON),
                                    "final states of hosts for which the run is called failed")
    patch_slot_timeout: float = _run(14400.0, values.seconds, "seconds that a host waits for its slot, without those for its window to open, for "
                                     "patch_canary_soak or patch_blocker_checks, or while the run is paused; 0: no waiting")
    patch_lease: float = _run(7200.0, values.limit, "seconds for which the run's controller is taken to live after it was last heard of, by controllers on "
                              "other machines; longer than any step of a host and any task of a hook")
    patch_window: dict[str, Any] = _run({}, values.window, "when hosts may be touched: start, recurrence (an RRULE), duration, timezone (a name, or host), "
                                        "freeze (calendars), wait; empty: at any time")
    patch_timezone: str = _host("", values.zone, "the host's own time zone, for a window whose timezone is host")
    patch_estimate_default: float = _host(900.0, values.limit, "seconds that a host without history is taken to be out of service, without a reboot")
    patch_estimate_reboot: float = _host(300.0, values.seconds, "seconds kept for the reboot of a host whose reboots are not on record")
    patch_blocker_checks: list[dict[str, Any]] = _run([], values.checks, "checks (url, tcp, command) that the controller makes before each host's turn; while "
                                                      "one fails, no further host is started")
    patch_canary_soak: float = _run(0.0, values.seconds, "seconds for which the canaries are watched before the other hosts go")
    patch_soak: float = _host(0.0, values.seconds, "seconds that a restored host keeps its slot")
    patch_fail_host: bool = _host(True, values.truth, "whether the role fails a host that ended in a state of patch_fail_on")

    # what is installed
    patch_classifications: list[str] = _host(list(CLASSIFICATIONS), values.some_of(CLASSIFICATIONS), "which kinds of updates are asked for")
    patch_include: list[str] = _host([], values.words, "only these: globs over names, ids of advisories and CVEs")
    patch_exclude: list[str] = _host([], values.words, "none of these: globs over names, ids of advisories and CVEs")
    patch_security_level: str = _host("latest", values.one_of("latest", "minimal"),
                                      "latest: the newest version, minimal: the lowest with the security fix")
    patch_allow_downgrade: bool = _host(False, values.truth, "whether a package may go to a lower version")
    patch_allow_removals: bool = _host(False, values.truth, "whether packages may be removed")
    patch_keep_config: bool = _host(True, values.truth, "whether changed configuration files are kept as they are")
    patch_package_manager: str = _host("auto", values.one_of(*MANAGERS), "which package manager; auto: the host's own")
    patch_security_patterns: list[str] = _host([], values.words, "apt: sources whose updates are security; empty: Debian's and Ubuntu's")
    patch_known_patterns: list[str] = _host([], values.words, "apt: sources whose other updates are known not to be; empty: the same")
    patch_refresh: bool = _host(True, values.truth, "whether the sources' metadata is fetched before assessing")
    patch_reboot: str = _host("if_required", values.one_of("never", "if_required", "always"), "whether the host is rebooted")

    # to which level, instead of whatever the sources have now
    patch_release: str = _host("", values.named(check_release_reference), "name of the release that the host is brought to exactly, or "
                               "stage:NAME for the one that a stage points to when the run opens; empty: what the sources have")
    patch_unknown_packages: str = _host("keep", values.one_of("keep", "hold", "fail"),
                                        "what becomes of packages that the release does not know")
    patch_passthrough: list[str] = _host([], values.words, "globs over ids, addresses and file names of sources that stay visible beside a "
                                         "release's own")
    patch_package_gpgcheck: bool = _host(False, values.truth, "dnf, zypper: whether packages of a release need their vendor's signature too; the "
                                         "signed index holds their checksums")
    patch_release_ca: str = _host("", values.text, "path on the controller of a PEM with the certificates of the authority that vouches for the https server "
                                  "of releases, for their source alone; empty: whom the host trusts")
    patch_rollback: str = _run("", values.text, "name of the run whose changes are taken back instead of anything being updated")

    # how long things may take, in seconds
    patch_refresh_timeout: float = _host(300.0, values.limit, "for fetching metadata")
    patch_prepare_timeout: float = _host(3600.0, values.limit, "for assessing a host and downloading its updates")
    patch_lock_timeout: float = _host(600.0, values.limit, "for other package managers on the host to end")
    patch_drain_timeout: float = _host(300.0, values.limit, "for a host to have no work left, at each place")
    patch_install_timeout: float = _host(3600.0, values.limit, "for the installation")
    patch_reboot_timeout: float = _host(600.0, values.limit, "for the host to come back")
    patch_reconnect_timeout: float = _host(300.0, values.limit, "for a host whose connection was lost during the installation")
    patch_hook_task_timeout: float = _run(600.0, values.limit, "for each task of a hook that has no timeout of its own")

    # maintenance mode and hooks
    patch_maintenance: list[dict[str, Any]] = _host([], values.places, "where the host is taken out of service: driver, place, host, "
                                                    "timeout, options")
    patch_hooks_dir: str | None = _run(None, values.text, "what hooks are relative to; by default the caller's directory")
    patch_hook_before_drain: str = _host("", values.text, "task file")
    patch_hook_after_drain: str = _host("", values.text, "task file")
    patch_hook_before_restore: str = _host("", values.text, "task file")
    patch_hook_after_restore: str = _host("", values.text, "task file")
    patch_run_hook_before: str = _run("", values.text, "task file, on the controller: after the run has opened and before anything is prepared; a failure "
                                                       "refuses the run")
    patch_run_hook_after: str = _run("", values.text, "task file, on the controller: after the run has ended, however it did")
    patch_run_hook_on_stop: str = _run("", values.text, "task file, on the controller: after the run has ended because it was stopped")
    patch_run_hook_on_first_failure: str = _run("", values.text, "task file, on the controller: as soon as the first host has failed")

    # what is tried again
    patch_retries: int | dict[str, int] = _host(0, values.retries, "how often a step that failed for a reason of patch_retry_on is tried again: a number, or "
                                                "one for each of prepare, drain, install, gate, restore")
    patch_retry_on: list[str] = _host(list(values.RETRIED), values.words_of(values.REASONS), "reasons for which a step is tried again: lock, fetch (nothing "
                                      "was installed yet), timeout, lost (but for an installation, which is attached to), packages, health")
    patch_retry_delay: float = _host(10.0, values.pause, "seconds before a step is tried again, 300 at most")
    patch_rounds: int = _host(1, values.rounds, "how often a host is installed on until nothing that was asked for is pending; not for releases and "
                              "rollbacks, which are exact")
    patch_reboot_before: bool = _host(False, values.truth, "whether a reboot that is due already is done before the installation, where patch_reboot allows it")

    # health
    patch_health_settle: float = _host(10.0, values.seconds, "seconds for which nothing may change before the health gate decides")
    patch_health_timeout: float = _host(300.0, values.limit, "seconds for the health gate to be passed")
    patch_health_ignore: list[str] = _host([], values.words, "globs over what the health gate does not look at")
    patch_health_checks: list[dict[str, Any]] = _host([], values.checks, "the deployment's own checks: url, tcp, unit, command, cluster")

    # what counts as compliant
    patch_assessment_max_age: float = _run(7 * _DAY, values.limit, "seconds after which an assessment says nothing any more")
    patch_compliance_classifications: list[str] = _run(["security", "unknown"], values.words_of(CLASSIFICATIONS),
                                                       "pending updates of these kinds make a host not compliant")

    @classmethod
    def from_variables(cls, variables: Mapping[str, Any], host: str = "") -> Settings:
        """The settings among ``variables`` (others are left alone), each checked; ``BadInput`` names the variable and the host."""
        settings = cls(**{name: _checked(name, variables[name], host) for name in NAMES if _is_set(name, variables)})
        if settings.patch_health_settle >= settings.patch_health_timeout:
            raise _bad("patch_health_settle", settings.patch_health_settle, host,
                       "use less than patch_health_timeout, which is %g" % settings.patch_health_timeout)
        longest, limit = max((limit, name) for name, limit in settings._uninterrupted().items())[::-1]
        if settings.patch_lease <= limit:
            raise _bad("patch_lease", settings.patch_lease, host, "use more than %g, for which a host may be in one step by %s" % (limit, longest))
        return settings

    def _uninterrupted(self) -> dict[str, float]:
        """Seconds for which a host's step may keep the controller busy, by the setting that limits it."""
        installs = self.patch_install_timeout + self.patch_reconnect_timeout + INSTALL_MARGIN
        drains = max([self.patch_drain_timeout, *(float(place.get("timeout", 0)) for place in self.patch_maintenance)]) * 2 + PLACE_MARGIN
        return {"patch_hook_task_timeout": self.patch_hook_task_timeout, "patch_prepare_timeout": self.patch_prepare_timeout,
                "patch_install_timeout": installs, "patch_reboot_timeout": self.patch_reboot_timeout + REBOOT_MARGIN, "patch_drain_timeout": drains,
                "patch_health_timeout": self.patch_health_timeout + GATE_MARGIN, "patch_soak": self.patch_soak}

    def for_record(self) -> dict[str, Any]:
        """All settings as JSON-serialisable data, without passwords."""
        found: dict[str, Any] = values.without_secrets(asdict(self))
        return found


_FIELDS = {f.name: f for f in fields(Settings)}
NAMES = tuple(_FIELDS)
RUN_WIDE = tuple(name for name, f in _FIELDS.items() if f.metadata["run_wide"])


def agree(per_host: Mapping[str, Mapping[str, Any]]) -> dict[str, Any]:
    """The run-wide settings, which all hosts must have alike; ``BadInput`` names two hosts that don't, and both values."""
    found = {}
    for name in RUN_WIDE:
        seen = {host: _value(name, variables, host) for host, variables in per_host.items()}
        for host, value in seen.items():
            first = next(iter(seen))
            if value != seen[first]:
                raise BadInput("%s is %s on %s and %s on %s: it is of the whole run, so set it alike for all its hosts" % (
                    name, _told(name, per_host[first]), first, _told(name, per_host[host]), host), name=name, hosts=[first, host])
            found[name] = value
    return found


def refuse_misspelt(names: Iterable[str], known: Sequence[str] = NAMES) -> None:
    """``BadInput`` names what begins as ``known`` names do and is nearly one of them: a limit that nobody reads is none."""
    first = os.path.commonprefix(list(known))
    strangers = sorted({str(name) for name in names if str(name).startswith(first[:3])} - set(known))
    near = ((name, difflib.get_close_matches(name, known, 1, 0.88)) for name in strangers)
    lines = ["%s is not a setting: did you mean %s?" % (name, found[0]) for name, found in near if found]
    if lines:
        raise BadInput(" ".join(lines) + " (What is meant for something else needs another name.)")


def described() -> list[dict[str, Any]]:
    """Every setting: ``name``, ``default``, ``about``, ``run_wide``, ``choices``; for documentation, and for tests that compare it."""
    defaults = asdict(Settings())
    return [{"name": name, "default": defaults[name], "about": f.metadata["about"], "run_wide": f.metadata["run_wide"],
             "choices": values.choices(f.metadata["check"])} for name, f in _FIELDS.items()]


def _is_set(name: str, variables: Mapping[str, Any]) -> bool:
    value = variables.get(name)
    return value is not None and not (value == "" and _FIELDS[name].default in (None, ""))


def _checked(name: str, value: Any, host: str) -> Any:
    try:
        return _FIELDS[name].metadata["check"](values.plain(value))
    except values.Wrong as wrong:
        raise _bad(name, value, host, str(wrong)) from None


def _value(name: str, variables: Mapping[str, Any], host: str) -> Any:
    return _checked(name, variables[name], host) if _is_set(name, variables) else getattr(Settings(), name)


def _bad(name: str, value: Any, host: str, advice: str) -> BadInput:
    return BadInput("%s is %s%s: %s" % (name, _shown(value), " (host %s)" % host if host else "", advice), name=name, host=host)


def _told(name: str, variables: Mapping[str, Any]) -> str:
    return _shown(variables[name]) if _is_set(name, variables) else "not set"


def _shown(value: Any) -> str:
    """One short line of JSON, in which nothing breaks a terminal."""
    try:
        shown = json.dumps(values.without_secrets(values.plain(value)))
    except values.Wrong:
        shown = "a " + type(value).__name__
    return shown if len(shown) <= _SHOWN else shown[:_SHOWN] + "..."
