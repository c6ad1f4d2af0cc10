/**
 * Who may scrape, and with what certificate: a file in the style of Prometheus' `web.config.file`.
 *
 * ```yaml
 * tls_server_config:
 *   cert_file: hostd.crt        # relative to this file
 *   key_file: hostd.key
 * authorization:
 *   credentials_file: token     # as in the scrape configuration of Prometheus
 * ```
 *
 * @module
 */

import { dirname, resolve } from "@std/path/posix";
import { parse } from "@std/yaml";
import * as z from "zod";
import { messageOf } from "../../../lib/base/message_of.ts";
import { explainIssues } from "../../../lib/base/schema_issues.ts";

/** A web configuration and the files that it names, read. */
export interface WebConfig {
  /** A certificate chain and its key as PEM; absent for plain HTTP. */
  readonly tls?: { readonly cert: string; readonly key: string };
  /** What a scraper has to present as its bearer token; absent if anyone may scrape. */
  readonly token?: string;
}

/** A web configuration cannot be used; the message is one line for a person. */
export class WebConfigError extends Error {
  override readonly name = "WebConfigError";
}

const File = z.string().check(z.minLength(1));

const WebConfigFile = z.strictObject({
  tls_server_config: z.optional(z.strictObject({ cert_file: File, key_file: File })),
  authorization: z.optional(z.strictObject({ credentials_file: File })),
});

/** Shorter ones can be guessed. */
const MIN_TOKEN_CHARACTERS = 16;
const TOKEN_REGEXP = /^[A-Za-z0-9._~+/=-]+$/;
/** Members of Prometheus' file that have no counterpart here. */
const UNSUPPORTED: Readonly<Record<string, string>> = {
  basic_auth_users:
    "basic_auth_users is not supported; name a file with a bearer token in authorization.credentials_file",
};

/**
 * Reads the file, and the files that it names.
 *
 * @throws {WebConfigError} if one of them cannot be read or used.
 */
export async function readWebConfig(path: string): Promise<WebConfig> {
  const file = parseFile(await read(path, path), path);
  const directory = dirname(path);
  const named = (name: string) => read(resolve(directory, name), path);
  const { tls_server_config: tls, authorization } = file;
  return {
    ...(tls === undefined
      ? {}
      : { tls: { cert: await named(tls.cert_file), key: await named(tls.key_file) } }),
    ...(authorization === undefined
      ? {}
      : { token: checkToken(await named(authorization.credentials_file), path) }),
  };
}

async function read(path: string, from: string): Promise<string> {
  try {
    return await Deno.readTextFile(path);
  } catch (error) {
    const why = path === from ? "" : `, which ${from} names`;
    throw new WebConfigError(`cannot read ${path}${why}: ${messageOf(error)}`);
  }
}

function parseFile(text: string, path: string): z.output<typeof WebConfigFile> {
  let value: unknown;
  try {
    value = parse(text);
  } catch (error) {
    throw new WebConfigError(`${path} is not YAML: ${messageOf(error).split("\n")[0]}`);
  }
  const { success, data, error } = z.safeParse(WebConfigFile, value ?? {});
  if (success) return data;
  const known = Object.keys(UNSUPPORTED).find((name) =>
    typeof value === "object" && value !== null && name in value
  );
  if (known !== undefined) throw new WebConfigError(`${path}: ${UNSUPPORTED[known]}`);
  const sentences = explainIssues(error.issues, value, { schema: WebConfigFile })
    .map(({ sentence }) => sentence);
  throw new WebConfigError(`${path}: ${sentences.join("; ")}`);
}

function checkToken(text: string, path: string): string {
  const token = text.trim();
  if (token.length >= MIN_TOKEN_CHARACTERS && TOKEN_REGEXP.test(token)) return token;
  throw new WebConfigError(
    `${path}: the file of authorization.credentials_file must contain one token of at least ` +
      `${MIN_TOKEN_CHARACTERS} characters (letters, digits and ._~+/=-), such as the output of ` +
      "openssl rand -hex 32",
  );
}
