/**
 * A Debian file system for tests of install/lib/update. Its packages lack the runtime, and the
 * service manager is a script that looks at what is installed.
 *
 * @module
 */

import { assertEquals, assertMatch } from "@std/assert";
import { basename } from "@std/path/posix";
import { printError } from "../../lib/base/terminal.ts";
import { VERSION } from "../../lib/base/version.ts";
import { baseRoot } from "../../scripts/vm/image.ts";
import { requireTools, runTool } from "../../scripts/vm/tools.ts";
import { asRoot, type Result } from "./_as_root.ts";
import { LaterVersions, type WantedPackage } from "./_later_versions.ts";

/** The agent's configuration. */
export const CONFIG = "/etc/kvmmanager-agent/config.json";

/** This machine's name in packages. */
export const ARCHITECTURE = Deno.build.arch === "aarch64" ? "arm64" : "amd64";

/** The agent's process has the number that is in its bundle, and none if it is broken. */
const SYSTEMCTL = `#!/bin/sh
read -r pid </usr/lib/kvmmanager-agent/agent.js
case $* in
*--property=MainPID*) echo "$pid" ;;
*--property=Watchdog*) echo "$pid" ;;
esac
`;

/** Short waits take no time; an installation may take as long as /fake/limit says. */
const SLEEP = `#!/bin/sh
[ "$1" -lt 100 ] || exec /bin/sleep "$(cat /fake/limit)"
`;

/** A package whose agent's process has a number; 0: the agent does not come up. */
export interface Variant extends Partial<Omit<WantedPackage, "format" | "bundle" | "runtime">> {
  readonly pid: string;
}

/** How {@link UpdateGuest.update} is started. */
export interface UpdateOptions {
  /** Instead of the file's own. */
  readonly sum?: string;
  /** Further arguments. */
  readonly more?: string;
  /** A script that mounts something before, below `$root`. */
  readonly mounts?: string;
}

/** A guest's file system. */
export class UpdateGuest implements AsyncDisposable {
  private constructor(readonly directory: string, readonly versions: LaterVersions) {}

  static async make(): Promise<UpdateGuest> {
    await requireTools(["unshare", "dpkg-deb", "rpmbuild"]);
    const versions = await LaterVersions.make();
    const guest = new UpdateGuest(
      await Deno.makeTempDir({ prefix: "kvmmanager-update-" }),
      versions,
    );
    const { root } = guest;
    const { code, output } = await asRoot(
      `mkdir ${root} && tar -C ${root} --exclude='./dev/*' --exclude=./usr/lib/modules \\
        --exclude=./boot --exclude=./usr/share/doc -xf ${await baseRoot("systemd", printError)} &&
      : >${root}/dev/null && chmod 666 ${root}/dev/null && mkdir -p ${root}/run/systemd/system &&
      mkdir ${root}/fake && printf '#!/bin/sh\\n' >${root}/fake/udevadm &&
      rm ${root}/bin/udevadm ${root}/bin/systemctl &&
      echo 300 >${root}/fake/limit &&
      cat >${root}/fake/systemctl <<'END' && cat >${root}/fake/sleep <<'END2' &&
${SYSTEMCTL}END
${SLEEP}END2
      chmod 755 ${root}/fake/* && mv ${root}/fake/udevadm ${root}/fake/systemctl ${root}/bin`,
    );
    assertEquals([code, output], [0, ""]);
    return guest;
  }

  /** The host's path of the guest's root. */
  get root(): string {
    return `${this.directory}/root`;
  }

  /** Builds a package and puts it into the guest. */
  async pack(
    format: WantedPackage["format"],
    { version = VERSION, architecture = ARCHITECTURE, pid, ...rest }: Variant,
  ): Promise<string> {
    const runtime = `${this.directory}/runtime`;
    await Deno.writeTextFile(runtime, "runtime");
    const bundle = `${pid}\n`;
    const built = await this.versions.build({
      ...{ format, version, architecture, runtime, bundle, ...rest },
    });
    return await this.put(built);
  }

  /** Moves a file into the guest. */
  async put(file: string): Promise<string> {
    const path = `/tmp/${basename(file)}`;
    await Deno.copyFile(file, `${this.root}${path}`);
    return path;
  }

  /** Runs a script in the guest. */
  async run(words: string, mounts = ""): Promise<Result> {
    return await asRoot(
      `root=${this.root}
      mount --bind /dev/null $root/dev/null
      ${mounts}
      chroot $root env -i PATH=/fake:/usr/sbin:/usr/bin:/sbin:/bin LC_ALL=C sh -c '${words}'`,
    );
  }

  /** Runs the installed agent's update. */
  async update(file: string, { sum, more = "", mounts }: UpdateOptions = {}): Promise<Result> {
    const actual = (await runTool("sha256sum", [`${this.root}${file}`])).slice(0, 64);
    const command = `sh /usr/lib/kvmmanager-agent/update ${file} ${sum ?? actual} ${more}`;
    return await this.run(command, mounts);
  }

  /** What the update has left to be told: state, versions and reason. */
  async outcome(): Promise<readonly string[]> {
    const { output } = await this.run("cat /var/lib/kvmmanager-agent/update/outcome");
    return output.split("\n").filter((_line, index) => index !== 1 && index !== 2);
  }

  /** The process and the configuration of what is installed, and whether anything is left over. */
  async state(): Promise<string> {
    const { output } = await this.run(
      `cat /usr/lib/kvmmanager-agent/agent.js ${CONFIG}; ls /var/lib/kvmmanager-agent/update`,
    );
    return output;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await asRoot(`rm -rf ${this.directory}`);
    await this.versions[Symbol.asyncDispose]();
  }
}

/** What {@link UpdateGuest.state} is while the agent with this number is installed. */
export const stateOf = (pid: string) => `${pid}\n{}\nlock\nlog\noutcome\n`;

/** Fails unless a file is refused for a reason and nothing has changed. */
export async function assertRefused(
  guest: UpdateGuest,
  file: string,
  reason: RegExp,
  options?: UpdateOptions,
): Promise<void> {
  const { code, output } = await guest.update(file, options);
  assertEquals(code, 1, output);
  assertMatch(output, reason);
  assertMatch(output, /nothing was changed/);
  // Where the test has mounted something, the outcome is gone with it.
  if (options?.mounts === undefined) {
    const [state, , , told = ""] = await guest.outcome();
    assertEquals(state, "refused");
    assertMatch(told, reason);
  }
  assertEquals(await guest.state(), stateOf("1"));
}

/** A copy of a package that ends early. */
export async function truncated(guest: UpdateGuest, file: string): Promise<string> {
  const copy = file.replace("kvmmanager-agent", "kvmmanager-agent-truncated");
  await Deno.copyFile(`${guest.root}${file}`, `${guest.root}${copy}`);
  await Deno.truncate(`${guest.root}${copy}`, 5000);
  return copy;
}

/** The program's folder in a file system of its own, without space for a second program. */
export const FULL_LIBRARY = `library=$root/usr/lib/kvmmanager-agent
  mkdir $root/fake/old && cp -a $library/. $root/fake/old
  mount -t tmpfs -o size=$(du -sk $library | sed "s/[^0-9].*//")k,mode=755 tmpfs $library
  cp -a $root/fake/old/. $library && rm -r $root/fake/old
`;

/** A df that promises too much. */
export const FALSE_DF = `printf "#!/bin/sh\\necho / 1 1 9999999 1 /\\n" >$root/fake/df
  chmod 755 $root/fake/df
`;
