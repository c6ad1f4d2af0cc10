/**
 * The network adapters of a Windows guest, with or without addresses.
 *
 * Source: GetAdaptersAddresses and IP_ADAPTER_ADDRESSES_LH, Microsoft Learn; the offsets are those of
 * 64-bit Windows.
 *
 * @module
 */

import type { NetworkInterface } from "../../../guest/facts.ts";
import { iphlpapi } from "../ffi/iphlpapi.ts";
import { ERROR, WindowsError } from "../ffi/windows_error.ts";
import { fromWide } from "../ffi/wide.ts";

/** Neither anycast, multicast nor DNS addresses: GAA_FLAG_SKIP_… 2, 4 and 8. */
const ONLY_UNICAST = 0xe;
const ALL_FAMILIES = 0;
const FIRST_SIZE = 16 * 1024;
const MOST_TRIES = 5;
const NEXT_OFFSET = 8;
const FRIENDLY_NAME_OFFSET = 72;
const ADDRESS_OFFSET = 80;
const ADDRESS_LENGTH_OFFSET = 88;
const MTU_OFFSET = 96;
const STATE_OFFSET = 104;
const MAC_BYTES = 6;
const NAME_UNITS = 257;
/** IF_OPER_STATUS, in the words of RFC 2863. */
const STATES: Readonly<Record<number, string>> = {
  1: "up",
  2: "down",
  3: "testing",
  4: "unknown",
  5: "dormant",
  6: "notpresent",
  7: "lowerlayerdown",
};
/** MTU of an adapter that has none, such as the loopback. */
const NO_MTU = 0xffff_ffff;

type Link = Pick<NetworkInterface, "name" | "mac_address" | "state" | "mtu">;

/** All adapters, with the addresses that they have. */
export function adapters(): readonly NetworkInterface[] {
  const addresses = Deno.networkInterfaces();
  return linksIn(adapterList()).map((link) => {
    const of = (family: "IPv4" | "IPv6") =>
      addresses.filter((one) => one.name === link.name && one.family === family)
        .map(({ cidr }) => cidr);
    return { ...link, ipv4_addresses: of("IPv4"), ipv6_addresses: of("IPv6") };
  });
}

/** The adapters in what GetAdaptersAddresses returned; `undefined` stands for none. */
export function linksIn(list: Uint8Array<ArrayBuffer> | undefined): readonly Link[] {
  const found: Link[] = [];
  let at = list === undefined ? null : Deno.UnsafePointer.of(list);
  // Each entry points to the next, in the same memory.
  while (at !== null) {
    const entry = new Deno.UnsafePointerView(at);
    found.push(linkOf(entry));
    at = entry.getPointer(NEXT_OFFSET);
  }
  return found;
}

function linkOf(entry: Deno.UnsafePointerView): Link {
  const name = entry.getPointer(FRIENDLY_NAME_OFFSET);
  const mac = new Uint8Array(entry.getArrayBuffer(MAC_BYTES, ADDRESS_OFFSET).slice(0));
  const hasMac = entry.getUint32(ADDRESS_LENGTH_OFFSET) === MAC_BYTES;
  const mtu = entry.getUint32(MTU_OFFSET);
  return {
    name: name === null ? "" : textAt(name),
    mac_address: [...hasMac ? mac : new Uint8Array(MAC_BYTES)]
      .map((byte) => byte.toString(16).padStart(2, "0")).join(":"),
    state: STATES[entry.getUint32(STATE_OFFSET)] ?? "unknown",
    mtu: mtu === NO_MTU ? 0 : mtu,
  };
}

/** The text at a pointer, unit by unit: what follows it may not be readable. */
function textAt(pointer: Deno.PointerObject): string {
  const view = new Deno.UnsafePointerView(pointer);
  const units = new Uint16Array(NAME_UNITS);
  for (let index = 0; index < NAME_UNITS - 1; index++) {
    const unit = view.getUint16(index * Uint16Array.BYTES_PER_ELEMENT);
    if (unit === 0) break;
    units[index] = unit;
  }
  // As Deno returns it, whose addresses are found by this name.
  return fromWide(units).toWellFormed();
}

/** The memory with the entries, the first at its beginning; `undefined` if there is none. */
function adapterList(): Uint8Array<ArrayBuffer> | undefined {
  const size = new Uint32Array([FIRST_SIZE]);
  for (let tries = 0;; tries++) {
    const list = new Uint8Array(size[0] ?? 0);
    const status = iphlpapi.GetAdaptersAddresses(ALL_FAMILIES, ONLY_UNICAST, null, list, size);
    if (status === 0) return list;
    if (status === ERROR.NO_DATA) return undefined;
    // An adapter may appear between two calls.
    if (status !== ERROR.BUFFER_OVERFLOW || tries === MOST_TRIES) {
      throw new WindowsError("GetAdaptersAddresses", status);
    }
  }
}
