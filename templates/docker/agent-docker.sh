#!/bin/sh
# The docker command of a Mesos agent whose Docker engine other agents share. It says whose containers are whose, shows
# the agent only its own, gives tasks a place in the cluster's network, and describes images as old and new agents read
# them. Everything else goes to the real command.

# VALUES
real=${DEVCLUSTER_DOCKER_CLI:-}
state=${TMPDIR:-/tmp}/.devcluster-docker-api
# From 1.45 on engines leave out what agents read of images, from 1.52 on of containers.
newest_api=1.44

if [ -z "$real" ]; then
  for real in /opt/devcluster/docker /usr/local/bin/docker /usr/bin/docker docker; do
    if command -v "$real" >/dev/null 2>&1; then break; fi
  done
fi
if ! command -v "$real" >/dev/null 2>&1; then
  echo 'devcluster: there is no docker command in this image; see docs/real-engine.md' >&2
  exit 127
fi

# Options before the command.
host=
while [ $# -gt 0 ]; do
  case $1 in
    -H | --host) host=$2; shift 2 ;;
    -H=* | --host=*) host=${1#*=}; shift ;;
    *) break ;;
  esac
done
if [ -n "$host" ]; then DOCKER_HOST=$host; export DOCKER_HOST; fi

command=${1:-}
case $command in
  '' | --version | -v | version) exec "$real" "$@" ;;
esac

# The engine's own version of the API, or the newest that agents understand. An engine's version outlives its agents.
if [ -z "${DOCKER_API_VERSION:-}" ]; then
  if [ ! -s "$state" ]; then
    api=$("$real" version --format '{{.Server.APIVersion}}' 2>/dev/null)
    case $api in
      1.[0-9]*)
        if [ "${api#1.}" -gt "${newest_api#1.}" ]; then api=$newest_api; fi
        echo "$api" >"$state.$$" && mv -f "$state.$$" "$state"
        ;;
    esac
  fi
  if [ -s "$state" ]; then read -r DOCKER_API_VERSION <"$state" && export DOCKER_API_VERSION; fi
fi

case $command in
  ps)
    shift
    exec "$real" ps --filter "label=devcluster.cluster=$cluster" --filter "label=devcluster.node=$node" "$@"
    ;;
  inspect)
    for last in "$@"; do :; done
    case "$*" in
      *--type=container* | *--type\ container* | *--format* | *' -f '*) exec "$real" "$@" ;;
    esac
    # Both forms that agents read; a list or a variable that isn't there is null, as in older engines.
    image=$("$real" inspect --type=image --format '[{"Id":{{json .Id}},"RepoTags":{{json .RepoTags}},"Architecture":{{json .Architecture}},"Os":{{json .Os}},"Config":{"Entrypoint":{{json .Config.Entrypoint}},"Cmd":{{json .Config.Cmd}},"Env":{{json .Config.Env}},"WorkingDir":{{json .Config.WorkingDir}},"User":{{json .Config.User}},"Labels":{{json .Config.Labels}}},"ContainerConfig":{"Entrypoint":{{json .Config.Entrypoint}},"Cmd":{{json .Config.Cmd}},"Env":{{json .Config.Env}},"WorkingDir":{{json .Config.WorkingDir}},"User":{{json .Config.User}},"Labels":{{json .Config.Labels}}}}]' "$last" 2>/dev/null)
    if [ -n "$image" ]; then
      printf '%s\n' "$image"
      exit 0
    fi
    exec "$real" "$@"
    ;;
  run) shift ;;
  *) exec "$real" "$@" ;;
esac

# docker run: what the agent says is taken apart up to the image, and put together again behind what is left of it.
mode=bridge
name=
has_dns=
mappings=
is_value=
option=
rest=$#
# First to see which network it is, since that decides about the other options.
for word in "$@"; do
  if [ -n "$is_value" ]; then
    case $option in --net | --network) mode=$word ;; --name) name=$word ;; --dns) has_dns=1 ;; esac
    is_value=
    continue
  fi
  case $word in
    --net=* | --network=*) mode=${word#*=} ;;
    --name=*) name=${word#*=} ;;
    --dns=*) has_dns=1 ;;
    -e | -v | -p | -l | -h | -u | -w | -m | -c | -a | --env | --env-file | --volume | --publish | --label | --hostname | \
      --user | --workdir | --memory | --memory-swap | --memory-reservation | --cpu-shares | --cpu-quota | --cpu-period | \
      --cpus | --net | --network | --name | --entrypoint | --dns | --dns-search | --dns-opt | --dns-option | --device | \
      --volume-driver | --shm-size | --log-driver | --log-opt | --add-host | --ulimit | --cap-add | --cap-drop | \
      --security-opt | --stop-signal | --runtime | --restart | --mount | --tmpfs | --ipc | --pid | --uts | --gpus)
      is_value=1
      option=$word
      ;;
    -*) ;;
    *) break ;;
  esac
