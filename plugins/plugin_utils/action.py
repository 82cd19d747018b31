# Copyright (c) 2026, fleetops.patchtrain contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What all action plugins of the collection share: one way in, one way out.

An action returns its result or raises a ``PatchtrainError``; the error becomes a failed result of the same shape, so
that ``rescue`` sees it.
"""

from __future__ import annotations

from typing import Any, Dict, Iterable, Mapping, Optional, Type

from ansible.plugins.action import ActionBase

from ..module_utils.errors import BadInput, PatchtrainError
from .book import HostBook, NotTargeted, open_ledger
from .ledger.connections import kept
from .places import place
from .remote import Remote
from .report.text import clean_block, clean_line
from .settings import Settings
from .variables import patch_variables, refuse_stray_words


class PatchtrainAction(ActionBase):  # type: ignore[misc]
    """Base of the action plugins. ``act`` does the work."""

    _supports_check_mode = True
    _supports_async = False

    variables: Mapping[str, Any]
    _settings: Optional[Settings] = None
    kept_book: Optional[HostBook] = None
    """Of a task that does many steps: what grows with the hosts of a run is read once."""

    def run(self, tmp: Any = None, task_vars: Optional[Dict[str, Any]] = None) -> Dict[str, Any]:
        result: Dict[str, Any] = super().run(task_vars=task_vars)
        self.variables = task_vars or {}
        try:
            refuse_stray_words(self.variables)
            with kept():
                result.update(self.act())
        except NotTargeted as error:
            result.update(skipped=True, host_state="not_targeted", granted=False, reason=error.message, msg=error.message)
        except PatchtrainError as error:
            result.update(error.as_result(), failed=True)
        result.setdefault("changed", False)
        result.setdefault("failed", False)
        return _harmless(result)

    def cleanup(self, force: bool = False) -> None:
        """When the task is over, whatever became of its host."""
        if self._connection._shell.tmpdir:
            self.remote().clear()

    def act(self) -> Dict[str, Any]:
        """Do the work and return the result; raise a ``PatchtrainError`` on failure."""
        raise NotImplementedError

    @property
    def host(self) -> str:
        return str(self.variables["inventory_hostname"])

    @property
    def columns(self) -> int:
        """How wide the terminal is; Ansible's own lines are as wide."""
        return int(self._display.columns)

    def warn(self, text: str) -> None:
        """On the terminal, whatever a host may have said in it."""
        self._display.warning(clean_line(text))

    @property
    def checking(self) -> bool:
        return bool(self._task.check_mode)

    def argument(self, name: str, default: Any = None) -> Any:
        return self._task.args.get(name, default)

    def one_of(self, name: str, choices: Iterable[str]) -> str:
        """An argument that has to be one of ``choices``; ``BadInput`` names them where it isn't."""
        value = self.needed(name)
        if value not in (known := list(choices)):
            raise BadInput("%s: %s is not known: use one of %s" % (name, value, ", ".join(known)))
        return value

    def needed(self, name: str) -> str:
        """A string argument that has to be there; ``BadInput`` where it isn't."""
        value = self._task.args.get(name)
        if value in (None, ""):
            raise BadInput("%s needs %s" % (self._task.action, name))
        return str(value)

    def settings(self) -> Settings:
        """The ``patch_*`` variables of this task's host, checked. They are looked at once in a task."""
        if self._settings is None:
            self._settings = Settings.from_variables(patch_variables(self.variables, self._templar), self.host)
        return self._settings

    def settings_of(self, host: str) -> Settings:
        """Those of any host of the inventory."""
        known = self.variables["hostvars"]
        return self.settings() if host not in known else Settings.from_variables(patch_variables(known[host]), host)

    def as_other(self, kind: "Type[PatchtrainAction]", **args: Any) -> Dict[str, Any]:
        """What another action of the collection returns in place of this one, in the same task; its error is raised."""
        other, mine = object.__new__(kind), self._task.args
        other.__dict__.update(self.__dict__)
        self._task.args = args
        try:
            return other.act()
        finally:
            self._task.args = mine
            # As after a task: the next one may find the host rebooted, and the folder gone.
            self.cleanup()

    def remote(self) -> Remote:
        """The task's own host."""
        return Remote(self, self.variables, self.host)

    def reach(self, name: str) -> Remote:
        """Any host of the inventory."""
        return place(self, self.variables, name)

    def book(self) -> HostBook:
        """This host in the run that ``run_id`` names; ``NotTargeted`` where the run is not for it."""
        if self.kept_book is not None:
            return self.kept_book
        book = HostBook(open_ledger(self.settings().patch_ledger), self.needed("run_id"), self.host)
        if book.left_out:
            raise NotTargeted(book.left_out)
        return book


def _harmless(result: Dict[str, Any]) -> Dict[str, Any]:
    """Ansible prints a failure's message as it is, and what a host said may be in it. From core 2.19 on a failed module's result has it twice: the
    object beside ``msg`` is what is printed, unless only a traceback stands there."""
    trace = result.pop("exception", None)
    if not isinstance(trace, str):
        trace = getattr(getattr(trace, "event", None), "formatted_traceback", None)
    known = {"msg": result.get("msg"), "exception": trace}
    return dict(result, **{key: clean_block(text) for key, text in known.items() if isinstance(text, str)})
