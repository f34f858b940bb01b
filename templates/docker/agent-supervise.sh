#!/bin/sh
# Keeps a Mesos agent running as a child: its executors are processes of this container, so the agent alone is ended
# and started again. SIGUSR1 ends it and keeps it ended, SIGUSR2 starts it again, SIGTERM ends it and the container.
# An agent that can't even start ends the container with its exit code, so that somebody looks. While the agent is kept
# ended there is a file that says so.

state=/tmp/.devcluster-stopped
child=
held=
began=0

end_child() {
  if [ -n "$child" ]; then kill -TERM "$child" 2>/dev/null; fi
}

# Returns when a signal comes; one that comes too early for that costs no more than the second.
pause() {
  sleep 1 &
  wait $!
}

trap 'end_child; if [ -n "$child" ]; then wait "$child"; fi; exit 143' TERM INT
trap 'held=1; : >"$state"; end_child' USR1
trap 'held=; rm -f "$state"' USR2

rm -f "$state"
lived=
while :; do
  if [ -n "$held" ]; then
    pause
    continue
  fi
  began=$(date +%s)
  "$@" &
  child=$!
  wait "$child"
  code=$?
  # A signal ends the waiting before the child ends.
  while [ "$code" -gt 128 ] && kill -0 "$child" 2>/dev/null; do
    wait "$child"
    code=$?
  done
  child=
  if [ -n "$held" ]; then continue; fi
  if [ $(($(date +%s) - began)) -ge 10 ]; then lived=1; fi
  if [ -z "$lived" ]; then exit "$code"; fi
  echo "supervise: $1 ended with code $code; it is started again" >&2
  pause
done
