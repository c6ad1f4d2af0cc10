#!/bin/sh
# Runs a machine, and ends it and removes its files when whoever started it is gone: the pipe on
# standard input is closed then, however that happened.
#
# guard.sh DIRECTORY PROGRAM [ARGUMENT...]
directory=$1
shift
exec 3<&0
"$@" </dev/null 3<&- &
machine=$!
{
  read -r _ <&3
  kill -KILL "$machine"
  rm -rf "$directory"
} 2>/dev/null &
watcher=$!
wait "$machine"
status=$?
kill "$watcher" 2>/dev/null
exit "$status"
