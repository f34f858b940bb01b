#!/bin/sh
# Keeps a Mesos agent running as a child: its executors are processes of this container, so the agent alone is ended
# and started again. SIGUSR1 ends it and keeps it ended, SIGUSR2 starts it again, SIGTERM ends it and the container.
# An agent that can't even start ends the container with its exit code, so that somebody looks. While the agent is kept
# ended there is a file that says so.

state=/tmp/.devcluster-stopped
pipe=/tmp/.devcluster-supervise.$$
# Of an engine that may be another one by now.
rm -f "$state" "$pipe" /tmp/.devcluster-docker-api

# Executors were processes of this container, so none is left when it begins. The agent has their numbers, though, and
# ends what has them now with its whole session, and it sees all processes of the machine. So it is given numbers that no
# process has: Linux has none above 4194304. Tasks are lost as ever.
dead=4194304
bury() {
  if [ -f "$1" ]; then
    dead=$((dead + 1))
    printf %s "$dead" >"$1"
  fi
}
for word in "$@"; do
  root=${word#*=}
  case $word in
    --work_dir=*)
      for file in "$root"/meta/slaves/latest/frameworks/*/executors/*/runs/*/pids/forked.pid; do bury "$file"; done
      ;;
    --runtime_dir=*)
      # Containers, and those inside them.
      for folder in "$root"/containers/* "$root"/containers/*/containers/* "$root"/containers/*/containers/*/containers/*; do
        bury "$folder/pid"
        bury "$folder/io_switchboard/pid"
      done
      ;;
  esac
done

# Hosts of cgroup v1 with systemd have v2 mounted beside it. Mesos from 1.12 on, and so clusterd, ends when it sees v2
# anywhere but at /sys/fs/cgroup, so it goes from this container's view. Engines before 25 mount everything once more, on
# top, whenever a file of the container is copied.
hide_second_cgroups() {
  if [ ! -e /.dockerenv ]; then return; fi
  while grep ' /sys/fs/cgroup tmpfs ' /proc/mounts | sed 1d | grep -q .; do umount -l /sys/fs/cgroup || return; done
  if grep -q ' /sys/fs/cgroup/unified cgroup2 ' /proc/mounts; then umount /sys/fs/cgroup/unified; fi
}

child=
# `stop` or `end`
wanted=
# Whether the child's end was asked for, also when it is to be started again by now.
asked=

end_child() {
  if [ -n "$child" ]; then kill -TERM "$child" 2>/dev/null; fi
}

trap 'wanted=end asked=1; end_child' TERM INT
trap 'if [ "$wanted" != end ]; then wanted=stop; fi; asked=1; : >"$state"; end_child' USR1
trap 'if [ "$wanted" != end ]; then wanted=; fi; rm -f "$state"' USR2

# Returns when a signal comes, and after a second: of a signal just before it only `wait` itself knows nothing, and nothing
# else that a shell can wait for is ended by signals without such a gap.
rest() {
  sleep 1 &
  wait $!
}

mkfifo -m 600 "$pipe" || exit
exec 9<>"$pipe"
rm -f "$pipe"

# No command is substituted from here on: bash 5.2 ends with a syntax error when a signal comes while it reads one.
lived=
while :; do
  while [ "$wanted" = stop ]; do rest; done
  if [ "$wanted" = end ]; then exit 143; fi
  asked=
  hide_second_cgroups
  read -r began _ </proc/uptime
  (trap - TERM INT USR1 USR2 && echo >&9 && exec "$@" 9>&-) &
  starting=$!
  # It begins with the traps of this shell, which would take a signal for it and do nothing. So none is sent before it
  # says that it has put them away.
  until read -r _ <&9; do :; done
  child=$starting
  # A signal may have come before there was a child to end.
  if [ -n "$wanted$asked" ]; then end_child; fi
  wait "$child"
  code=$?
  # A signal ends the waiting before the child ends.
  while [ "$code" -gt 128 ] && kill -0 "$child" 2>/dev/null; do
    wait "$child"
    code=$?
  done
  child=
  if [ -n "$wanted$asked" ]; then continue; fi
  read -r now _ </proc/uptime
  if [ $((${now%%.*} - ${began%%.*})) -ge 10 ]; then lived=1; fi
  if [ -z "$lived" ]; then exit "$code"; fi
  echo "supervise: $1 ended with code $code; it is started again" >&2
  rest
done
