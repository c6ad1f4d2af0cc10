/**
 * A change of the configuration at run time, with its lines in the audit file.
 *
 * @module
 */

import type { Audit, AuditedOperation } from "../audit/audit.ts";
import { messageOf } from "../base/message_of.ts";
import type { ReloadReport } from "../config/changes.ts";

/** By which way a reload was asked for. */
export type ReloadRequest = "SIGHUP" | "agent.ReloadConfig";

const OPERATIONS: Readonly<Record<ReloadRequest, AuditedOperation>> = {
  SIGHUP: { who: "signal", what: "SIGHUP", target: {} },
  "agent.ReloadConfig": { who: "monitor", what: "agent.ReloadConfig", target: {} },
};

/**
 * Reloads the configuration, and records before and after it that this was done, by whom, and which
 * keys changed.
 *
 * @throws What `reload` throws.
 * @throws {RpcError} when the audit is required and cannot be written.
 */
export async function auditedReload(
  audit: Audit,
  request: ReloadRequest,
  reload: () => Promise<ReloadReport>,
): Promise<ReloadReport> {
  const entry = await audit.begin(OPERATIONS[request]);
  let report: ReloadReport;
  try {
    report = await reload();
  } catch (error) {
    await entry.end({ reason: messageOf(error) }).catch(() => {});
    throw error;
  }
  const { source: config, changed, needRestart: need_restart } = report;
  await entry.end({ details: { config, changed, need_restart } });
  return report;
}
