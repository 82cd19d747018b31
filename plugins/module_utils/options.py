# Copyright (c) 2026, fleetops.patchtrain contributors
# BSD-2-Clause license (see LICENSES/BSD-2-Clause.txt or https://opensource.org/licenses/BSD-2-Clause)
# SPDX-License-Identifier: BSD-2-Clause
"""Options inside a dict, of a maintenance driver or a health check: declared once, checked with one clear line each."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Callable, Dict, List, Mapping, Tuple

from .errors import BadInput


@dataclass(frozen=True)
class Option:
    """``check`` turns what was given into what is used, or raises ``ValueError`` whose text says what is wanted."""

    check: Callable[[Any], Any]
    default: Any = None
    required: bool = False


Options = Mapping[str, Option]


def checked(whose: str, options: Options, given: Mapping[str, Any]) -> Dict[str, Any]:
    """All options of ``whose``, for example ``driver haproxy``, defaults filled in; None counts as not given."""
    unknown = sorted(repr(str(key)) for key in given if key not in options)
    if unknown:
        raise BadInput("%s has no option %s; it has: %s" % (whose, ", ".join(unknown), ", ".join(sorted(options))),
                       options=unknown)
    return {name: _one(whose, name, option, given.get(name)) for name, option in options.items()}


def _one(whose: str, name: str, option: Option, value: Any) -> Any:
    if value is None:
        if option.required:
            raise BadInput("%s needs the option %s" % (whose, name), option=name)
        return option.default
    try:
        return option.check(value)
    except ValueError as error:
        raise BadInput("%s: option %s: %s" % (whose, name, error), option=name) from error


def argv(value: Any) -> List[str]:
    """A command as a list of words. A string is never split: where the words end is for its author to say."""
    if isinstance(value, str):
        raise ValueError("%r is a string; give the command as a list of words, for example [\"/usr/bin/tool\", \"--on\"]" % value)
    if not isinstance(value, (list, tuple)) or not value or not all(_is_word(word) for word in value):
        raise ValueError("%r is no command; give a list of words, for example [\"/usr/bin/tool\", \"--on\"]" % (value,))
    if not str(value[0]):
        raise ValueError("the first word, the program, is empty")
    return [str(word) for word in value]


def _is_word(value: Any) -> bool:
    return isinstance(value, (str, int, float)) and not isinstance(value, bool) and "\0" not in str(value)


def boolean(value: Any) -> bool:
    words = {"true": True, "yes": True, "false": False, "no": False}
    if isinstance(value, str) and value.lower() in words:
        return words[value.lower()]
    if not isinstance(value, bool):
        raise ValueError("%r is neither true nor false" % (value,))
    return value


def whole_number(value: Any) -> int:
    """A count, zero or more; a template gives it as text."""
    try:
        number = int(str(value))
    except ValueError:
        number = -1
    if isinstance(value, bool) or number < 0:
        raise ValueError("%r is no count; give a whole number, 0 or more" % (value,))
    return number


def seconds(value: Any) -> float:
    try:
        number = float(str(value))
    except ValueError:
        number = 0.0
    if isinstance(value, bool) or not 0 < number < float("inf"):
        raise ValueError("%r is no number of seconds above zero" % (value,))
    return number


def one_of(*words: str) -> Callable[[Any], str]:
    def check(value: Any) -> str:
        if value not in words:
            raise ValueError("%r is not one of %s" % (value, ", ".join(words)))
        return str(value)
    return check


def words(value: Any) -> Tuple[str, ...]:
    """One word or a list of them."""
    given = [value] if isinstance(value, str) else value
    if not isinstance(given, (list, tuple)) or not given or not all(isinstance(word, str) and word for word in given):
        raise ValueError("%r is neither a name nor a list of names" % (value,))
    return tuple(given)
