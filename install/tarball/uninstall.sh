#!/bin/sh
# Removes an agent that install.sh has installed. The configuration, the log and the user stay, unless
# --purge is given.
#
#   uninstall.sh [--root DIR] [--purge]
set -eu

root='' purge=''
while [ $# -gt 0 ]; do
	case $1 in
	--purge) purge=yes ;;
	--root)
		[ $# -gt 1 ] || { echo "uninstall.sh: --root needs a value" >&2; exit 64; }
		root=${2%/}
		shift
		;;
	*)
		echo "uninstall.sh: unexpected argument \"$1\"; expected --root DIR or --purge" >&2
		exit 64
		;;
	esac
	shift
done
library=$root/usr/lib/kvmmanager-agent
if [ ! -r "$library/files" ]; then
	echo "uninstall.sh: $library/files is missing: install.sh has installed no agent here" >&2
	exit 1
fi

if [ -z "$root" ]; then
	if [ -d /run/systemd/system ]; then
		systemctl stop kvmmanager-agent-poweroff.path kvmmanager-agent-reboot.path \
			kvmmanager-agent-privileged.socket kvmmanager-agent.service || true
	elif [ -x /etc/init.d/kvmmanager-agent ]; then
		rc-service kvmmanager-agent stop || true
	elif [ -d /etc/sv/kvmmanager-agent ]; then
		sv stop kvmmanager-agent || true
	fi
fi

while IFS= read -r file; do
	case $file in /etc/kvmmanager-agent/*) [ -n "$purge" ] || continue ;; esac
	rm -f "$root$file"
	# Directories that are empty now; those of the system are not.
	folder=$(dirname "$file")
	while [ "$folder" != / ]; do
		case $folder in *kvmmanager*) ;; *) break ;; esac
		rmdir "$root$folder" 2>/dev/null || break
		folder=$(dirname "$folder")
	done
done <"$library/files"
rm -rf "$library"
rm -f "$root/var/lib/kvmmanager-agent/flags"
if [ -n "$purge" ]; then
	# The user stays: it may own files anywhere.
	rm -rf "$root/etc/kvmmanager-agent" "$root/var/lib/kvmmanager-agent" \
		"$root/var/cache/kvmmanager-agent" "$root/var/log/kvmmanager-agent" \
		"$root/run/kvmmanager-agent-service" "$root/run/kvmmanager-agent-privileged"
	rm -f "$root"/var/log/kvmmanager-agent.log "$root"/var/log/kvmmanager-agent.log.*
fi
if [ -z "$root" ] && [ -d /run/systemd/system ]; then systemctl daemon-reload; fi
echo "kvmmanager-agent is removed"
