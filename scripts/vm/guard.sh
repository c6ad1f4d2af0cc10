#!/bin/sh
# Runs a machine, tells how it ended, and ends it and removes its files when whoever started it is
# gone, however that happened.
#
# guard.sh OWNER DIRECTORY PROGRAM [ARGUMENT...]
#   OWNER      the process that the machine is not to outlive
#   DIRECTORY  gets PROGRAM's process id in `pid`, what it says in `qemu.log`, and its exit status
#              in `ended`
owner=$1 directory=$2
shift 2
"$@" </dev/null >"$directory/qemu.log" 2>&1 &
machine=$!
echo "$machine" >"$directory/pid"
{
  while [ -d "/proc/$owner" ]; do sleep 1; done
  kill -KILL "$machine"
} &
watcher=$!
wait "$machine"
status=$?
kill "$watcher" 2>/dev/null
if [ -d "/proc/$owner" ]; then
  echo "$status" >"$directory/ended"
else
  rm -rf "$directory"
fi
