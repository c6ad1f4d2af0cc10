/**
 * Finds out about an installed agent: prints lines `NAME VALUE`, and nothing for what it cannot find.
 *
 * `$1` is the name of the port, `$2` the state directory, `$3` the unit, `$4` the broker's socket.
 */
export const FACTS = `
say() { [ -z "$2" ] || printf '%s %s\\n' "$1" "$2"; }
yes() { name=$1; shift; if "$@" > /dev/null 2>&1; then echo "$name yes"; else echo "$name no"; fi; }
say uid "$(id -u)"
say kernel "$(uname -r)"

yes port [ -c "/dev/virtio-ports/$1" ]
say ports "$(cat /sys/class/virtio-ports/*/name 2> /dev/null | tr '\\n' ' ')"
yes driver [ -d /sys/bus/virtio/drivers/virtio_console ]

pid=
if [ -d /run/systemd/system ]; then
  say manager systemd
  say state "$(systemctl show --property=ActiveState --value "$3" 2> /dev/null)"
  say loaded "$(systemctl show --property=LoadState --value "$3" 2> /dev/null)"
  say restarts "$(systemctl show --property=NRestarts --value "$3" 2> /dev/null)"
  say result "$(systemctl show --property=Result --value "$3" 2> /dev/null)"
  pid=$(systemctl show --property=MainPID --value "$3" 2> /dev/null)
  say broker_state "$(systemctl is-active kvmmanager-agent-privileged.socket 2> /dev/null)"
elif command -v rc-service > /dev/null 2>&1; then
  say manager openrc
  if rc-service "\${3%.service}" status > /dev/null 2>&1; then say state active
  else say state inactive
  fi
  if rc-service --exists "\${3%.service}"; then say loaded loaded; else say loaded not-found; fi
fi
if [ "\${pid:-0}" -gt 0 ]; then
  say pid "$pid"
  yes holds_port [ "$(readlink "/proc/$pid/fd/0")" -ef "/dev/virtio-ports/$1" ]
  say exe "$(readlink "/proc/$pid/exe")"
  say flags "$(tr '\\0' ' ' < "/proc/$pid/cmdline" 2> /dev/null | cut -c 1-100000)"
  while read -r key value _; do
    case $key in
    Uid:) say process_uid "$value" ;;
    NoNewPrivs:) say no_new_privileges "$value" ;;
    Seccomp:) say seccomp "$value" ;;
    CapEff:) say capabilities "$value" ;;
    VmRSS:) say resident_kib "$value" ;;
    esac
  done < "/proc/$pid/status"
fi

say user "$(id -u kvmmanager-agent 2> /dev/null)"
say state_directory "$(stat -c '%u %a' "$2" 2> /dev/null)"
say broker_socket "$(stat -c '%F:%u:%a' "$4" 2> /dev/null | sed 's/ /-/g')"

say now "$(date +%s)"
say hardware_clock "$(cat /sys/class/rtc/rtc0/since_epoch 2> /dev/null)"
say synchronized "$(timedatectl show --property=NTPSynchronized --value 2> /dev/null)"

for place in / "$2"; do
  set -- $(df -P -k "$place" 2> /dev/null | tail -n 1)
  [ "$#" -lt 6 ] || say disk "$6 \${5%\\%} $4"
done
while read -r _ place _ options _; do
  [ "$place" != / ] || case ,$options, in *,ro,*) root=ro ;; *) root=rw ;; esac
done < /proc/mounts
say root "\${root-}"
`;
