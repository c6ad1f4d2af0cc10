/**
 * The gate of the file methods: which list in the configuration governs a method's paths, and what
 * follows from that.
 *
 * @module
 */

import type * as z from "zod";
import { ERRORS } from "../../lib/base/errors.ts";
import {
  type AgentServices,
  type Context,
  type Definition,
  type Encodable,
  method,
  type PolicyRule,
  type TypedMethod,
} from "../../lib/core/method.ts";
import { needed } from "../_ability.ts";
import type { Files } from "../../lib/guest/files.ts";
import { type AllowedPath, allowPath, type PathRules } from "../../lib/policy/paths.ts";

/** A list of allowed paths in the configuration. */
export type PathList = "allowed_read_paths" | "allowed_write_paths";

/** The paths of a request. */
export interface FilePolicy {
  /** How the guest writes paths. */
  readonly paths: PathRules;
  /** The parameter `path`, which is allowed. */
  readonly target: AllowedPath;
  /**
   * Checks another path against the same list.
   *
   * @throws {RpcError} -32602 for a malformed path, -32001 for one outside the list.
   */
  allow(path: string, parameter: string): AllowedPath;
}

/** What a file method works with. */
export interface FileContext extends Context, FilePolicy {
  readonly files: Files;
}

/** A file method as its file defines it; `governedBy` replaces what it implies. */
export interface FileDefinition<
  Name extends string,
  Params extends z.ZodMiniType<{ path: string }>,
  Result extends z.ZodMiniType,
> extends Omit<Definition<Name, Params, Result>, "available" | "policy" | "known" | "run"> {
  /** The list that governs its paths; the method is unavailable while that list is empty. */
  readonly governedBy: PathList;
  /** Checks what is specific to the method, for `policy_explain`. */
  readonly policy?: (
    params: z.output<Params>,
    context: FilePolicy & Pick<AgentServices, "config">,
  ) => void;
  readonly known?: (
    params: z.output<Params>,
    context: FileContext,
  ) => Encodable<z.input<Result>> | undefined;
  readonly run: (
    params: z.output<Params>,
    context: FileContext,
  ) => ReturnType<Definition<Name, Params, Result>["run"]>;
}

/** Turns the definition of a file method into a method. */
export function fileMethod<
  const Name extends string,
  Params extends z.ZodMiniType<{ path: string }>,
  Result extends z.ZodMiniType,
>(
  { governedBy, policy, known, run, errors = [], ...rest }: FileDefinition<Name, Params, Result>,
): TypedMethod<Name, Params, Result> {
  const definition = {
    ...rest,
    errors: [
      {
        code: ERRORS.permissionDenied.code,
        when:
          `Outside \`${governedBy}\`, through a symbolic link, or refused by the guest's permissions`,
      },
      ...errors,
    ],
    available: ({ config, guest }: Pick<Context, "config" | "guest">) =>
      guest.files !== undefined && config.security[governedBy].length > 0,
    policy: (params: z.output<Params>, { config, guest: { paths } }: AgentServices) => {
      const rules: PolicyRule[] = [];
      const allow = (path: string, parameter: string) => {
        const allowed = allowPath(path, config.security[governedBy], {
          list: governedBy,
          parameter,
          rules: paths,
        });
        rules.push({ key: `security.${governedBy}`, entry: allowed.root, parameter });
        return allowed;
      };
      const target = allow(params.path, "path");
      policy?.(params, { paths, target, allow, config });
      return rules;
    },
    known: known &&
      ((params: z.output<Params>, context: Context) =>
        known(params, fileContext(params.path, governedBy, context))),
    run: (params: z.output<Params>, context: Context) =>
      run(params, fileContext(params.path, governedBy, context)),
  };
  return method<Name, Params, Result>(definition);
}

/** @throws {RpcError} As `allow` of {@link FilePolicy}. */
function fileContext(path: string, governedBy: PathList, context: Context): FileContext {
  const { paths } = context.guest;
  const allow = (allowed: string, parameter: string) =>
    allowPath(allowed, context.config.security[governedBy], {
      list: governedBy,
      parameter,
      rules: paths,
    });
  return {
    ...context,
    files: needed(context.guest.files, "access files"),
    paths,
    target: allow(path, "path"),
    allow,
  };
}
