# Copyright (c) 2026, fleetops.patchtrain contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a value of a setting may be. Pure: every check returns a plain value, or raises ``Wrong`` with what to use instead.

Values come as YAML, as ``-e key=value`` strings, and since ansible-core 2.19 as tagged subclasses of ``str``, ``int`` and so on.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Collection, Mapping
from datetime import date
from typing import Any

from ..module_utils.errors import BadInput
from .scheduling.budget import parse_amount
from .scheduling.expressions import compiled
from .scheduling.rules import parse_rules
from .scheduling.windows import zone_of
from .scheduling.windows_parse import parse_window

Check = Callable[[Any], Any]

STEPS = ("prepare", "drain", "install", "gate", "restore")
RETRIED = ("lock", "fetch", "timeout", "lost")
REASONS = (*RETRIED, "packages", "health")
_MOST = 100
_LONGEST_PAUSE = 300.0

_TRUE = ("true", "yes", "on", "1", "y", "t")
_FALSE = ("false", "no", "off", "0", "n", "f")
_PASSWORD = re.compile(r"(//[^/\s:@]*):[^/\s@]+@")
_SECRET = re.compile(r"pass(word|wd|phrase)|secret|token|authorization|cookie|api_?key|private_?key", re.IGNORECASE)


class Wrong(Exception):
    """A value that is none; the text says what to use."""


def plain(value: Any) -> Any:
    """The value as nothing but ``dict``, ``list``, ``str``, ``int``, ``float``, ``bool`` and None."""
    if value is None or isinstance(value, bool):
        return value
    if isinstance(value, str):
        return str.__str__(value)
    if isinstance(value, int):
        return int(value)
    if isinstance(value, float):
        return float(value)
    if isinstance(value, date):  # as YAML reads 2026-12-24, and times with their seconds
        return value.isoformat()
    if isinstance(value, Mapping):
        return {plain(key): plain(item) for key, item in value.items()}
    if isinstance(value, (list, tuple, set, frozenset)):
        return [plain(item) for item in value]
    raise Wrong("use plain text, a number, a list or a mapping, not a %s" % type(value).__name__)


def without_secrets(value: Any) -> Any:
    """A plain value for the record: no password of a URL, nothing under a key that names a secret."""
    if isinstance(value, dict):
        return {key: "***" if _SECRET.search(str(key)) else without_secrets(item) for key, item in value.items()}
    if isinstance(value, list):
        return [without_secrets(item) for item in value]
    return _PASSWORD.sub(r"\1:***@", value) if isinstance(value, str) else value


def text(value: Any) -> str:
    if isinstance(value, (str, int, float)) and not isinstance(value, bool) and "\0" not in str(value):
        return str(value)
    raise Wrong("use text")


def choices(check: Check) -> tuple[str, ...]:
    """The words that a check knows, empty where it takes any."""
    return tuple(check.__dict__.get("choices", ()))


def _offering(check: Check, known: Collection[str]) -> Check:
    check.__dict__["choices"] = tuple(known)
    return check


def one_of(*words: str) -> Check:
    def check(value: Any) -> str:
        if value in words:
            return str(value)
        raise Wrong("use " + _alternatives(words))
    return _offering(check, words)


def truth(value: Any) -> bool:
    if isinstance(value, bool):
        return value
    if str(value).lower() in _TRUE:
        return True
    if str(value).lower() in _FALSE:
        return False
    raise Wrong("use true or false")


def seconds(value: Any) -> float:
    """A number of seconds, none included."""
    return _number(value, 0.0, "use a number of seconds, 0 or more")


def limit(value: Any) -> float:
    """A number of seconds that something may take."""
    return _number(value, 1.0, "use a number of seconds, 1 or more")


def pause(value: Any) -> float:
    """A number of seconds that a host may be kept waiting for while it is out of service."""
    found = seconds(value)
    if found > _LONGEST_PAUSE:
        raise Wrong("use %g seconds or less" % _LONGEST_PAUSE)
    return found


def _count(value: Any, least: int) -> int:
    if re.fullmatch(r"[0-9]{1,3}", str(value)) and not isinstance(value, bool) and least <= int(value) <= _MOST:
        return int(value)
    raise Wrong("use a whole number from %d to %d" % (least, _MOST))


def rounds(value: Any) -> int:
    return _count(value, 1)


def retries(value: Any) -> Any:
    """One number for every step, or one for each of some."""
    if not isinstance(value, dict):
        return _count(value, 0)
    strangers = sorted(str(key) for key in value if key not in STEPS)
    if strangers:
        raise Wrong("use the steps %s, not %s" % (", ".join(STEPS), strangers[0]))
    return {str(step): _count(number, 0) for step, number in value.items()}


