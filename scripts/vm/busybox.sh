#!/bin/sh
# A minimal guest as an initial file system: busybox, the agent from our package, the libraries that
# its runtime needs, and the kernel's modules for virtio ports. No service manager.
#
# busybox.sh ROOT_TAR PACKAGE ADDITIONS OUTPUT [MEGABYTES]
#   ROOT_TAR  a distribution, for its kernel, modules and C library
#   OUTPUT    a directory that receives vmlinuz and initrd.img
set -eu
root_tar=$1 package=$2 additions=$3 output=$4

root=$output/root
mkdir -p "$root/dev" "$root/proc" "$root/sys" "$root/tmp" "$root/run" "$root/var/log" "$root/root"
library=./usr/lib/x86_64-linux-gnu
# Deno needs the GNU C library.
tar -C "$root" --numeric-owner --wildcards -xf "$root_tar" \
  ./bin ./sbin ./lib ./lib64 ./usr/lib64 './boot/vmlinuz-*' ./etc/os-release ./usr/lib/os-release \
  "$library/ld-linux-x86-64.so.2" "$library/libc.so.6" "$library/libm.so.6" \
  "$library/libgcc_s.so.1" "$library/libpthread.so.0" "$library/libdl.so.2" "$library/librt.so.1" \
  './usr/lib/modules/*/kernel/drivers/virtio/virtio*.ko' \
  './usr/lib/modules/*/kernel/drivers/char/virtio_console.ko' \
  --exclude='./bin/*' --exclude='./sbin/*' --exclude='./lib/*' --exclude='./lib64/*'
mv "$root"/boot/vmlinuz-* "$output/vmlinuz"
dpkg-deb --fsys-tarfile "$package" | tar -C "$root" --numeric-owner --keep-directory-symlink -xf -
tar -C "$root" --no-same-owner --keep-directory-symlink -xf "$additions"
mkdir -p "$root/usr/bin" "$root/usr/sbin"
busybox=$(command -v busybox)
cp "$busybox" "$root/usr/bin/busybox"
for name in $("$busybox" --list); do
  [ -e "$root/usr/bin/$name" ] || ln -s busybox "$root/usr/bin/$name"
done
(cd "$root" && find . | cpio --quiet -o -H newc -R 0:0) >"$output/initrd.img"
rm -rf "$root"
