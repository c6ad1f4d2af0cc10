/**
 * The part of the file shell's script that removes, renames and creates directory entries.
 *
 * @module
 */

import { WALK_STATUS } from "./walk.ts";

/** Statuses of these operations, besides those of the walk. */
export const ENTRY_STATUS = {
  exists: 75,
  isDirectory: 78,
  notDirectory: 79,
  special: 80,
  crossesFileSystems: 81,
  tooManyEntries: 82,
  absent: 83,
} as const;

/** Added to a status that is about the new path of a renamed entry. */
export const NEW_PATH_STATUS = 100;

/** The directory that a renamed entry is in: descriptor 4 of the shell. */
export const OLD_DIRECTORY = "/proc/self/fd/4/";

/**
 * Shell functions. Each reads its values, walks to the directory and works there by names without a
 * slash. rm(1), rmdir(1) and rename(2) never follow the last component. find(1) opens each directory
 * relative to the one above it, without following links, and deletes relative to it.
 *
 * For a rename the old directory stays open as descriptor 4. A path below `/proc/self/fd/4` starts at
 * that very directory, wherever it is now. mv(1) would copy what rename(2) cannot move, so the script
 * makes sure beforehand that both directories are on one mount of one file system, and that a link
 * to the file can be made there.
 */
export const ENTRY_FUNCTIONS = `
is_there() { [ -e "./$1" ] || [ -L "./$1" ]; }

do_remove() {
  get; final=$value
  begin "$start" && walk 0 "$@" || return
  if [ -d "./$final" ] && [ ! -L "./$final" ]; then return ${ENTRY_STATUS.isDirectory}; fi
  is_there "$final" || return ${ENTRY_STATUS.absent}
  rm -f -- "./$final"
}

do_make_directory() {
  get; mask=$value
  get; directories=$value
  get; final=$value
  umask 022
  begin "$start" && walk "$directories" "$@" || return
  umask "$mask"
  mkdir -- "./$final"
  made=$?
  umask 022
  [ "$made" != 0 ] || return 0
  [ ! -L "./$final" ] || return ${WALK_STATUS.link}
  [ ! -d "./$final" ] || return ${ENTRY_STATUS.exists}
  [ ! -e "./$final" ] || return ${ENTRY_STATUS.notDirectory}
  return ${WALK_STATUS.failed}
}

do_remove_directory() {
  get; most=$value
  get; final=$value
  begin "$start" && walk 0 "$@" || return
  [ ! -L "./$final" ] || return ${WALK_STATUS.link}
  is_there "$final" || return ${ENTRY_STATUS.absent}
  [ -d "./$final" ] || return ${ENTRY_STATUS.notDirectory}
  if [ "$most" = 1 ]; then
    rmdir -- "./$final" && echo 1
    return
  fi
  count=$(find "./$final" -xdev -print0 | tr -dc '\\000' | head -c "$((most + 1))" | wc -c)
  [ "$count" -le "$most" ] || return ${ENTRY_STATUS.tooManyEntries}
  find "./$final" -xdev -depth -ignore_readdir_race -delete && echo "$count"
}

# Walks from $1 through the names in $2, which are separated by slashes.
walk_path() {
  begin "$1" || return
  set -f
  IFS=/
  set -- $2
  set +f
  unset IFS
  walk 0 "$@"
}

# The number of the mount of an open directory, as $mount.
mount_of() {
  while read -r key mount; do
    [ "$key" != mnt_id: ] || return 0
  done < "/proc/self/fdinfo/$1"
}

is_one_file_system() {
  command exec 5< . || return
  mount_of 4 || return
  old=$mount
  mount_of 5 && [ "$mount" = "$old" ] || return
  set -- $(stat -L -c %d /proc/self/fd/4 /proc/self/fd/5)
  [ "$1" = "$2" ] || return
  if [ -d "$source" ]; then
    # Directories of a lower layer cannot be renamed.
    [ "$(stat -f -c %T .)" != overlayfs ]
    return
  fi
  [ ! . -ef /proc/self/fd/4 ] || return 0
  # Quotas and encryption may keep a file in its directory.
  case $(ln -P -T -- "$source" "./$new") in *ross-device*) return 1 ;; esac
  rm -f -- "./$new"
}

do_rename() {
  get; from=$value
  get; to_start=$value
  get; to_path=$value
  get; final=$value
  get; replace=$value
  get; new=$value
  begin "$start" && walk 0 "$@" || return
  [ ! -L "./$from" ] || return ${WALK_STATUS.link}
  is_there "$from" || return ${ENTRY_STATUS.absent}
  [ -f "./$from" ] || [ -d "./$from" ] || return ${ENTRY_STATUS.special}
  command exec 4< . || return ${WALK_STATUS.failed}
  source=${OLD_DIRECTORY}$from
  walk_path "$to_start" "$to_path" || return $(($? + ${NEW_PATH_STATUS}))
  [ ! -L "./$final" ] || return $((${WALK_STATUS.link} + ${NEW_PATH_STATUS}))
  if [ -e "./$final" ]; then
    [ "$replace" = 1 ] || return $((${ENTRY_STATUS.exists} + ${NEW_PATH_STATUS}))
    [ -f "./$final" ] || [ -d "./$final" ] || return $((${ENTRY_STATUS.special} + ${NEW_PATH_STATUS}))
  fi
  is_one_file_system || return ${ENTRY_STATUS.crossesFileSystems}
  if [ "$replace" = 1 ]; then
    mv -f -T -- "$source" "./$final"
    return
  fi
  identity=$(stat -c %d:%i -- "$source")
  # Succeeds without doing anything if the name is taken by now.
  mv -n -T -- "$source" "./$final" || [ -e "./$final" ] || return ${WALK_STATUS.failed}
  [ "$(stat -c %d:%i -- "./$final")" = "$identity" ] ||
    return $((${ENTRY_STATUS.exists} + ${NEW_PATH_STATUS}))
}
`;
