#!/bin/sh
# Takes qemu-ga 10.0 and its libraries out of Debian 13's packages. Nothing is installed: apt works with
# sources, lists and a state of its own, and asks the mirror that this machine uses.
#
# qemu_ga_10.sh DIRECTORY    receives the packages' files
set -eu
mkdir "$1"
cd "$1"
mirror=$(apt-get indextargets --format '$(REPO_URI)' 'Created-By: Packages' 'Origin: Debian' |
	grep '/debian/$' | head -n 1)
if [ -z "$mirror" ]; then
	echo "apt knows no mirror of Debian; run apt-get update" >&2
	exit 1
fi
mkdir -p apt/state/lists/partial apt/cache/archives/partial
echo "deb [signed-by=/usr/share/keyrings/debian-archive-keyring.gpg] $mirror trixie main" >apt/sources
own_apt() {
	apt-get -q -o Acquire::Retries=3 -o Acquire::Languages=none -o APT::Sandbox::User= \
		-o Dir::Etc::SourceList="$PWD/apt/sources" -o Dir::Etc::SourceParts=- \
		-o Dir::State="$PWD/apt/state" -o Dir::State::Status=/dev/null \
		-o Dir::Cache="$PWD/apt/cache" "$@"
}
own_apt update
own_apt download qemu-guest-agent libglib2.0-0t64 libudev1 libcap2 liburing2 libnuma1 libc6 \
	libpcre2-8-0 libgcc-s1 libatomic1
for package in *.deb; do dpkg-deb --extract "$package" .; done
rm -rf apt ./*.deb
