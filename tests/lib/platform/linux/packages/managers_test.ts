import { assertEquals } from "@std/assert";
import { APK, APT, DNF, ZYPPER } from "../../../../../lib/platform/linux/packages/managers.ts";

for (
  const [manager, line, expected] of [
    [
      APT,
      "Inst openssl [3.0.15-1] (3.0.17-1 Debian-Security:12/oldstable-security [amd64])",
      { name: "openssl", installed: "3.0.15-1", available: "3.0.17-1", isSecurity: true },
    ],
    [
      APT,
      "Inst linux-image-6.1.0-40-amd64 (6.1.153-1 Debian:12.15/oldstable [amd64]) []",
      { name: "linux-image-6.1.0-40-amd64", available: "6.1.153-1", isSecurity: false },
    ],
    [APT, "Conf openssl (3.0.17-1 Debian:12.15/oldstable [amd64])", undefined],
    [APT, "Remv old [1.0]", undefined],
    [
      ZYPPER,
      "v | Main | openssl | 1.1.1l-150500.17.37.1 | 1.1.1l-150500.17.40.1 | x86_64",
      { name: "openssl", installed: "1.1.1l-150500.17.37.1", available: "1.1.1l-150500.17.40.1" },
    ],
    [ZYPPER, "S | Repository | Name | Current Version | Available Version | Arch", undefined],
    [ZYPPER, "--+------------+------+-----------------+-------------------+-----", undefined],
    [
      DNF,
      "kernel-core.x86_64          6.5.6-300.fc39             updates",
      { name: "kernel-core", available: "6.5.6-300.fc39" },
    ],
    [DNF, "Obsoleting Packages", undefined],
    [
      APK,
      "busybox-openrc-1.36.1-r15                < 1.36.1-r19 ",
      { name: "busybox-openrc", installed: "1.36.1-r15", available: "1.36.1-r19" },
    ],
    [APK, "Installed:                                Available:", undefined],
  ] as const
) {
  Deno.test(`${manager.name}: ${line.slice(0, 40)}`, () => {
    assertEquals<unknown>(manager.parseUpdate(line), expected);
  });
}