def amount(value: Any) -> Any:
    """A count of hosts or a percentage, as it was written; a count as a number."""
    try:
        parsed = parse_amount(value, "")
    except BadInput:
        raise Wrong('use a number of hosts, for example 2, or a percentage, for example "25%"') from None
    return parsed.text if parsed.count is None else parsed.count


def canaries(value: Any) -> Any:
    """How many, or which."""
    if isinstance(value, (int, str)) and not isinstance(value, bool) and re.fullmatch(r"[0-9]{1,6}", str(value)):
        return int(value)
    if isinstance(value, (list, str)):
        return words(value)
    raise Wrong("use a number of hosts, or a list of hosts")


def words(value: Any) -> list[str]:
    """A list of texts; one text is a list separated by commas, as on a command line."""
    items = value.split(",") if isinstance(value, str) else value
    if not isinstance(items, list) or any(isinstance(i, bool) or not isinstance(i, (str, int, float)) for i in items):
        raise Wrong("use a list of texts")
    return [found for found in (str(item).strip() for item in items) if found]


def words_of(known: Collection[str]) -> Check:
    def check(value: Any) -> list[str]:
        found = words(value)
        if set(found) <= set(known):
            return list(dict.fromkeys(found))
        raise Wrong("use a list of " + _alternatives(tuple(known)))
    return _offering(check, known)


def some_of(known: Collection[str]) -> Check:
    """As ``words_of``, but at least one."""
    def check(value: Any) -> list[str]:
        found: list[str] = words_of(known)(value)
        if found:
            return found
        raise Wrong("use at least one of " + _alternatives(tuple(known)))
    return _offering(check, known)


def mappings(value: Any) -> list[dict[str, Any]]:
    if isinstance(value, list) and all(isinstance(item, dict) for item in value):
        return value
    raise Wrong("use a list of mappings")


def checks(value: Any) -> list[dict[str, Any]]:
    """Checks of one kind each; their options are for the health gate to judge."""
    kinds = ("url", "tcp", "unit", "command", "cluster")
    found = mappings(value)
    if any(sum(kind in entry for kind in kinds) != 1 for entry in found):
        raise Wrong("use entries with exactly one of " + _alternatives(kinds))
    return found


def places(value: Any) -> list[dict[str, Any]]:
    """Where and by which driver a host is taken out of service."""
    found = mappings(value)
    for entry in found:
        if not isinstance(entry.get("driver"), str) or not entry["driver"]:
            raise Wrong("use entries with a driver, for example {driver: haproxy, place: lb1}")
        if not isinstance(entry.get("options", {}), dict):
            raise Wrong("use a mapping for the options of driver %s" % entry["driver"])
        unknown = sorted(str(key) for key in set(entry) - {"driver", "place", "host", "timeout", "options"})
        if unknown:
            raise Wrong("use the keys driver, place, host, timeout and options (what is the driver's own goes under options), not "
                        + unknown[0])
        if "timeout" in entry:
            limit(entry["timeout"])
    return found


def budgets(value: Any) -> list[dict[str, Any]]:
    """Disruption budgets; of what is wrong with one, the rules' own words are told."""
    found = mappings(value)
    try:
        parse_rules(found)
    except BadInput as error:
        raise Wrong(error.message) from None
    return found


def expression(value: Any) -> str:
    """A JMESPath expression; empty for none."""
    found = text(value)
    try:
        return found and compiled(found).text
    except BadInput as error:
        raise Wrong("use a JMESPath expression: %s" % error.message) from None


def window(value: Any) -> dict[str, Any]:
    """When hosts may be touched; calendars are read when the run opens."""
    if not isinstance(value, dict):
        raise Wrong("use a mapping of start, recurrence, duration and timezone")
    try:
        parse_window(value, None)
    except BadInput as error:
        raise Wrong(error.message) from None
    return value


def zone(value: Any) -> str:
    """A time zone; empty for none."""
    found = text(value)
    try:
        return found and zone_of(found, "this").key
    except BadInput:
        raise Wrong("use a name from the time zone database, for example Europe/Berlin or UTC") from None


def named(check: Callable[[str], str]) -> Check:
    """A name that ``scheduling.names`` accepts."""
    def checked(value: Any) -> str:
        try:
            return check(text(value))
        except BadInput as error:
            raise Wrong(error.message.partition("can't be a name: ")[2]) from None
    return checked


def _number(value: Any, least: float, advice: str) -> float:
    try:
        found = math.nan if isinstance(value, bool) else float(value)
    except (TypeError, ValueError):
        raise Wrong(advice) from None
    if not least <= found < math.inf:
        raise Wrong(advice)
    return found


def _alternatives(words: tuple[str, ...]) -> str:
    return words[0] if len(words) == 1 else ", ".join(words[:-1]) + " or " + words[-1]
