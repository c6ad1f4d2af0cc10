/**
 * The configuration file's keys, their rules and defaults (protocol, "Configuration").
 *
 * @module
 */

import * as z from "zod";
import { lazily } from "../base/lazily.ts";
import { EventsSchema } from "./events.ts";
import { DEFAULT_GROUPS, GROUPS } from "../policy/groups.ts";
import type { PathRules } from "../policy/paths.ts";
import type { ConfigForms } from "./forms.ts";
import { POSIX_FORMS } from "./posix_forms.ts";

/** The channel name of the protocol; the port under /dev/virtio-ports carries it. */
export const DEFAULT_CHANNEL_NAME = "org.kvmmanager.agent.0";

/** Log levels, from errors only to everything. */
export const LOG_LEVELS = ["error", "warn", "info", "debug", "trace"] as const;

/** What happens to an operation that cannot be recorded: it is done anyway, or refused. */
export const AUDIT_DEMANDS = ["best_effort", "required"] as const;

/** One of {@link LOG_LEVELS}. */
export type LogLevel = (typeof LOG_LEVELS)[number];

const VariableName = z.string().check(
  z.refine((name) => /^[A-Za-z_][A-Za-z0-9_]*$/.test(name), "must be a variable's name"),
  z.refine(
    (name) => !name.startsWith("LD_"),
    "must not begin with LD_: Deno never passes such variables to a whitelisted program",
  ),
);

const ManagedName = z.string().check(
  z.refine(
    (name) => /^[A-Za-z0-9_*@:.\\-]{1,255}$/.test(name),
    "must be a name, in which * stands for any characters",
  ),
);

/** The DER of an Ed25519 public key (RFC 8410) in base64: twelve fixed bytes, and 32. */
const RELEASE_KEY_REGEXP = /^MCowBQYDK2VwAyEA[A-Za-z0-9+/]{43}=$/;

const whole = (minimum: number, maximum: number) => z.int().check(z.gte(minimum), z.lte(maximum));

/** `security`: what requests may touch. */
const securitySchema = ({ path, command, defaults }: ConfigForms) =>
  z.strictObject({
    allow: z._default(z.array(z.enum(GROUPS)), [...DEFAULT_GROUPS]),
    allowed_read_paths: z._default(z.array(path), [...defaults.allowed_read_paths]),
    allowed_write_paths: z._default(z.array(path), [...defaults.allowed_write_paths]),
    command_whitelist: z._default(z.nullable(z.array(command)), null),
    command_environment: z._default(z.array(VariableName), []),
    process_arguments: z._default(z.boolean(), false),
    managed_users: z._default(z.array(ManagedName), []),
    managed_groups: z._default(z.array(ManagedName), []),
    managed_services: z._default(z.array(ManagedName), []),
    update_key: z._default(
      z.nullable(
        z.string().check(z.refine(
          (text) => RELEASE_KEY_REGEXP.test(text),
          "must be an Ed25519 public key: the middle line of its PEM file",
        )),
      ),
      null,
    ),
    max_file_size_mb: z._default(whole(1, 1024), 10),
    max_command_timeout_seconds: z._default(whole(1, 86_400), 300),
  });

/** `jobs`: limits on commands in the background. */
const JobsSchema = z.strictObject({
  max_running: z._default(whole(1, 256), 16),
  max_kept: z._default(whole(1, 1000), 100),
  max_output_mb: z._default(whole(1, 65_536), 128),
  max_total_output_mb: z._default(whole(1, 65_536), 256),
  max_seconds: z._default(whole(1, 31_536_000), 86_400),
  keep_seconds: z._default(whole(1, 31_536_000), 3600),
});

const MS_PER_UNIT = { ms: 1, s: 1000, m: 60_000 } as const;
const DURATION_REGEXP = /^(\d{1,6}(?:\.\d{1,3})?)(ms|s|m)$/;
const MAX_DURATION_MS = 3_600_000;

/** Milliseconds of a duration such as `"10s"`; NaN if it is not one. */
export function durationMs(text: string): number {
  const [, amount, unit] = DURATION_REGEXP.exec(text) ?? [];
  if (unit !== "ms" && unit !== "s" && unit !== "m") return NaN;
  return Number(amount) * MS_PER_UNIT[unit];
}

const Duration = z.string().check(
  z.refine(
    (text) => durationMs(text) >= 1 && durationMs(text) <= MAX_DURATION_MS,
    'must be a duration such as "10s" (ms, s or m) from 1 ms to 60 m',
  ),
);

