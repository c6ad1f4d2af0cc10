/**
 * Guests for the tests: one per file, booted before its tests and ended after them, or one per test.
 *
 * Each test closes the connections that it opens (`await using`), so the sanitizers stay on.
 *
 * @module
 */

import { fail } from "@std/assert";
import { type BootOptions, Guest } from "../../scripts/vm/guest.ts";
import { buildImage, type Init } from "../../scripts/vm/image.ts";
import { readAccelerator } from "../../scripts/vm/accelerator.ts";
import { currentPackage, currentTarball } from "../../scripts/vm/package.ts";
import { printError } from "../../lib/base/terminal.ts";

/** Options of a test's guest. */
export interface TestGuestOptions
  extends Partial<Pick<BootOptions, "kernelArguments" | "until" | "attachment" | "deskBytes">> {
  readonly init?: Init;
  readonly memoryMb?: number;
}

const MEMORY_MB = 512;

/**
 * Boots a guest with the package of the current sources, or without systemd with their tarball.
 *
 * `KVMMANAGER_VM_DEB` names another package, `KVMMANAGER_VM_ACCEL` another accelerator than `tcg`.
 */
export async function bootGuest(options: TestGuestOptions = {}): Promise<Guest> {
  const { init = "systemd", memoryMb = MEMORY_MB, ...rest } = options;
  const packageFile = init === "systemd"
    ? Deno.env.get("KVMMANAGER_VM_DEB") ?? await currentPackage(printError)
    : await currentTarball(printError);
  const image = await buildImage({ init, packageFile, onProgress: printError });
  const variable = "KVMMANAGER_VM_ACCEL";
  const accelerator = readAccelerator(variable, Deno.env.get(variable));
  return await Guest.boot({ image, memoryMb, accelerator, ...rest });
}

/** Boots one guest for all tests of a file; the returned function gives access to it. */
export function sharedGuest(options: TestGuestOptions = {}): () => Guest {
  let guest: Guest | undefined;
  Deno.test.beforeAll(async () => {
    guest = await bootGuest(options);
  });
  Deno.test.afterAll(async () => {
    await guest?.[Symbol.asyncDispose]();
    guest = undefined;
  });
  return () => guest ?? fail("the guest did not boot");
}
