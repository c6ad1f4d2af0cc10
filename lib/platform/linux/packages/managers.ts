/**
 * How each package manager is asked, and how its answers are parsed. All are asked without root,
 * without a lock, and without the network: what they know may be old.
 *
 * @module
 */

import type { PackageUpdate } from "../../../guest/packages.ts";

/** A package manager. */
export interface Manager {
  readonly name: "apt" | "zypper" | "dnf" | "apk";
  /** The program that shows that it is installed. */
  readonly program: string;
  /** Prints a line `NAME<TAB>VERSION<TAB>ARCHITECTURE` for each installed package. */
  readonly list: string;
  /** Prints lines for {@link parseUpdate}, and lines `refreshed SECONDS` and `reboot yes|no`. */
  readonly updates: string;
  /** An update in a line, if there is one. */
  parseUpdate(line: string): PackageUpdate | undefined;
}

/** Debian and its kin. */
export const APT: Manager = {
  name: "apt",
  program: "apt-get",
  list: "dpkg-query -W -f='${db:Status-Status}\\t${Package}\\t${Version}\\t${Architecture}\\n' " +
    "| sed -n 's/^installed\\t//p'",
  updates: `
apt-get --simulate -o Debug::NoLocking=true -o APT::Get::Show-User-Simulation-Note=false \\
  dist-upgrade 2> /dev/null | grep '^Inst '
for file in /var/lib/apt/periodic/update-success-stamp /var/lib/apt/lists; do
  [ ! -e "$file" ] || { echo "refreshed $(stat -c %Y "$file")"; break; }
done
if [ -e /run/reboot-required ]; then echo 'reboot yes'; else echo 'reboot no'; fi
`,
  // Inst NAME [INSTALLED] (AVAILABLE SOURCE:RELEASE, SOURCE:RELEASE [ARCHITECTURE]) [OTHERS]
  parseUpdate(line) {
    const [, name, installed, available, sources = ""] =
      /^Inst (\S+) (?:\[([^\]]+)\] )?\((\S+) ([^)]*)\)/.exec(line) ?? [];
    if (name === undefined || available === undefined) return undefined;
    return {
      name,
      ...(installed === undefined ? {} : { installed }),
      available,
      isSecurity: /security/i.test(sources),
    };
  },
};

/** NAME<TAB>VERSION<TAB>ARCHITECTURE of each package, by rpm. */
const RPM_LIST =
  "rpm -qa --queryformat '%{NAME}\\t%|EPOCH?{%{EPOCH}:}|%{VERSION}-%{RELEASE}\\t%{ARCH}\\n'";

/** SUSE and its kin. */
export const ZYPPER: Manager = {
  name: "zypper",
  program: "zypper",
  list: RPM_LIST,
  updates: `
zypper --non-interactive --no-refresh list-updates 2> /dev/null
newest=$(stat -c %Y /var/cache/zypp/solv/*/cookie 2> /dev/null | sort -n | tail -n 1)
[ -z "$newest" ] || echo "refreshed $newest"
if [ -e /run/reboot-needed ]; then echo 'reboot yes'; else echo 'reboot no'; fi
`,
  // v | REPOSITORY | NAME | INSTALLED | AVAILABLE | ARCHITECTURE
  parseUpdate(line) {
    const cells = line.split("|").map((cell) => cell.trim());
    const [status, , name = "", installed = "", available = "", architecture] = cells;
    // The heading has S, and its version is a word.
    if (status !== "v" || architecture === undefined || !/\d/.test(available)) return undefined;
    return { name, ...(installed === "" ? {} : { installed }), available };
  },
};

/** Fedora, RHEL and their kin. */
export const DNF: Manager = {
  name: "dnf",
  program: "dnf",
  list: RPM_LIST,
  updates: `
dnf --quiet --cacheonly check-update 2> /dev/null
[ ! -e /var/cache/dnf ] || echo "refreshed $(stat -c %Y /var/cache/dnf)"
if needs-restarting -r > /dev/null 2>&1; then echo 'reboot no'
elif [ "$?" = 1 ]; then echo 'reboot yes'
fi
`,
  // NAME.ARCHITECTURE  AVAILABLE  REPOSITORY
  parseUpdate(line) {
    const [, name, available] = /^(\S+)\.[a-z0-9_]+ +(\S*\d\S*) +\S+ *$/.exec(line) ?? [];
    return name === undefined || available === undefined ? undefined : { name, available };
  },
};

/** Alpine. */
export const APK: Manager = {
  name: "apk",
  program: "apk",
  // NAME-VERSION-rRELEASE ARCHITECTURE {ORIGIN} (LICENSE) [installed]
  list: "apk list --installed 2> /dev/null | " +
    "sed -n -E 's/^([^ ]*)-([^- ]*-r[0-9]*) ([^ ]*) .*/\\1\\t\\2\\t\\3/p'",
  updates: `
apk version --limit '<' 2> /dev/null
for file in /var/cache/apk/APKINDEX.*.tar.gz; do
  [ ! -e "$file" ] || { echo "refreshed $(stat -c %Y "$file")"; break; }
done
`,
  // NAME-INSTALLED < AVAILABLE
  parseUpdate(line) {
    const [, name, installed, available] = /^(\S+)-([^-\s]+-r\d+) +< +(\S+)/.exec(line) ?? [];
    if (name === undefined || installed === undefined || available === undefined) return undefined;
    return { name, installed, available };
  },
};