done

is_value=
dropped=
image_seen=
while [ "$rest" -gt 0 ]; do
  word=$1
  shift
  rest=$((rest - 1))
  if [ -n "$image_seen" ]; then
    set -- "$@" "$word"
    continue
  fi
  if [ -n "$is_value" ]; then
    is_value=
    case $option in -p | --publish) mappings="$mappings $word" ;; esac
    if [ -z "$dropped" ]; then set -- "$@" "$word"; fi
    dropped=
    continue
  fi
  case $word in
    --publish=*) mappings="$mappings ${word#*=}"; continue ;;
    --net=* | --network=*) continue ;;
    --hostname=* | --dns=* | --dns-search=* | --dns-opt=* | --dns-option=*)
      # A container that joins the node's network has the node's.
      if [ "$mode" = host ]; then continue; fi
      ;;
    -p | --publish | --net | --network)
      option=$word is_value=1 dropped=1
      continue
      ;;
    -h | --hostname | --dns | --dns-search | --dns-opt | --dns-option)
      option=$word is_value=1
      if [ "$mode" = host ]; then dropped=1; continue; fi
      ;;
    -e | -v | -l | -u | -w | -m | -c | -a | --env | --env-file | --volume | --label | --user | --workdir | --memory | \
      --memory-swap | --memory-reservation | --cpu-shares | --cpu-quota | --cpu-period | --cpus | --name | --entrypoint | \
      --device | --volume-driver | --shm-size | --log-driver | --log-opt | --add-host | --ulimit | --cap-add | --cap-drop | \
      --security-opt | --stop-signal | --runtime | --restart | --mount | --tmpfs | --ipc | --pid | --uts | --gpus)
      option=$word is_value=1
      ;;
    -*) ;;
    *)
      # The image: our options go before it.
      image_seen=1
      case $mode in
        host) set -- "$@" --net "container:$holder" ;;
        bridge | default) set -- "$@" --net "$network" ;;
        *) set -- "$@" --net "$mode" ;;
      esac
      if [ "$mode" != host ] && [ "$mode" != none ] && [ -z "$has_dns" ]; then
        for server in $nameservers; do set -- "$@" --dns "$server"; done
      fi
      set -- "$@" --label "devcluster.cluster=$cluster" --label "devcluster.node=$node" --label devcluster.kind=task
      ;;
  esac
  set -- "$@" "$word"
done

if [ "$mode" = host ] || [ -z "$mappings" ]; then exec "$real" run "$@"; fi

# Connections to the node's port go on to the task's, by the container's name in the cluster's network.
forward() {
  if command -v socat >/dev/null 2>&1; then
    exec socat "TCP-LISTEN:$1,fork,reuseaddr" "TCP:$2:$3"
  elif command -v perl >/dev/null 2>&1; then
    exec perl -MIO::Socket::INET -e '
      my ($port, $host, $to) = @ARGV;
      $SIG{CHLD} = "IGNORE";
      my $server = IO::Socket::INET->new(LocalPort => $port, Listen => 128, ReuseAddr => 1) or die "port $port: $!\n";
      while (my $client = $server->accept) {
        next if fork;
        close $server;
        my $task = IO::Socket::INET->new(PeerAddr => $host, PeerPort => $to, Timeout => 10) or exit 1;
        my $up = fork;
        my ($from, $into) = $up ? ($task, $client) : ($client, $task);
        my $data;
        while (sysread($from, $data, 65536)) {
          my $at = 0;
          while ($at < length $data) { my $n = syswrite($into, $data, length($data) - $at, $at); last unless $n; $at += $n }
        }
        shutdown($into, 1);
        exit 0;
      }' "$1" "$2" "$3"
  fi
  echo "devcluster: port $1 is not forwarded: the image has neither socat nor perl" >&2
}

forwarders=
for mapping in $mappings; do
  protocol=${mapping##*/}
  pair=${mapping%/*}
  to=${pair##*:}
  from=${pair%:*}
  from=${from##*:}
  if [ "$protocol" = udp ]; then
    echo "devcluster: UDP port $from is not forwarded" >&2
    continue
  fi
  forward "$from" "$name" "$to" </dev/null >/dev/null 2>&1 &
  forwarders="$forwarders $!"
done

"$real" run "$@" &
running=$!
# shellcheck disable=SC2064,SC2086 # the numbers of now
trap "kill $running $forwarders 2>/dev/null" TERM INT HUP
wait "$running"
code=$?
# A signal ends the waiting before the command ends.
while [ "$code" -gt 128 ] && kill -0 "$running" 2>/dev/null; do
  wait "$running"
  code=$?
done
# shellcheck disable=SC2086 # they are several
kill $forwarders 2>/dev/null
exit "$code"
