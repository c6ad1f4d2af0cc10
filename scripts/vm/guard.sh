#!/bin/sh
# Runs a machine and records how it ended. Once the process that started it is gone, for whatever
# reason, it ends the machine and removes its files.
#
# guard.sh OWNER DIRECTORY PROGRAM [ARGUMENT...]
#   OWNER      the process that the machine must not outlive
#   DIRECTORY  receives PROGRAM's process id in `pid`, its output in `qemu.log`, and its exit status
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
