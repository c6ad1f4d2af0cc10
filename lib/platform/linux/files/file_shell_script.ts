/**
 * The script that the file shell (`file_shell.ts`) runs.
 *
 * @module
 */

import { MAX_UPLOADS, UPLOAD_SUFFIX } from "../../uploads.ts";
import { ENTRY_FUNCTIONS, ENTRY_STATUS } from "./entries_script.ts";
import { WALK, WALK_STATUS } from "./walk.ts";

/** Statuses of the operations below, besides those of the walk. */
export const SHELL_STATUS = {
  ...WALK_STATUS,
  ...ENTRY_STATUS,
  foreign: 76,
  tooManyUploads: 77,
} as const;

/** The name of the one file in a private directory. */
export const PRIVATE_FILE = "new";

/**
 * Reads requests from standard input and answers each with its output, a NUL, a word and a newline.
 * The word is `ready` if the request continues, else the final status.
 *
 * A value is sent as its number of lines, a newline, its text and a newline. Values never appear in
 * arguments of the shell, which every user can read in /proc.
 *
 * A new file is written in a new directory that only its owner can enter, or next to its final name
 * if only the owner can write there anyway; there, an empty file gets its final name at once. It is
 * created with O_EXCL, otherwise under an unpredictable name, and gets its permissions through the
 * open descriptor, so files that others put there are never opened or changed.
 */
