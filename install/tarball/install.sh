#!/bin/sh
# Installs or upgrades kvmmanager-agent on a Linux without a package for it. Needs a POSIX shell and
# the usual tools; those of BusyBox do.
set -eu

usage="Usage: install.sh [--root DIR] [--init NAME] [--key FILE] [--downgrade] [TARBALL]

Installs the agent from the folder of this script, or from TARBALL.

  --root DIR   install into the file system at DIR, for building an image
  --init NAME  systemd, openrc, runit or none (default: what the system has)
  --key FILE   a public key in PEM: refuse a TARBALL whose SHA256SUMS it has not
               signed (SHA256SUMS.sig, beside TARBALL); needs OpenSSL 3
  --downgrade  install even if a newer version is installed
"

fail() {
	echo "install.sh: $1" >&2
	exit "${2:-1}"
}

root='' init='' key='' downgrade='' tarball=''
while [ $# -gt 0 ]; do
	case $1 in
	--help | -h) printf %s "$usage"; exit 0 ;;
	--downgrade) downgrade=yes ;;
	--root | --init | --key)
		[ $# -gt 1 ] || fail "$1 needs a value; see --help" 64
		eval "${1#--}=\$2"
		shift
		;;
	-*) fail "unknown option $1; see --help" 64 ;;
	*)
		[ -z "$tarball" ] || fail "unexpected argument \"$1\"; see --help" 64
		tarball=$1
		;;
	esac
	shift
done
case $init in '' | systemd | openrc | runit | none) ;; *)
	fail "--init must be systemd, openrc, runit or none, received \"$init\"" 64
	;;
esac
[ -z "$root" ] || [ -d "$root" ] || fail "--root $root is not a directory"
[ "$(id -u)" = 0 ] || fail "only root can install the agent" 77
root=${root%/}

if [ -n "$tarball" ]; then
	[ -f "$tarball" ] || fail "$tarball is not a file"
	folder=$(dirname "$tarball") name=$(basename "$tarball")
	sums=$folder/SHA256SUMS
	[ -f "$sums" ] || fail "$sums is missing; download it with the tarball"
	if [ -n "$key" ]; then
		command -v openssl >/dev/null || fail "--key needs openssl; install OpenSSL 3"
		[ -f "$sums.sig" ] || fail "$sums.sig, the signature, is missing"
		openssl pkeyutl -verify -pubin -inkey "$key" -rawin -in "$sums" -sigfile "$sums.sig" \
			>/dev/null 2>&1 ||
			fail "$sums is not signed by the key in $key; nothing was installed"
	fi
	line=$(grep " [ *]$name\$" "$sums") || fail "$sums does not list $name"
	sum=$(sha256sum <"$tarball")
	[ "${line%% *}" = "${sum%% *}" ] ||
		fail "$tarball does not have the checksum that $sums lists; download it again"
	work=$(mktemp -d)
	trap 'rm -rf "$work"' EXIT
	tar -xf "$tarball" -C "$work" || fail "$tarball cannot be unpacked; is there space in $work, and xz?"
	set -- "$work"/*/install.sh
	[ -f "$1" ] || fail "$tarball is not a tarball of kvmmanager-agent"
	installer=$1
	set -- ${downgrade:+--downgrade}
	[ -z "$init" ] || set -- "$@" --init "$init"
	[ -z "$root" ] || set -- "$@" --root "$root"
	sh "$installer" "$@"
	exit
fi

here=$(cd "$(dirname "$0")" && pwd)
cd "$here"
[ -f SHA256SUMS ] && [ -d tree ] || fail "run this from the unpacked tarball, or name a TARBALL" 64
sha256sum -c SHA256SUMS >/dev/null 2>&1 ||
	fail "the files of the tarball do not have the checksums in SHA256SUMS; unpack it again"

read -r version <version
read -r machine <machine
[ -n "$root" ] || [ "$machine" = "$(uname -m)" ] ||
	fail "this tarball is for $machine, and this machine is $(uname -m)"
library=$root/usr/lib/kvmmanager-agent
# What only a deb has, and what only an rpm has.
for file in var/lib/dpkg/info/kvmmanager-agent.list \
	usr/lib/systemd/system-preset/85-kvmmanager-agent.preset; do
	[ ! -e "$root/$file" ] || fail "kvmmanager-agent is installed as a package: remove that first"
done
if [ -r "$library/version" ] && [ -z "$downgrade" ]; then
	read -r old <"$library/version"
	newest=$(printf '%s\n' "$old" "$version" | sort -V | tail -n 1)
	[ "$newest" = "$version" ] ||
		fail "version $old is installed, which is newer than $version; --downgrade installs it anyway"
fi

if [ -z "$init" ]; then
	if [ -z "$root" ] && [ -d /run/systemd/system ]; then init=systemd
	elif [ -x "$root/sbin/openrc-run" ]; then init=openrc
	elif [ -e "$root/etc/runit" ]; then init=runit
	elif [ -e "$root/lib/systemd/systemd" ]; then init=systemd
	else init=none; fi
fi

# Everything gets a temporary name first and its own name in the end, so that an installation that is
# broken off leaves the old agent, and each file is the old one or the new one.
suffix=.kvmmanager-new
wanted() {
	case $1 in
	# The administrator's, once it is there.
	/etc/kvmmanager-agent/*) [ ! -e "$root$1" ] ;;
	/lib/systemd/* | /lib/udev/* | /usr/lib/sysusers.d/* | /usr/lib/tmpfiles.d/* | /etc/logrotate.d/*)
		[ "$init" = systemd ]
		;;
	esac
}
files() {
	(cd tree && find . -type f) | sed 's/^\.//' | sort | while IFS= read -r file; do
		! wanted "$file" || printf '%s\n' "$file"
	done
	case $init in
	openrc) echo /etc/init.d/kvmmanager-agent ;;
	runit) echo /etc/sv/kvmmanager-agent/run ;;
	esac
}
source_of() {
	case $1 in
	/etc/init.d/kvmmanager-agent) echo init/openrc ;;
	/etc/sv/kvmmanager-agent/run) echo init/runit ;;
	*) echo "tree$1" ;;
	esac
}
list=$(files)
broken_off() {
	printf '%s\n' "$list" | while IFS= read -r file; do rm -f "$root$file$suffix"; done
	fail "$1; nothing was changed"
}
trap 'broken_off "interrupted"' INT TERM HUP

# With something for the user, the directories and the links.
needed=$(($(du -sk tree | sed 's/[^0-9].*//') + 1024))
mkdir -p "$library"
free=$(df -Pk "$library" | awk 'END { print $4 }')
[ "$free" -gt "$needed" ] ||
	broken_off "$library needs $needed KiB, and $free KiB are free"
