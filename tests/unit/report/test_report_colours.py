# Copyright (c) 2026, fleetops.patchtrain contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Every text has the contrast that WCAG 2 AA asks for (4.5 to 1), light and dark, on every ground that it stands on."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from ansible_collections.fleetops.patchtrain.plugins.plugin_utils.report import as_html

_CSS = (Path(as_html.__file__).parent / "page" / "page.css").read_text()
_GROUNDS = ("bg", "panel", "raised")
_TONES = ("ok", "warn", "bad", "unknown", "busy", "idle")
_PAIRS = [
    *((ink, ground) for ink in ("ink", "quiet", "bad", "warn", "ok", "busy", "accent") for ground in _GROUNDS),
    *((tone, f"{tone}-bg") for tone in _TONES),
]
_MARKS = [(f"{tone}-mark", "panel") for tone in ("ok", "warn", "bad", "unknown", "busy")]


def palette(scheme: str) -> dict[str, str]:
    light, dark = re.findall(r":root \{(.*?)\}", _CSS, re.DOTALL)[:2]
    colours = dict(re.findall(r"--([\w-]+): (#[0-9a-f]{6});", light))
    return colours if scheme == "light" else {**colours, **dict(re.findall(r"--([\w-]+): (#[0-9a-f]{6});", dark))}


def luminance(colour: str) -> float:
    parts = [int(colour[index:index + 2], 16) / 255 for index in (1, 3, 5)]
    linear = [part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def contrast(one: str, other: str) -> float:
    low, high = sorted((luminance(one), luminance(other)))
    return (high + 0.05) / (low + 0.05)


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize(("ink", "ground"), _PAIRS)
def test_text_can_be_read(scheme: str, ink: str, ground: str) -> None:
    colours = palette(scheme)
    assert contrast(colours[ink], colours[ground]) >= 4.5


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize(("mark", "ground"), _MARKS)
def test_marks_can_be_told_from_the_ground(scheme: str, mark: str, ground: str) -> None:
    colours = palette(scheme)
    assert contrast(colours[mark], colours[ground]) >= 3
