/** What the reference says about every method that changes packages. */
export const PACKAGE_NOTES = [
  "By apt, zypper, dnf or apk, whichever the guest has. Nothing is ever asked, and configuration files " +
  "that were changed are kept. A lock that another program holds is told in the output: apt, zypper " +
  "and apk fail at once, dnf waits. The exit status is the manager's; zypper's 102 and 103, which mean " +
  "success, are 0. After success the last line of the output says if the guest needs a reboot, as " +
  "does `package_updates`.",
] as const;