printf '%s\n' "$list" | while IFS= read -r file; do
	mkdir -p "$root$(dirname "$file")" && cp -p "$(source_of "$file")" "$root$file$suffix" &&
		chown 0:0 "$root$file$suffix" || exit 1
done || broken_off "a file could not be written"
sync
printf '%s\n' "$list" | while IFS= read -r file; do mv -f "$root$file$suffix" "$root$file"; done
trap - INT TERM HUP
# Found out again at the next start.
rm -f "$root/var/lib/kvmmanager-agent/flags"

# What packages get from systemd-sysusers and systemd-tmpfiles.
user=kvmmanager-agent
if ! grep -q "^$user:" "$root/etc/passwd" 2>/dev/null; then
	if [ -z "$root" ] && command -v useradd >/dev/null; then
		useradd --system --user-group --no-create-home --home-dir /nonexistent \
			--shell /usr/sbin/nologin "$user"
	else
		id=$(cat "$root/etc/passwd" "$root/etc/group" 2>/dev/null |
			awk -F: '{ taken[$3] = 1 } END { for (id = 999; taken[id]; id--); print id }')
		echo "$user:x:$id:$id:Guest agent of KVM Manager:/nonexistent:/sbin/nologin" >>"$root/etc/passwd"
		echo "$user:x:$id:" >>"$root/etc/group"
		[ ! -e "$root/etc/shadow" ] || echo "$user:!:::::::" >>"$root/etc/shadow"
	fi
fi
ids=$(awk -F: -v user="$user" '$1 == user { print $3 ":" $4 }' "$root/etc/passwd")
directory() {
	mkdir -p "$root$1"
	chmod "$2" "$root$1"
	chown "$3" "$root$1"
}
directory /var/lib/kvmmanager-agent 755 0:0
directory /var/lib/kvmmanager-agent/state 700 "$ids"
directory /var/cache/kvmmanager-agent 750 "$ids"
directory /var/log/kvmmanager-agent 750 "$ids"

link() {
	mkdir -p "$root$(dirname "$2")"
	ln -sfn "$1" "$root$2"
	printf '%s\n' "$2"
}
links=$(
	case $init in
	systemd)
		wants=/etc/systemd/system units=/lib/systemd/system
		link "$units/kvmmanager-agent.service" \
			"$wants/dev-virtio\\x2dports-org.kvmmanager.agent.0.device.wants/kvmmanager-agent.service"
		for unit in poweroff.path reboot.path; do
			link "$units/kvmmanager-agent-$unit" "$wants/multi-user.target.wants/kvmmanager-agent-$unit"
		done
		link "$units/kvmmanager-agent-privileged.socket" \
			"$wants/sockets.target.wants/kvmmanager-agent-privileged.socket"
		;;
	openrc) link /etc/init.d/kvmmanager-agent /etc/runlevels/default/kvmmanager-agent ;;
	runit)
		for folder in /etc/runit/runsvdir/default /etc/service /var/service; do
			[ -d "$root$folder" ] || continue
			link /etc/sv/kvmmanager-agent "$folder/kvmmanager-agent"
			break
		done
		;;
	esac
)
cp uninstall.sh "$library/uninstall.sh$suffix"
mv "$library/uninstall.sh$suffix" "$library/uninstall.sh"
{
	printf '%s\n' "$list" "$links" /usr/lib/kvmmanager-agent/uninstall.sh \
		/usr/lib/kvmmanager-agent/files /usr/lib/kvmmanager-agent/version
} | sed '/^$/d' | sort -u >"$library/files"
echo "$version" >"$library/version"
sync

if [ -z "$root" ]; then
	case $init in
	systemd)
		systemctl daemon-reload
		systemd-tmpfiles --create kvmmanager-agent.conf || true
		systemctl start kvmmanager-agent-poweroff.path kvmmanager-agent-reboot.path \
			kvmmanager-agent-privileged.socket
		udevadm control --reload
		udevadm trigger --subsystem-match=virtio-ports --action=change
		udevadm settle --timeout=10 || true
		# Without its port the service would wait for it, and the installation for the service.
		if systemctl --quiet is-active 'dev-virtio\x2dports-org.kvmmanager.agent.0.device'; then
			systemctl restart kvmmanager-agent.service
		fi
		;;
	openrc) rc-service kvmmanager-agent restart ;;
	runit) sv restart kvmmanager-agent 2>/dev/null || : "runsvdir starts a new service by itself" ;;
	esac
fi
echo "kvmmanager-agent $version is installed ($init)"
if [ "$init" = none ]; then
	echo "start it from your init: /usr/lib/kvmmanager-agent/run" \
		"/dev/virtio-ports/org.kvmmanager.agent.0 kvmmanager-agent" \
		"/usr/bin/kvmmanager-agent serve --channel stdio"
fi
