import { assertEquals } from "@std/assert";
import {
  describe,
  parseOsRelease,
  readOsRelease,
} from "../../../../../lib/platform/linux/facts/os_release.ts";

const DEBIAN_12 = `PRETTY_NAME="Debian GNU/Linux 12 (bookworm)"
NAME="Debian GNU/Linux"
VERSION_ID="12"
VERSION="12 (bookworm)"
VERSION_CODENAME=bookworm
ID=debian
HOME_URL="https://www.debian.org/"
`;
const DEBIAN_TESTING = `PRETTY_NAME="Debian GNU/Linux trixie/sid"
NAME="Debian GNU/Linux"
VERSION_CODENAME=trixie
ID=debian
`;
const UBUNTU = `PRETTY_NAME="Ubuntu 22.04.3 LTS"
NAME="Ubuntu"
VERSION_ID="22.04"
VERSION="22.04.3 LTS (Jammy Jellyfish)"
ID=ubuntu
ID_LIKE=debian
`;
const ALPINE = `NAME="Alpine Linux"
ID=alpine
VERSION_ID=3.19.1
PRETTY_NAME="Alpine Linux v3.19"
`;
const FEDORA = `NAME="Fedora Linux"
VERSION="39 (Server Edition)"
ID=fedora
VERSION_ID=39
ANSI_COLOR="0;38;2;60;110;180"
`;
const ARCH = `NAME="Arch Linux"
PRETTY_NAME="Arch Linux"
ID=arch
BUILD_ID=rolling
`;
const NIXOS = `ANSI_COLOR="1;34"
BUG_REPORT_URL="https://github.com/NixOS/nixpkgs/issues"
ID=nixos
NAME=NixOS
PRETTY_NAME="NixOS 23.11 (Tapir)"
VERSION="23.11 (Tapir)"
VERSION_ID="23.11"
`;

for (
  const [what, text, name, version] of [
    ["Debian 12", DEBIAN_12, "Debian GNU/Linux", "12 (bookworm)"],
    ["Debian testing, which has no version", DEBIAN_TESTING, "Debian GNU/Linux", ""],
    ["Ubuntu", UBUNTU, "Ubuntu", "22.04.3 LTS (Jammy Jellyfish)"],
    ["Alpine, which has only VERSION_ID", ALPINE, "Alpine Linux", "3.19.1"],
    ["Fedora", FEDORA, "Fedora Linux", "39 (Server Edition)"],
    ["Arch, which rolls", ARCH, "Arch Linux", ""],
    ["NixOS, without quotes", NIXOS, "NixOS", "23.11 (Tapir)"],
    ["CRLF", DEBIAN_12.replaceAll("\n", "\r\n"), "Debian GNU/Linux", "12 (bookworm)"],
    ["only a PRETTY_NAME", 'PRETTY_NAME="Small Linux 3"\n', "Small Linux 3", ""],
    ["an empty file", "", "Linux", ""],
    ["something else", "<html>\n404\n", "Linux", ""],
  ] as const
) {
  Deno.test(`os-release of ${what} is understood`, () => {
    assertEquals(describe(parseOsRelease(text)), { name, version });
  });
}

for (
  const [line, value] of [
    ["NAME=plain", "plain"],
    ['NAME="double quoted"', "double quoted"],
    ["NAME='single quoted'", "single quoted"],
    ['NAME="with \\"quotes\\""', 'with "quotes"'],
    ['NAME="a \\$ and \\` and \\\\"', "a $ and ` and \\"],
    ["NAME='a \\$ stays'", "a \\$ stays"],
    ['NAME="a=b"', "a=b"],
    ['NAME=""', ""],
    ["NAME=''", ""],
    ["NAME=", ""],
    ['  NAME="indented"  ', "indented"],
    ['NAME="ü"', "ü"],
    ['NAME="first"\nNAME="last"', "last"],
    ["# NAME=comment\nNAME=real", "real"],
    ["\n\nNAME=after empty lines\n", "after empty lines"],
  ] as const
) {
  Deno.test(`parseOsRelease() reads ${JSON.stringify(line)}`, () => {
    assertEquals(parseOsRelease(line).get("NAME"), value);
  });
}

Deno.test("parseOsRelease() leaves out what is no assignment", () => {
  const text = "# ID=comment\nexport NAME=x\nname=lower\n=nothing\nNAME\nID=debian\n";
  assertEquals([...parseOsRelease(text)], [["ID", "debian"]]);
});

Deno.test("readOsRelease() says something of the machine it runs on", () => {
  assertEquals(readOsRelease().name.length > 0, true);
});
