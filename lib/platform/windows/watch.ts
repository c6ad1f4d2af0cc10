/**
 * What changes in a Windows guest.
 *
 * @module
 */

import type { QuickLook, SlowLook, Watch } from "../../guest/watch.ts";

/** Looks at the addresses; nothing else is cheap enough to ask again and again. */
export class WindowsWatch implements Watch {
  quick(): Promise<QuickLook> {
    const addresses = Deno.networkInterfaces().map(({ name, cidr }) => `${name} ${cidr}`);
    return Promise.resolve({ addresses: new Set(addresses) });
  }

  slow(): Promise<SlowLook> {
    return Promise.resolve({});
  }

  [Symbol.asyncDispose](): Promise<void> {
    return Promise.resolve();
  }
}
