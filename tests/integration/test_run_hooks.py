# Copyright (c) 2026, fleetops.patchtrain contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The run's own hooks, in plays of all shapes, and the two examples of docs/hooks.md against a listener on loopback. No host is touched."""

from __future__ import annotations

import json
import re
import threading
import time
from collections.abc import Iterator
from datetime import datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from canned import Canned

from copy_checkout import ROOT


POINTS = ("before", "after", "on_stop", "on_first_failure")
WRITE = """
- name: Write down what the hook was told
  ansible.builtin.lineinfile:
    path: "%s"
    line: "%s {{ patch_run_summary.state }} {{ patch_run_summary.counts | to_json }}"
    create: true
    mode: "0600"
"""


@pytest.fixture
def fleet(tmp_path: Path) -> Canned:
    return Canned(tmp_path / "fleet")


def hooks(fleet: Canned, **texts: str) -> dict[str, str]:
    """All four hooks, each of which writes a line, or as given."""
    said = fleet.folder / "said"
    return {"patch_run_hook_" + point: str(fleet.write("run_%s.yml" % point, texts.get(point) or WRITE % (said, point))) for point in POINTS}


def said(fleet: Canned) -> list[str]:
    path = fleet.folder / "said"
    return [line.split()[0] for line in path.read_text().splitlines()] if path.exists() else []


def of_the_ledger(fleet: Canned) -> list[tuple[str, str]]:
    found = fleet.ask("SELECT detail FROM events WHERE action = 'run_hook_ended' ORDER BY id")
    return [(detail["point"], detail["outcome"]) for detail in (json.loads(text) for (text,) in found)]


@pytest.mark.parametrize("words", [(), ("--limit", "h1,h2")])
def test_each_hook_is_done_once_on_the_controller_also_with_a_limit(fleet: Canned, words: tuple[str, ...]) -> None:
    done = fleet.play("fleetops.patchtrain.patch", *words, patch_max_unavailable=4, **hooks(fleet))
    assert done.rc == 0, done.text
    assert said(fleet) == ["before", "after"] and of_the_ledger(fleet) == [("before", "ok"), ("after", "ok")]
    lines = (fleet.folder / "said").read_text()
    assert 'before running {"waiting": %d}' % (2 if words else 4) in lines and 'after succeeded {"succeeded"' in lines


@pytest.mark.parametrize("strategy", ["linear", "host_pinned", "free"])
def test_a_play_of_ones_own_does_them_too_under_any_strategy(fleet: Canned, strategy: str) -> None:
    fleet.say(h1={"install": "dpkg broke"}, h2={"install": "dpkg broke"})
    done = fleet.play(fleet.role(strategy=strategy), patch_max_unavailable=4, patch_max_failed=4, **hooks(fleet))
    assert done.rc != 0 and sorted(fleet.states().values()) == ["failed", "failed", "succeeded", "succeeded"], done.text
    assert said(fleet) == ["before", "on_first_failure", "after"], done.text


def test_a_hook_before_the_run_that_fails_refuses_it_in_one_line(fleet: Canned) -> None:
    refusing = "- name: Ask the change calendar\n  ansible.builtin.fail: {msg: no changes tonight}\n"
    done = fleet.play(**hooks(fleet, before=refusing))
    assert done.rc != 0 and "nothing was touched: its hook before the run failed: Ask the change calendar: no changes tonight" in done.text, done.text
    assert fleet.ask("SELECT count(*) FROM steps") == [(0,)] and set(fleet.states().values()) == {"not_started"} and fleet.runs() == ["failed"]
    assert len(re.findall(r"fatal: \[h\d\]: ", done.text)) == 1


@pytest.mark.parametrize("point", ["after", "on_first_failure"])
def test_another_hook_that_fails_is_told_and_changes_nothing(fleet: Canned, point: str) -> None:
    fleet.say(h1={"install": "dpkg broke"})
    broken = "- name: Tell\n  ansible.builtin.fail: {msg: nobody listens}\n"
    done = fleet.play(patch_max_unavailable=4, patch_max_failed=4, **hooks(fleet, **{point: broken}))
    assert "hook %s of run" % point in done.text and "Tell: nobody listens" in " ".join(done.text.split()), done.text
    assert (point, "failed") in of_the_ledger(fleet) and len(of_the_ledger(fleet)) == 3
    assert fleet.states() == {"h1": "failed", "h2": "succeeded", "h3": "succeeded", "h4": "succeeded"}


def test_a_hook_that_can_not_be_used_refuses_the_run_when_it_opens(fleet: Canned) -> None:
    done = fleet.play(**hooks(fleet, on_stop="- no_such_module_at_all: {}\n"))
    assert done.rc != 0 and "no_such_module_at_all" in done.text and fleet.runs() == []


def test_in_check_mode_nobody_is_told(fleet: Canned) -> None:
    done = fleet.play("fleetops.patchtrain.patch", "--check", **hooks(fleet))
    assert done.rc == 0 and said(fleet) == [], done.text


