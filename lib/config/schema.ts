/**
 * The configuration file's keys, their rules and defaults (protocol, "Configuration").
 *
 * @module
 */

import * as z from "zod";
import { normalize } from "@std/path/posix";

/** The channel name of the protocol; the port under /dev/virtio-ports carries it. */
export const DEFAULT_CHANNEL_NAME = "org.kvmmanager.agent.0";

/** How much the agent logs, from nothing but faults to everything. */
export const LOG_LEVELS = ["error", "warn", "info", "debug", "trace"] as const;

/** One of {@link LOG_LEVELS}. */
export type LogLevel = (typeof LOG_LEVELS)[number];

const MAX_PATH_BYTES = 4096;
const pathLength = (path: string) => new TextEncoder().encode(path).byteLength;

const withoutTrailingSlash = (path: string) => path.replace(/(?<=.)\/+$/, "");

const AbsolutePath = z.string().check(
  z.overwrite(withoutTrailingSlash),
  z.refine((path) => path.startsWith("/"), "must be an absolute path"),
  z.refine((path) => !path.includes("\0"), "must not contain NUL"),
  z.refine((path) => pathLength(path) <= MAX_PATH_BYTES, `must be at most ${MAX_PATH_BYTES} bytes`),
  z.refine(
    (path) => normalize(path) === path,
    "must be written without '.', '..' and '//'",
  ),
);

const CommandName = z.string().check(
  z.refine(
    (name) =>
      /^[^/\0]+$/.test(name) && name !== "." && name !== ".." || /^\/[^\0]+[^/\0]$/.test(name),
    "must be a program's bare name or an absolute path",
  ),
);

const whole = (minimum: number, maximum: number) => z.int().check(z.gte(minimum), z.lte(maximum));

/** `security`: what requests may touch. */
export const SecuritySchema = z.strictObject({
  allowed_read_paths: z._default(
    z.array(AbsolutePath),
    ["/tmp", "/var/log", "/etc/hostname", "/etc/os-release"],
  ),
  allowed_write_paths: z._default(z.array(AbsolutePath), ["/tmp/kvmmanager"]),
  command_whitelist: z._default(z.nullable(z.array(CommandName)), null),
  max_file_size_mb: z._default(whole(1, 1024), 10),
  max_command_timeout_seconds: z._default(whole(1, 86_400), 300),
});

/** The whole configuration. Every key is optional; unknown ones are errors. */
export const ConfigSchema = z.strictObject({
  version: z._default(
    z.string().check(z.refine((v) => /^1\.\d+\.\d+$/.test(v), 'must be "1.x.y"')),
    "1.0.0",
  ),
  log_level: z._default(z.enum(LOG_LEVELS), "info"),
  log_file: z._default(z.nullable(AbsolutePath), "/var/log/kvmmanager-agent.log"),
  channel_name: z._default(
    z.string().check(z.refine(
      (name) => /^[A-Za-z0-9][A-Za-z0-9._-]{0,127}$/.test(name),
      "must be 1 to 128 of A-Z a-z 0-9 . _ - and begin with a letter or digit",
    )),
    DEFAULT_CHANNEL_NAME,
  ),
  max_message_size_kb: z._default(whole(1, 16_384), 64),
  connection_retry_seconds: z._default(whole(1, 3600), 5),
  request_timeout_seconds: z._default(whole(1, 3600), 30),
  max_concurrent_requests: z._default(whole(1, 1000), 10),
  max_requests_per_second: z._default(whole(1, 10_000_000), 100),
  announce: z._default(z.boolean(), true),
  security: z._default(SecuritySchema, z.parse(SecuritySchema, {})),
});

/** A checked configuration with every default filled in. */
export type Config = z.output<typeof ConfigSchema>;

/** The configuration of an agent that has no file. */
export const DEFAULT_CONFIG: Config = z.parse(ConfigSchema, {});
