/**
 * Reloads the configuration and audits it.
 *
 * @module
 */

import type { Audit, AuditedOperation } from "../audit/audit.ts";
import { messageOf } from "../base/message_of.ts";
import type { ReloadReport } from "../config/changes.ts";

/** What triggered a reload. */
export type ReloadRequest = "SIGHUP" | "paramchange" | "agent.ReloadConfig";

const OPERATIONS: Readonly<Record<ReloadRequest, AuditedOperation>> = {
  SIGHUP: { who: "signal", what: "SIGHUP", target: {} },
  paramchange: { who: "signal", what: "paramchange", target: {} },
  "agent.ReloadConfig": { who: "monitor", what: "agent.ReloadConfig", target: {} },
};

/**
 * Reloads the configuration, and records beforehand and afterwards who reloaded it and which keys
 * changed.
 *
 * @throws What `reload` throws.
 * @throws {RpcError} if the audit is required and cannot be written.
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
