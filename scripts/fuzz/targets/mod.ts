/**
 * The list of fuzz targets. To add a target, add one file and one line here.
 *
 * @module
 */

import type { Target } from "../target.ts";
import { commands } from "./commands.ts";
import { configuration } from "./configuration.ts";
import { environments } from "./environments.ts";
import { hosts } from "./hosts.ts";
import { lines } from "./lines.ts";
import { messages } from "./messages.ts";
import { parameters } from "./parameters.ts";
import { paths } from "./paths.ts";
import { requests } from "./requests.ts";
import { windowsPaths } from "./windows_paths.ts";

/** Every target. */
export const TARGETS: readonly Target[] = [
  commands,
  configuration,
  environments,
  hosts,
  lines,
  messages,
  parameters,
  paths,
  requests,
  windowsPaths,
];
