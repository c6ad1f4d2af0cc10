#!/bin/sh
# A minimal guest as an initial file system: busybox, the agent from our tarball, and the kernel's
# modules for virtio ports. No service manager, and no C library.
#
# busybox.sh ROOT_TAR TARBALL ADDITIONS OUTPUT [MEGABYTES]
#   ROOT_TAR  a distribution, for its kernel and modules
#   TARBALL   the agent, with SHA256SUMS beside it
#   OUTPUT    a directory that receives vmlinuz and initrd.img
set -eu
root_tar=$1 tarball=$2 additions=$3 output=$4

root=$output/root
mkdir -p "$root/dev" "$root/proc" "$root/sys" "$root/tmp" "$root/run" "$root/var/log" "$root/root"
tar -C "$root" --numeric-owner --wildcards -xf "$root_tar" \
  ./bin ./sbin ./lib './boot/vmlinuz-*' ./etc/os-release ./usr/lib/os-release \
  './usr/lib/modules/*/kernel/drivers/virtio/virtio*.ko' \
  './usr/lib/modules/*/kernel/drivers/char/virtio_console.ko' \
  --exclude='./bin/*' --exclude='./sbin/*' --exclude='./lib/*'
mv "$root"/boot/vmlinuz-* "$output/vmlinuz"
tar -C "$root" --no-same-owner --keep-directory-symlink -xf "$additions"
mkdir -p "$root/usr/bin" "$root/usr/sbin"
busybox=$(command -v busybox)
cp "$busybox" "$root/usr/bin/busybox"
for name in $("$busybox" --list); do
  [ -e "$root/usr/bin/$name" ] || ln -s busybox "$root/usr/bin/$name"
done
sh "$(dirname "$0")/../../install/tarball/install.sh" --root "$root" --init none "$tarball" >&2
(cd "$root" && find . | cpio --quiet -o -H newc) >"$output/initrd.img"
rm -rf "$root"
