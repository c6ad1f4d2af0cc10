"""Runs Ansible's tasks in a KVM guest through kvmmanager-ctl; see docs/ansible.md."""

DOCUMENTATION = """
name: kvmmanager
short_description: Runs tasks in a KVM guest, without a network
description:
  - Runs commands and copies files through the guest's kvmmanager-agent, with C(kvmmanager-ctl).
  - The guest needs no network, no SSH server and no account; it needs Python for most modules.
options:
  remote_addr:
    description: The VM's name.
    default: inventory_hostname
    vars:
      - name: inventory_hostname
      - name: ansible_host
  socket:
    description: The socket of the VM's channel, instead of its name.
    vars:
      - name: ansible_kvmmanager_socket
  ctl:
    description: The program C(kvmmanager-ctl) and options for each of its calls, as words.
    default: kvmmanager-ctl
    env:
      - name: KVMMANAGER_CTL
    vars:
      - name: ansible_kvmmanager_ctl
  command_timeout:
    description:
      - Seconds until a task's program is killed, at most the guest's C(jobs.max_seconds).
    type: int
    default: 3600
    vars:
      - name: ansible_kvmmanager_timeout
  pipelining:
    vars:
      - name: ansible_kvmmanager_pipelining
extends_documentation_fragment:
  - connection_pipelining
"""

import shlex
import subprocess

from ansible.errors import AnsibleConnectionFailure, AnsibleError, AnsibleFileNotFound
from ansible.module_utils.common.text.converters import to_bytes, to_text
from ansible.plugins.connection import ConnectionBase

# Exit statuses of "kvmmanager-ctl exec" that are not the program's, if it says so.
UNREACHABLE = 125
NOT_STARTED = (122, 124, 126, 127)
PREFIX = b"kvmmanager-ctl: "


class Connection(ConnectionBase):
    """One process of kvmmanager-ctl for each command and file."""

    transport = "kvmmanager"
    has_pipelining = True
    has_tty = False

    def _connect(self):
        # Each call connects by itself, so that other programs get their turn in between.
        self._connected = True
        return self

    def exec_command(self, cmd, in_data=None, sudoable=True):
        """Runs a shell command; returns its status, output and error output."""
        super().exec_command(cmd, in_data=in_data, sudoable=sudoable)
        options = ["--timeout", str(self.get_option("command_timeout"))]
        if in_data is None:
            options.append("--no-stdin")
        words = [*options, "--", "/bin/sh", "-c", to_text(cmd, errors="surrogate_or_strict")]
        status, output, errors = self._ctl("exec", words, in_data)
        message = _last_message(errors)
        if message is not None and status == UNREACHABLE:
            raise AnsibleConnectionFailure(message)
        if message is not None and status in NOT_STARTED:
            raise AnsibleError(message)
        return status, output, errors

    def put_file(self, in_path, out_path):
        """Copies a file to the guest."""
        super().put_file(in_path, out_path)
        self._copy("push", [in_path, out_path])

    def fetch_file(self, in_path, out_path):
        """Copies a file from the guest."""
        super().fetch_file(in_path, out_path)
        self._copy("pull", [in_path, out_path])

    def close(self):
        """Nothing stays open."""
        self._connected = False

    def _copy(self, verb, paths):
        words = ["--quiet", "--", *(to_text(path, errors="surrogate_or_strict") for path in paths)]
        status, _output, errors = self._ctl(verb, words)
        if status == 0:
            return
        message = _last_message(errors) or to_text(errors)
        if status == 2:
            raise AnsibleConnectionFailure(message)
        if status == 74:
            raise AnsibleFileNotFound(message)
        raise AnsibleError(f"{verb} {paths[0]} to {paths[1]}: {message}")

    def _ctl(self, verb, words, in_data=None):
        socket = self.get_option("socket")
        target = ["--socket", socket] if socket else ["--domain", self.get_option("remote_addr")]
        command = [*shlex.split(self.get_option("ctl")), verb, *target, *words]
        try:
            done = subprocess.run(
                [to_bytes(word, errors="surrogate_or_strict") for word in command],
                input=to_bytes(in_data) if in_data is not None else b"",
                capture_output=True,
                check=False,
            )
        except OSError as error:
            raise AnsibleConnectionFailure(
                f"cannot run {command[0]}: {error}; ansible_kvmmanager_ctl names the program"
            ) from error
        return done.returncode, done.stdout, done.stderr


def _last_message(errors):
    """What kvmmanager-ctl itself said last; None if it said nothing."""
    lines = [line for line in errors.splitlines() if line.startswith(PREFIX)]
    return to_text(lines[-1][len(PREFIX):]) if lines else None