/** `command_monitor`: the socket or pipe for other programs of the guest. */
const commandMonitorSchema = ({ pipe, group, defaults }: ConfigForms) =>
  z.strictObject({
    enabled: z._default(z.boolean(), false),
    pipe_path: z._default(pipe, defaults.pipe_path),
    pipe_mode: z._default(
      z.string().check(
        z.refine((mode) => /^0?[0-7]{3}$/.test(mode), 'must be an octal mode such as "0770"'),
      ),
      "0770",
    ),
    pipe_group: z._default(z.nullable(group), null),
    request_timeout: z._default(Duration, "10s"),
    max_connections: z._default(whole(1, 1000), 100),
  });

const isBelowAny = (path: string | null, roots: readonly string[], { isInside }: PathRules) =>
  path !== null && roots.some((root) => isInside(path, root));

/** Whether the path is inside one of the roots, or one of them inside the path. */
export const overlapsAny = (
  path: string | null,
  roots: readonly string[],
  rules: PathRules,
): boolean =>
  path !== null &&
  (isBelowAny(path, roots, rules) || roots.some((root) => isBelowAny(root, [path], rules)));

/** The schema of a platform's configuration. Every key is optional; unknown ones are errors. */
export function configSchema(forms: ConfigForms) {
  const { path, paths, defaults } = forms;
  const SecuritySchema = securitySchema(forms);
  const CommandMonitorSchema = commandMonitorSchema(forms);
  return z.strictObject({
    version: z._default(
      z.string().check(z.refine((v) => /^1\.\d+\.\d+$/.test(v), "must have the form 1.x.y")),
      "1.0.0",
    ),
    log_level: z._default(z.enum(LOG_LEVELS), "info"),
    log_file: z._default(z.nullable(path), defaults.log_file),
    channel_name: z._default(
      z.string().check(z.refine(
        (name) => /^[A-Za-z0-9][A-Za-z0-9._-]{0,127}$/.test(name),
        "must be 1 to 128 characters (A-Z a-z 0-9 . _ -) and start with a letter or digit",
      )),
      DEFAULT_CHANNEL_NAME,
    ),
    max_message_size_kb: z._default(whole(1, 16_384), 64),
    connection_retry_seconds: z._default(whole(1, 3600), 5),
    request_timeout_seconds: z._default(whole(1, 3600), 30),
    max_concurrent_requests: z._default(whole(1, 1000), 10),
    max_requests_per_second: z._default(whole(1, 10_000_000), 100),
    freeze_ttl_seconds: z._default(whole(1, 3600), 600),
    announce: z._default(z.boolean(), true),
    security: z._default(SecuritySchema, () => z.parse(SecuritySchema, {})),
    jobs: z._default(JobsSchema, () => z.parse(JobsSchema, {})),
    command_monitor: z._default(CommandMonitorSchema, () => z.parse(CommandMonitorSchema, {})),
    audit_file: z._default(z.nullable(path), null),
    audit: z._default(z.enum(AUDIT_DEMANDS), "best_effort"),
    state_directory: z._default(z.nullable(path), defaults.state_directory),
    events: z._default(EventsSchema, () => z.parse(EventsSchema, {})),
  }).check(
    z.refine(({ audit_file, audit }) => audit_file !== null || audit !== "required", {
      path: ["audit"],
      error: 'can be "required" only if audit_file names a file',
    }),
    z.refine(
      ({ audit_file, security }) => !isBelowAny(audit_file, security.allowed_write_paths, paths),
      {
        path: ["audit_file"],
        error: "must be outside security.allowed_write_paths: file_write could replace it",
      },
    ),
    z.refine(
      ({ state_directory, security }) =>
        // Nobody has chosen the default: it does not make such a configuration invalid.
        state_directory === defaults.state_directory ||
        !overlapsAny(state_directory, security.allowed_write_paths, paths),
      {
        path: ["state_directory"],
        error: "must be outside security.allowed_write_paths and must not contain one of them: " +
          "file_write could change what is in it",
      },
    ),
  );
}

/** The schema of a Linux guest's configuration. */
export const ConfigSchema = configSchema(POSIX_FORMS);

/** A valid configuration with all defaults filled in. */
export type Config = z.output<typeof ConfigSchema>;

/** The configuration of an agent without a file. */
export const defaultConfig: () => Config = lazily(() => z.parse(ConfigSchema, {}));
