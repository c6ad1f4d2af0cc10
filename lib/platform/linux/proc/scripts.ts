/**
 * The scripts that read /proc and send signals.
 *
 * @module
 */

/** Bytes of a command line that are read. */
export const ARGUMENT_BYTES = 2048;

/**
 * $1: the order; $2: a process id or nothing; $3: a user's name or number, or nothing; $4: a name or
 * nothing; $5: a cursor or nothing; $6: the most lines. Prints a line with the number of matching
 * processes and the time of the guest's start, and a line for each process of the page, sorted.
 *
 * awk(1) sees the values as environment variables: it would interpret backslashes in arguments. A
 * name may contain newlines and parentheses; the numbers begin behind the last parenthesis.
 */
export const LIST_PROCESSES = `
order=$1 want_pid=$2 want_user=$3 want_name=$4 cursor=$5
most=$6
export order want_pid want_user want_name cursor
cd /proc || exit
set -- [0-9]*
tab=$(printf '\\t')
awk '
function rest_of(file,    text, line) {
  text = ""
  while ((getline line < file) > 0) text = text == "" ? line : text " " line
  close(file)
  return text
}
BEGIN {
  while ((getline line < "/etc/passwd") > 0) {
    split(line, part, ":")
    if (!(part[3] in names)) names[part[3]] = part[1]
  }
  while ((getline line < "/proc/stat") > 0) if (line ~ /^btime /) boot = substr(line, 7)
  close("/proc/stat")
  at = index(ENVIRON["cursor"], ":")
  if (at > 0) {
    after_key = substr(ENVIRON["cursor"], 1, at - 1) + 0
    after_pid = substr(ENVIRON["cursor"], at + 1) + 0
  }
  total = 0
  for (i = 1; i < ARGC; i++) {
    pid = ARGV[i]
    if (ENVIRON["want_pid"] != "" && pid != ENVIRON["want_pid"] "") continue
    line = rest_of(pid "/stat")
    if (!match(line, /.*\\) /)) continue
    start = index(line, "(")
    name = substr(line, start + 1, RLENGTH - start - 2)
    if (ENVIRON["want_name"] != "" && name != ENVIRON["want_name"] "") continue
    split(substr(line, RLENGTH + 1), field, " ")
    uid = ""; resident = 0; virtual = 0
    while ((getline line < (pid "/status")) > 0) {
      if (line ~ /^Uid:/) { split(line, part); uid = part[3] }
      else if (line ~ /^VmSize:/) { split(line, part); virtual = part[2] }
      else if (line ~ /^VmRSS:/) { split(line, part); resident = part[2] }
    }
    close(pid "/status")
    if (uid == "") continue
    user = uid in names ? names[uid] : ""
    want = ENVIRON["want_user"]
    if (want != "" && want "" != uid "" && want "" != user "") continue
    total++
    cpu = field[12] + field[13]
    key = ENVIRON["order"] == "cpu" ? -cpu : ENVIRON["order"] == "memory" ? -resident : 0
    if (at > 0 && (key < after_key || (key == after_key && pid + 0 <= after_pid))) continue
    gsub(/[[:cntrl:]]/, "?", name)
    printf "%.0f\\t%s\\t%s\\t%s\\t%s\\t%s\\t%s\\t%s\\t%.0f\\t%s\\t%s\\t%s\\n", key, pid, field[20],
      field[2], field[1], uid, user, field[18], cpu, resident, virtual, name
  }
  # Sorts before every process.
  printf "-9999999999999999\\t%d\\t%s\\n", total, boot
}' "$@" < /dev/null | sort -t "$tab" -k1,1n -k2,2n | head -n "$((most + 1))"
`;

/** The arguments are process ids. Prints for each a line with it and lines with the bytes in hexadecimal. */
export const LIST_ARGUMENTS = `
for pid; do
  echo "pid $pid"
  od -An -v -tx1 -N ${ARGUMENT_BYTES} "/proc/$pid/cmdline" 2> /dev/null
done
`;

/**
 * $1: the process; $2: when it started; $3: the signal. The start is compared in the same process that
 * sends the signal, immediately before it: for another process to have the number by then, the kernel
 * would have to use up all others in between.
 */
export const SEND_SIGNAL = `
text=
{ while read -r line || [ -n "$line" ]; do text="$text $line"; done < "/proc/$1/stat"; } 2> /dev/null
read -r mine < "/proc/$PPID/stat"
pid=$1 start=$2 name=$3
set -f
set -- \${mine##*) }
[ "$pid" != "$PPID" ] && [ "$pid" != "$2" ] || { echo agent; exit; }
set -- \${text##*) }
[ "$#" -ge 20 ] && [ "\${20}" = "$start" ] && [ "$1" != Z ] || { echo gone; exit; }
if failure=$(kill -s "$name" "$pid" 2>&1); then echo sent; exit; fi
case $failure in
*'o such process'*) echo gone ;;
*'peration not permitted'*) echo kernel ;;
*) echo failed ;;
esac
`;
