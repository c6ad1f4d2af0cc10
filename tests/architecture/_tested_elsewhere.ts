/**
 * Files with logic that have no test at their own path, and the test that covers each.
 *
 * A new file gets a test at its path: `lib/a/b.ts` has `tests/lib/a/b_test.ts`. This list is for
 * parts that cannot be tested alone, because they only work together with their users.
 *
 * @module
 */

/** A file, or a folder that ends in a slash, and its test. */
export const TESTED_ELSEWHERE: Readonly<Record<string, string>> = {
  "host/connect.ts": "tests/host/client_test.ts",
  "host/errors.ts": "tests/host/client_test.ts",
  "host/incoming.ts": "tests/host/client_test.ts",
  "host/member.ts": "tests/host/pool_test.ts",
  "host/overview.ts": "tests/host/top/top_test.ts",
  "host/owner.ts": "tests/host/lock_test.ts",
  "host/sleep.ts": "tests/host/pool_test.ts",
  "host/hostd_client.ts": "tests/host/ctl/hostd_test.ts",
  "host/hostd_pool.ts": "tests/host/ctl/hostd_test.ts",
  "host/daemon/clients.ts": "tests/host/daemon/session_test.ts",
  "host/daemon/errors.ts": "tests/host/daemon/session_test.ts",
  "host/daemon/main.ts": "tests/host/daemon/daemon_test.ts",
  "host/daemon/own_methods.ts": "tests/host/daemon/session_test.ts",
  "host/daemon/vm_calls.ts": "tests/host/daemon/session_test.ts",
  "lib/base/notify_socket.ts": "tests/lib/platform/linux/service_manager_test.ts",
  "host/ctl/": "tests/host/ctl/commands_test.ts",
  "host/daemon/exporter/families.ts": "tests/host/daemon/exporter/exporter_test.ts",
  "host/daemon/exporter/page.ts": "tests/host/daemon/exporter/exporter_test.ts",
  "host/top/": "tests/host/top/top_test.ts",
  "host/jobs/": "tests/host/ctl/jobs_test.ts",
  "host/transfer/": "tests/host/transfer/transfer_test.ts",

  "lib/base/close_quietly.ts": "tests/lib/channel/conformance_test.ts",
  "lib/channel/channel.ts": "tests/lib/channel/conformance_test.ts",
  "lib/channel/dialect.ts": "tests/lib/channel/host_link_test.ts",
  "lib/core/call_id.ts": "tests/lib/core/caller_test.ts",
  "lib/config/events.ts": "tests/lib/config/schema_test.ts",
  "lib/core/outcome.ts": "tests/lib/core/executor_test.ts",
  "lib/config/posix_forms.ts": "tests/lib/config/schema_test.ts",
  "lib/platform/name_page.ts": "tests/lib/platform/linux/files/list_directory_test.ts",
  // Only real deno.exe runs what calls Windows.
  "lib/platform/windows/files/": "tests/windows/inside/files_test.ts",
  "lib/platform/windows/config/mod.ts": "tests/windows/inside/config_test.ts",
  "lib/platform/windows/folders.ts": "tests/windows/inside/config_test.ts",
  "lib/platform/windows/registry/read_key.ts": "tests/windows/inside/config_test.ts",
  "handlers/jobs/": "tests/agent/jobs_test.ts",
  "handlers/qga/": "tests/agent/qga_test.ts",
  "lib/core/jobs/": "tests/agent/jobs_test.ts",
  "lib/core/event_cursor.ts": "tests/lib/core/event_journal_test.ts",
  "lib/core/stored_event.ts": "tests/lib/core/event_journal_test.ts",
  "lib/platform/linux/processes/command_tree.ts": "tests/vm/flows_test.ts",
  "lib/platform/linux/processes/end_groups.ts":
    "tests/lib/platform/linux/processes/run_child_test.ts",
  "lib/platform/processes/interruption.ts": "tests/lib/platform/linux/processes/run_child_test.ts",
  "lib/platform/processes/run_tree.ts": "tests/lib/platform/linux/processes/run_child_test.ts",
  "lib/platform/processes/pipe_reader.ts": "tests/lib/platform/processes/capture_test.ts",
  "lib/platform/channel/reopening.ts": "tests/agent/device_test.ts",
  "lib/platform/linux/processes/start_child.ts": "tests/agent/jobs_test.ts",
  "lib/platform/linux/processes/start_command.ts": "tests/agent/jobs_test.ts",
  "lib/platform/linux/processes/terminal.ts": "tests/agent/terminals_test.ts",
  "lib/dialects/qga/": "tests/lib/dialects/qga/parser_test.ts",
  "lib/platform/linux/facts/inventory/mod.ts": "tests/qga/differential_test.ts",
  "lib/dialects/jsonrpc/conversation.ts": "tests/lib/core/executor_test.ts",
  "lib/dialects/jsonrpc/dialect.ts": "tests/lib/channel/serve_connection_test.ts",
  "lib/dialects/jsonrpc/replies.ts": "tests/lib/core/executor_test.ts",

  "lib/platform/linux/state/disk_folder.ts":
    "tests/lib/platform/linux/state/state_directory_test.ts",
  "lib/platform/linux/state/disk_segments.ts":
    "tests/lib/platform/linux/state/state_directory_test.ts",
  "lib/platform/state/memory_folder.ts": "tests/lib/platform/linux/state/state_directory_test.ts",
  "lib/platform/state/memory_segments.ts": "tests/lib/platform/state/spool_test.ts",
  "lib/platform/linux/state/open_readers.ts":
    "tests/lib/platform/linux/state/state_directory_test.ts",
  "lib/platform/state/memory_state.ts": "tests/lib/platform/linux/state/state_directory_test.ts",
  "lib/platform/state/names.ts": "tests/lib/platform/linux/state/state_directory_test.ts",
  "lib/platform/state/records.ts": "tests/lib/platform/state/spool_test.ts",
  "lib/platform/state/segment_headers.ts": "tests/lib/platform/state/spool_test.ts",
  "lib/platform/state/spool_piece.ts": "tests/lib/platform/state/spool_test.ts",

  "lib/monitor/answer.ts": "tests/lib/monitor/monitor_test.ts",
  "lib/monitor/builtin/": "tests/lib/monitor/builtin_test.ts",
  "lib/monitor/reception.ts": "tests/lib/monitor/exchange_test.ts",
  "lib/monitor/request_memory.ts": "tests/lib/monitor/exchange_test.ts",

  "lib/platform/linux/doctor/": "tests/lib/platform/linux/doctor/judge_test.ts",
  "lib/platform/linux/channel/": "tests/lib/channel/conformance_test.ts",
  // Tested through answers about files, and through attacks.
  "lib/platform/linux/files/": "tests/handlers/files/file_methods_test.ts",
  "lib/platform/linux/logs/journal_cursor.ts": "tests/lib/platform/linux/logs/journal_test.ts",
  "lib/platform/linux/logs/journal_entries.ts": "tests/lib/platform/linux/logs/journal_test.ts",
  "lib/platform/linux/logs/journalctl.ts": "tests/lib/platform/linux/logs/journal_test.ts",
  "lib/platform/linux/logs/last_lines.ts": "tests/lib/platform/linux/logs/log_file_test.ts",
  "lib/platform/linux/logs/log_bytes.ts": "tests/lib/platform/linux/logs/log_file_test.ts",
  "lib/platform/linux/logs/log_files.ts": "tests/lib/platform/linux/logs/log_file_test.ts",
  "lib/platform/linux/logs/log_place.ts": "tests/lib/platform/linux/logs/log_file_test.ts",
  "lib/platform/linux/logs/log_search.ts": "tests/lib/platform/linux/logs/log_file_test.ts",
  "lib/platform/linux/logs/mod.ts": "tests/handlers/logs/log_read_test.ts",
  "lib/platform/linux/privileged/ask.ts":
    "tests/lib/platform/linux/privileged/broker_client_test.ts",
  "lib/platform/linux/privileged/broker_link.ts":
    "tests/lib/platform/linux/privileged/broker_client_test.ts",
  "lib/platform/linux/privileged/freezer.ts":
    "tests/lib/platform/linux/privileged/freeze_session_test.ts",
  "lib/platform/linux/privileged/libc.ts":
    "tests/lib/platform/linux/privileged/freeze_session_test.ts",
  "lib/privileged/packages/": "tests/lib/privileged/packages/managers_test.ts",
  "lib/privileged/users/": "tests/lib/privileged/users/accounts_test.ts",
  "lib/privileged/ssh_keys/": "tests/lib/privileged/ssh_keys/authorized_keys_test.ts",
  "lib/privileged/fs_freeze.ts": "tests/handlers/filesystems/fs_freeze_test.ts",
  "lib/privileged/fs_thaw.ts": "tests/handlers/filesystems/fs_thaw_test.ts",
  "lib/privileged/fs_freeze_status.ts": "tests/handlers/filesystems/fs_freeze_status_test.ts",
  "lib/platform/linux/privileged/root_tools.ts":
    "tests/lib/platform/linux/privileged/broker_test.ts",
  "lib/platform/linux/permission_remedy.ts": "tests/lib/platform/linux/unix_socket_test.ts",
  "lib/platform/linux/proc/scripts.ts": "tests/lib/platform/linux/proc/mod_test.ts",
  "lib/platform/linux/processes/start_failure.ts":
    "tests/lib/platform/linux/processes/run_command_test.ts",

  "lib/platform/confinement.ts": "tests/lib/platform/linux/confinement_test.ts",
  "lib/platform/permissions.ts": "tests/lib/platform/linux/grants_test.ts",
  "lib/platform/linux/privileged/broker_choice.ts": "tests/agent/privileged_test.ts",

  "lib/platform/ask_monitor.ts": "tests/lib/platform/linux/monitor_client_test.ts",
  "lib/platform/windows/account_sid.ts": "tests/windows/inside/monitor_test.ts",
  "lib/platform/windows/channel/": "tests/windows/windows_test.ts",
  "lib/platform/windows/drives.ts": "tests/windows/inside/facts_test.ts",
  "lib/platform/windows/facts/": "tests/windows/inside/facts_test.ts",
  "lib/platform/windows/grants.ts": "tests/windows/windows_test.ts",
  "lib/platform/windows/guest.ts": "tests/windows/windows_test.ts",
  "lib/platform/windows/mod.ts": "tests/windows/windows_test.ts",
  "lib/platform/windows/monitor_client.ts": "tests/windows/inside/monitor_test.ts",
  "lib/platform/windows/monitor_pipe.ts": "tests/windows/inside/monitor_test.ts",
  "lib/platform/windows/overlapped.ts": "tests/windows/inside/monitor_test.ts",
  "lib/platform/windows/pipe.ts": "tests/windows/inside/monitor_test.ts",
  "lib/platform/windows/processes/": "tests/windows/inside/processes_test.ts",
  "lib/platform/windows/programs.ts": "tests/windows/inside/programs_test.ts",
  "lib/platform/windows/security_attributes.ts": "tests/windows/inside/monitor_test.ts",
  "lib/platform/windows/registry/write_key.ts": "tests/windows/windows_test.ts",
  "lib/platform/windows/service/": "tests/windows/windows_test.ts",
  "lib/platform/windows/watch.ts": "tests/windows/inside/facts_test.ts",
  "lib/platform/windows/ffi/": "tests/windows/inside/ffi_test.ts",
};
