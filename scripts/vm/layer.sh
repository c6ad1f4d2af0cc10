#!/bin/sh
# Builds a bootable disk from a root file system and our package. image.ts runs it in a separate mount
# namespace, as root or as a user who is root in a user namespace. It makes bind mounts only.
#
# layer.sh ROOT_TAR PACKAGE ADDITIONS OUTPUT MEGABYTES
#   PACKAGE    the .deb to install, or the tarball, with SHA256SUMS beside it
#   ADDITIONS  a tar with files that the tests need
#   OUTPUT     a directory that receives disk.raw, vmlinuz and initrd.img
set -eu
root_tar=$1 package=$2 additions=$3 output=$4 megabytes=$5

root=$output/root
mkdir "$root"
# The kernel creates devices at boot; a user could not.
tar -C "$root" --numeric-owner --exclude='./dev/*' -xf "$root_tar"
tar -C "$root" --no-same-owner --keep-directory-symlink -xf "$additions"

for name in null urandom; do
  : >"$root/dev/$name"
  mount --bind "/dev/$name" "$root/dev/$name"
done
run() { chroot "$root" env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin LC_ALL=C DEBIAN_FRONTEND=noninteractive "$@"; }

run passwd -d root >/dev/null
echo kvmmanager-guest >"$root/etc/hostname"
if [ -x "$root/usr/bin/systemctl" ]; then
  run systemctl -q enable kvmmanager-test-root.service systemd-networkd.service
  # A boot under emulation would take much longer; a test that needs one starts it.
  run systemctl -q disable ssh.service e2scrub_reap.service
  touch "$root/etc/cloud/cloud-init.disabled"
fi
case $package in
*.deb)
  cp "$package" "$root/package.deb"
  run dpkg -i /package.deb >&2
  # The tests install it again.
  mv "$root/package.deb" "$root/root/agent.deb"
  ;;
*) sh "$(dirname "$0")/../../install/tarball/install.sh" --root "$root" "$package" >&2 ;;
esac
if [ -x "$root/sbin/openrc-run" ]; then
  echo 'ts:12345:respawn:/usr/local/sbin/kvmmanager-test-root' >>"$root/etc/inittab"
fi

for name in null urandom; do
  umount "$root/dev/$name"
  rm "$root/dev/$name"
done
cp -L "$root"/boot/vmlinuz-* "$output/vmlinuz"
cp -L "$root"/boot/initrd.img-* "$output/initrd.img"
mke2fs -q -t ext4 -d "$root" "$output/disk.raw" "${megabytes}M"
rm -rf "$root"