# --- the examples of the documentation


class Listener:
    """A chat, and a monitoring that keeps silences."""

    def __init__(self) -> None:
        self.told: list[dict[str, Any]] = []
        self.silences: dict[str, dict[str, Any]] = {}
        self.log: list[str] = []
        self.server = ThreadingHTTPServer(("127.0.0.1", 0), self._handler())
        self.url = "http://127.0.0.1:%d" % self.server.server_address[1]
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        listener = self

        class Handler(BaseHTTPRequestHandler):
            def answer(self, document: Any) -> None:
                body = json.dumps(document).encode()
                self.send_response(200)
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def do_POST(self) -> None:
                found = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
                if self.path == "/chat":
                    listener.told.append(found)
                    return self.answer({})
                host = found["matchers"][0]["value"]
                listener.log.append("silent " + host)
                listener.silences["id-" + host] = found
                return self.answer({"silenceID": "id-" + host})

            def do_GET(self) -> None:
                self.answer([dict(silence, id=key) for key, silence in listener.silences.items() if silence["matchers"][0]["value"] in self.path])

            def do_DELETE(self) -> None:
                listener.log.append("heard " + self.path.rpartition("id-")[2])
                self.answer({})

            def log_message(self, *words: Any) -> None:
                pass
        return Handler


@pytest.fixture
def listener() -> Iterator[Listener]:
    found = Listener()
    yield found
    found.server.shutdown()
    found.server.server_close()


def example(fleet: Canned, name: str) -> str:
    """One of the examples, exactly as documented."""
    text = (ROOT / "docs" / "hooks.md").read_text()
    found = re.search(r"<!-- example: %s -->\n```yaml\n(.*?)```" % re.escape(name), text, re.DOTALL)
    assert found, name
    return str(fleet.write(name, found.group(1)))


def test_the_webhook_tells_the_first_failure_and_the_end(fleet: Canned, listener: Listener) -> None:
    fleet.say(h1={"install": "dpkg broke {{ 1 + 1 }}"})
    webhook = example(fleet, "webhook.yml")
    fleet.play(patch_max_unavailable=1, patch_canaries=["h1"], patch_change_id="CHG7", webhook_url=listener.url + "/chat",
               patch_run_hook_after=webhook, patch_run_hook_on_first_failure=webhook)
    first, last = listener.told
    assert " running: " in first["text"] and " failed: " in last["text"] and '"not_started": 3' in last["text"]
    assert (first["failed"], first["change"]) == (["h1"], "CHG7")


def test_a_silence_spans_drain_to_restore_and_expires_by_itself(fleet: Canned, listener: Listener) -> None:
    fleet.say(h2={"install": "dpkg broke"})
    fleet.play(patch_hosts="h1,h2", patch_max_unavailable=1, patch_canaries=["h1"], alertmanager_url=listener.url,
               patch_hook_before_drain=example(fleet, "silence.yml"), patch_hook_after_restore=example(fleet, "unsilence.yml"))
    assert fleet.states() == {"h1": "succeeded", "h2": "failed"}
    assert listener.log == ["silent h1", "heard h1", "silent h2"], "what stays drained is silent until the silence ends by itself"
    times = [datetime.strptime(listener.silences["id-h2"][key], "%Y-%m-%dT%H:%M:%SZ") for key in ("startsAt", "endsAt")]
    assert (times[1] - times[0]).total_seconds() == 5400


# --- stop, and a controller that is killed


def in_the_middle(fleet: Canned, **variables: Any) -> Any:
    """A run in which a host is installing until ``install.hold`` is gone."""
    fleet.write("install.hold", "")
    process = fleet.start("fleetops.patchtrain.patch", patch_max_unavailable=1, patch_run_name="night", **variables)
    deadline = time.monotonic() + 60
    while not (fleet.folder / "install.reached").exists() and time.monotonic() < deadline:
        time.sleep(0.05)
    return process


def test_a_run_that_is_stopped_says_so_after_its_end(fleet: Canned) -> None:
    process = in_the_middle(fleet, **hooks(fleet))
    stopped = fleet.play("fleetops.patchtrain.control", control="stopped")
    (fleet.folder / "install.hold").unlink()
    done = fleet.finish(process)
    assert fleet.runs() == ["stopped"], stopped.text + done.text
    assert said(fleet) == ["before", "on_stop", "after"] and "on_stop stopped" in (fleet.folder / "said").read_text()


def test_a_run_that_is_gone_on_with_does_not_repeat_a_hook(fleet: Canned) -> None:
    process = in_the_middle(fleet, **hooks(fleet))
    process.kill()
    process.communicate(timeout=60)
    (fleet.folder / "install.hold").unlink()
    done = fleet.play(patch_max_unavailable=1, patch_run_name="night", **hooks(fleet))
    assert done.rc == 0 and fleet.runs() == ["succeeded"], done.text
    assert said(fleet) == ["before", "after"]