export const FILE_SHELL_SCRIPT = `${WALK}
newline='
'
get() {
  IFS= read -r lines && IFS= read -r value || exit 0
  while [ "$lines" -gt 1 ]; do
    IFS= read -r more || exit 0
    value=$value$newline$more
    lines=$((lines - 1))
  done
}

answer() { printf '\\000%s\\n' "$1"; }

back() { cd -P "\${at:-/}" && [ "$PWD" = "\${at:-/}" ]; }

# Enters a directory of this user.
enter() {
  [ ! -L "./$1" ] && cd -P "./$1" && [ "$PWD" = "$at/$1" ] && [ -O . ] || return ${SHELL_STATUS.link}
}

# Removes what a shell that was killed has left; refuses a directory that is not the agent's.
remove_left() {
  if [ -L "./$1" ] || [ ! -d "./$1" ]; then
    rm -f -- "./$1"
    return
  fi
  if enter "$1" && [ -n "$(find . -maxdepth 0 -perm 0700)" ]; then
    rm -f -- ./${PRIVATE_FILE}
    back && rmdir -- "./$1" && return
  fi
  back
  return ${SHELL_STATUS.foreign}
}

# Whether a process is there and not just waiting to be reaped.
is_alive() {
  kill -0 "$1" && read -r line < "/proc/$1/stat" || return
  case $line in *') Z '*) return 1 ;; esac
} 2> /dev/null

# The name of what is left tells which shell made it.
sweep() {
  for left in ./.kvmmanager-[0-9]*-*; do
    [ -O "$left" ] && [ ! -L "$left" ] || continue
    left=\${left#./}
    owner=\${left#.kvmmanager-}
    owner=\${owner%%-*}
    case $owner in *[!0-9]*) continue ;; esac
    is_alive "$owner" || remove_left "$left"
  done
}

# Makes the directory $new of mode 0700 and enters it.
make_private() {
  umask 077
  mkdir -- "./$new" || return ${SHELL_STATUS.failed}
  enter "$new" && return
  # The directory above has been moved, or somebody has taken the name: we are in one of the two.
  rmdir -- "./$new" "../$new" 2> /dev/null
  return ${SHELL_STATUS.link}
}

# Makes an empty file and opens it as descriptor 3.
make_file() {
  up=./ file=./$new
  if [ "$private" != 0 ]; then
    if [ "$private" = fixed ] && { [ -e "./$new" ] || [ -L "./$new" ]; }; then
      remove_left "$new" || return
    fi
    make_private || return
    up=../ file=./${PRIVATE_FILE}
  fi
  umask "$mask"
  set -C
  # Without O_EXCL the shell opens what is not a regular file, and waits at a FIFO.
  if [ -e "$file" ] || [ -L "$file" ]; then made=1
  else
    command exec 3> "$file"
    made=$?
  fi
  set +C
  umask 022
  [ "$made" = 0 ] && return
  file=
  clean
  return ${SHELL_STATUS.failed}
}

# Removes what is left of a file that was made.
clean() {
  [ -z "$file" ] || rm -f -- "$file"
  [ "$up" = ./ ] || rmdir -- "../$new"
}

set_mode() { [ -z "$mode" ] || chmod -- "$mode" /proc/self/fd/3; }

get_new_file() {
  get; mask=$value
  get; mode=$value
  get; directories=$value
  get; private=$value
  get; sweep=$value
  get; new=$value
  get; final=$value
}

open_directory() {
  umask 022
  begin "$start" && walk "$directories" "$@" || return
  if [ "$sweep" = 1 ]; then
    sweep
    back || return ${SHELL_STATUS.link}
  fi
}

do_replace() {
  get_new_file
  get; size=$value
  open_directory "$@" && make_file || return
  answer ready
  if [ -n "$size" ]; then
    if ! dd bs=65536 iflag=fullblock,count_bytes count="$size" conv=notrunc,fsync status=none >&3; then
      clean
      # The rest of the content is still to come: this shell has lost its place.
      answer ${SHELL_STATUS.failed}
      exit
    fi
  fi
  word=
  IFS= read -r word
  # Without a private directory there is nothing else to remove.
  [ "$word" != renamed ] || return 0
  if [ "$word" = commit ] && set_mode && mv -f -T -- "$file" "$up$final"; then
    file=
    clean
    return 0
  fi
  clean
  return ${SHELL_STATUS.failed}
}

# Makes an empty file under its final name, without a further process.
create_named() {
  new=$final
  if make_file; then
    set_mode && return
    clean
    return ${SHELL_STATUS.failed}
  fi
  if [ -e "./$final" ] || [ -L "./$final" ]; then return ${SHELL_STATUS.exists}; fi
  return ${SHELL_STATUS.failed}
}

do_create() {
  get_new_file
  open_directory "$@" || return
  case $final in
  .*${UPLOAD_SUFFIX})
    set -- ./.*${UPLOAD_SUFFIX}
    [ "$#" -lt ${MAX_UPLOADS} ] || [ -e "./$final" ] || return ${SHELL_STATUS.tooManyUploads}
    ;;
  esac
  if [ "$private" = 0 ]; then
    create_named
    return
  fi
  make_file || return
  status=${SHELL_STATUS.failed}
  set_mode && ln -T -- "$file" "$up$final" && status=0
  [ "$status" = 0 ] || [ ! -e "$up$final" ] && [ ! -L "$up$final" ] || status=${SHELL_STATUS.exists}
  clean
  return "$status"
}

# Takes the file into a private directory first: there it can be looked at, and nobody swaps it.
do_commit() {
  get; identity=$value
  get; mode=$value
  get; from=$value
  get; new=$value
  get; final=$value
  begin "$start" && walk 0 "$@" && make_private || return
  up=../ file=
  if ! mv -n -T -- "../$from" ./${PRIVATE_FILE}; then
    clean
    return ${SHELL_STATUS.failed}
  fi
  status=${SHELL_STATUS.link}
  if [ -f ./${PRIVATE_FILE} ] && [ "$(stat -c %d:%i ./${PRIVATE_FILE})" = "$identity" ]; then
    status=${SHELL_STATUS.failed}
    chmod -- "$mode" ./${PRIVATE_FILE} && mv -f -T -- ./${PRIVATE_FILE} "../$final" && status=0
  fi
  [ "$status" = 0 ] || mv -n -T -- ./${PRIVATE_FILE} "../$from"
  clean
  return "$status"
}

# Opens a file as descriptor 4 if it is the one that the agent has verified. Only for a directory in
# which nobody else can put a FIFO under that name.
take_verified() {
  [ -f "./$1" ] && [ ! -L "./$1" ] || return ${SHELL_STATUS.link}
  command exec 4< "./$1" || return ${SHELL_STATUS.failed}
  [ "$(stat -L -c %d:%i /proc/self/fd/4)" = "$2" ] || return ${SHELL_STATUS.link}
}

do_hash() {
  get; final=$value
  get; identity=$value
  get; expected=$value
  get; mode=$value
  begin "$start" && walk 0 "$@" && take_verified "$final" "$identity" || return
  digest=$(sha256sum <&4) || return ${SHELL_STATUS.failed}
  digest=\${digest%% *}
  printf %s "$digest"
  [ -z "$mode" ] || [ "$digest" != "$expected" ] || chmod -- "$mode" /proc/self/fd/4
}

do_piece() {
  get; final=$value
  get; offset=$value
  get; size=$value
  begin "$start" && walk 0 "$@" || return
  [ ! -L "./$final" ] || return ${SHELL_STATUS.link}
  [ -f "./$final" ] || return ${SHELL_STATUS.failed}
  answer ready
  dd of="./$final" bs=65536 iflag=fullblock,count_bytes count="$size" seek="$offset" \\
    oflag=seek_bytes,nofollow,nonblock conv=notrunc,nocreat status=none && return
  answer ${SHELL_STATUS.failed}
  exit
}

${ENTRY_FUNCTIONS}
do_fstype() {
  begin "$start" && walk 0 "$@" && stat -f -c %t .
}

# A signal that is still pending swallows the next one.
await_delivery() {
  tries=0
  while [ "$tries" -lt 20 ]; do
    while read -r key value; do
      [ "$key" != ShdPnd: ] || break
    done < "/proc/$PPID/status"
    case $value in *[!0]*) tries=$((tries + 1)) ;; *) return ;; esac
  done
}

# Interrupts the agent's threads that wait at a FIFO, or all where nobody tells which do.
do_rouse() {
  for task in /proc/"$PPID"/task/*; do
    [ "\${task##*/}" != "$PPID" ] || continue
    read -r where < "$task/wchan"
    case $where in
    '' | 0 | *fifo* | *partner*) kill -s USR2 "\${task##*/}" && await_delivery ;;
    esac
  done 2> /dev/null
  return 0
}

exec 2>&1
while get; do
  operation=$value
  get; start=$value
  get; count=$value
  set --
  while [ "$count" -gt 0 ]; do
    get
    set -- "$@" "$value"
    count=$((count - 1))
  done
  "do_$operation" "$@"
  result=$?
  exec 3>&- 4<&- 5<&-
  cd /
  answer "$result"
done
`;
