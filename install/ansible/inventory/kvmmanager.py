"""The VMs of this host as an inventory for Ansible; see docs/ansible.md."""

DOCUMENTATION = """
name: kvmmanager
short_description: The VMs of this host that have an agent
description:
  - Lists VMs with C(kvmmanager-ctl list --json), and connects to them with the connection
    plugin of the same name.
  - The inventory's file has to be called C(kvmmanager.yml), or end with it.
options:
  plugin:
    description: The name of this plugin.
    required: true
    choices: [kvmmanager]
  ctl:
    description: The program C(kvmmanager-ctl) and options for each of its calls, as words.
    default: kvmmanager-ctl
    env:
      - name: KVMMANAGER_CTL
  only_ready:
    description: Whether VMs whose agent does not answer are left out.
    type: bool
    default: true
  remote_tmp:
    description: A directory below which the guests' C(allowed_write_paths) allow writing.
    default: /tmp/kvmmanager/.ansible
extends_documentation_fragment:
  - constructed
"""

EXAMPLES = """
# kvmmanager.yml
plugin: kvmmanager
keyed_groups:
  - prefix: os
    key: kvmmanager_system.os_name
groups:
  busy: kvmmanager_system.load_average[0] > kvmmanager_system.cpu_count
"""

import json
import shlex
import subprocess

from ansible.errors import AnsibleParserError
from ansible.plugins.inventory import BaseInventoryPlugin, Constructable

GROUP = "kvmmanager"


class InventoryModule(BaseInventoryPlugin, Constructable):
    """One host for each VM."""

    NAME = "kvmmanager"

    def verify_file(self, path):
        """Whether the file is one of ours, by its name."""
        return super().verify_file(path) and path.endswith(("kvmmanager.yml", "kvmmanager.yaml"))

    def parse(self, inventory, loader, path, cache=True):
        """Adds the VMs to the inventory."""
        super().parse(inventory, loader, path, cache)
        self._read_config_data(path)
        ctl = shlex.split(self.get_option("ctl"))
        rows = self._list(ctl)
        names = [row["name"] for row in rows]
        inventory.add_group(GROUP)
        for row in rows:
            if self.get_option("only_ready") and row["state"] != "ready":
                continue
            # A name that two VMs have names neither.
            is_unique = names.count(row["name"]) == 1
            self._add(row, row["name"] if is_unique else row["socket"])

    def _list(self, ctl):
        command = [*ctl, "list", "--json"]
        try:
            done = subprocess.run(command, capture_output=True, text=True, check=False)
        except OSError as error:
            raise AnsibleParserError(f"cannot run {command[0]}: {error}") from error
        if done.returncode != 0:
            raise AnsibleParserError(done.stderr.strip() or f"{shlex.join(command)} failed")
        if done.stderr.strip():
            self.display.warning(done.stderr.strip())
        return json.loads(done.stdout)

    def _add(self, row, host):
        self.inventory.add_host(host, group=GROUP)
        variables = {
            "ansible_connection": "kvmmanager",
            "ansible_kvmmanager_ctl": self.get_option("ctl"),
            # Fewer calls for a task; what keeps it off elsewhere, sudo's requiretty, is not here.
            "ansible_kvmmanager_pipelining": True,
            "ansible_kvmmanager_socket": row["socket"],
            "ansible_remote_tmp": self.get_option("remote_tmp"),
            "kvmmanager_state": row["state"],
            "kvmmanager_system": row.get("system", {}),
            "kvmmanager_address": row.get("address"),
        }
        for name, value in variables.items():
            self.inventory.set_variable(host, name, value)
        strict = self.get_option("strict")
        known = self.inventory.get_host(host).get_vars()
        self._set_composite_vars(self.get_option("compose"), known, host, strict=strict)
        self._add_host_to_composed_groups(self.get_option("groups"), known, host, strict=strict)
        self._add_host_to_keyed_groups(self.get_option("keyed_groups"), known, host, strict=strict)
