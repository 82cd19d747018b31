# Copyright (c) 2026, fleetops.patchtrain contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Other places than the task's own host: the load balancer, the cluster peer, the controller.

``delegate_to`` gives a task one place; a drain may need several, walked in order by one action. A place is reached as Ansible
would reach it as the task's host, from its own inventory variables.
"""

from __future__ import annotations

import copy
from typing import Any, Dict, Mapping

from ansible import constants as C
from ansible.errors import AnsibleError
from ansible.plugins.action import ActionBase
from ansible.plugins.loader import become_loader, connection_loader
from ansible.module_utils.parsing.convert_bool import boolean

from ..module_utils.errors import BadInput
from ..module_utils.text import first_line
from .remote import Remote


def place(action: ActionBase, task_vars: Mapping[str, Any], name: str) -> Remote:
    """The place called ``name`` in the inventory (``localhost`` is always there). Raises ``BadInput`` for an unknown one."""
    if name == task_vars.get("inventory_hostname"):
        # Also the task's own host may be asked in a process beside the task's, which knows nothing of what was sent then.
        return Remote(action, task_vars, name, is_place=True)
    try:
        return _reached(action, _variables_of(task_vars, name), name)
    except AnsibleError as error:
        # Otherwise it would end the task for all hosts, where it is the hosts of this place that can't be drained.
        raise BadInput("%s can't be asked as a place, by its variables in the inventory: %s" % (name, first_line(str(error))), place=name) from error


def _reached(action: ActionBase, variables: Mapping[str, Any], name: str) -> Remote:
    there = copy.copy(action)
    there._task = _undelegated(action._task)
    there._play_context = _play_context(action, variables, name)
    there._connection = _connection(action, there._play_context, variables)
    return Remote(there, variables, name, is_place=True)


def _variables_of(task_vars: Mapping[str, Any], name: str) -> Dict[str, Any]:
    hostvars = task_vars["hostvars"]
    if name not in hostvars:
        raise BadInput("%r is not in the inventory: name a host of it, or localhost" % name, place=name)
    found = hostvars[name]
    variables = {key: found[key] for key in found if key.startswith("ansible_")}
    if name == "localhost" and "ansible_connection" not in variables:
        variables.update(ansible_connection="local", ansible_python_interpreter=task_vars["ansible_playbook_python"])
    return variables


def _undelegated(task: Any) -> Any:
    changed = copy.copy(task)
    changed.delegate_to = None
    return changed


def _play_context(action: ActionBase, variables: Mapping[str, Any], name: str) -> Any:
    context = copy.copy(action._play_context)
    context.connection = variables.get("ansible_connection") or action._task.connection or "ssh"
    context.remote_addr = variables.get("ansible_host", name)
    context.remote_user = variables.get("ansible_user") or action._task.remote_user
    context.port = variables.get("ansible_port")
    context.executable = variables.get("ansible_shell_executable", C.DEFAULT_EXECUTABLE)
    return context


def _connection(action: ActionBase, context: Any, variables: Mapping[str, Any]) -> Any:
    connection = connection_loader.get(context.connection, context, new_stdin=None, task_uuid=action._task._uuid)
    if connection is None:
        raise BadInput("there is no connection plugin %r" % context.connection)
    keys = dict(action._task.dump_attrs(), timeout=context.timeout, remote_user=context.remote_user)
    keys.pop("retries", None)
    _set_options(connection, "connection", variables, keys)
    _set_options(connection._shell, "shell", variables, keys)
    _set_become(action, connection, variables, keys)
    return connection


def _set_become(action: ActionBase, connection: Any, variables: Mapping[str, Any], keys: Dict[str, Any]) -> None:
    if not _wants_become(action, variables):
        connection.set_become_plugin(None)
        return
    method = variables.get("ansible_become_method") or action._task.become_method or "sudo"
    plugin = become_loader.get(method)
    if plugin is None:
        raise BadInput("there is no become plugin %r" % method)
    connection.set_become_plugin(plugin)
    if action._play_context.become_pass:
        keys = dict(keys, become_pass=action._play_context.become_pass)
    _set_options(plugin, "become", variables, keys)


def _wants_become(action: ActionBase, variables: Mapping[str, Any]) -> bool:
    wanted = variables.get("ansible_become", action._task.become)
    try:
        return bool(wanted and boolean(wanted))
    except TypeError:
        raise AnsibleError("ansible_become is %s: use true or false" % wanted) from None


def _set_options(plugin: Any, kind: str, variables: Mapping[str, Any], keys: Mapping[str, Any]) -> None:
    names = C.config.get_plugin_vars(kind, plugin._load_name)
    plugin.set_options(task_keys=keys, var_options={name: variables[name] for name in names if name in variables})
