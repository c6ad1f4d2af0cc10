#!/bin/sh
# Runs a libvirt daemon until its own standard input ends, and then ends everything that was started
# and removes the directory. It is the first process of a process namespace of its own: should it be
# killed, the kernel ends the daemon and its guest as well.
#
# guard.sh DIRECTORY IMAGES USER
#   DIRECTORY  the daemon's directories and its log
#   IMAGES     where the guest's image is: in somebody's home, so it is mounted where USER can read it
#   USER       a number, or nothing for the one who runs this
set -eu
directory=$1 images=$2 user=$3
exec 3<&0
mount --bind "$images" "$directory/images"
set -- libvirtd --timeout 1800
[ -z "$user" ] || set -- setpriv --reuid="$user" --regid="$user" --clear-groups "$@"
env -i PATH="$PATH" HOME="$directory/home" XDG_RUNTIME_DIR="$directory/run" \
	XDG_CONFIG_HOME="$directory/config" XDG_CACHE_HOME="$directory/cache" \
	"$@" </dev/null 3<&- >"$directory/libvirtd.log" 2>&1 &
{
	read -r _ || :
	kill -KILL -1
} <&3 &
exec 3<&-
# Guests are left to this process, which reaps them: libvirt takes a zombie for a running guest.
wait
# Detached at once, also from a guest that is not quite gone: the images belong to others.
umount --lazy "$directory/images"
rm -rf --one-file-system "$directory"
