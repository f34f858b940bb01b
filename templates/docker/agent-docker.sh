#!/bin/sh
# The docker command of a Mesos agent whose Docker engine other agents share. It says whose containers are whose, shows
# the agent only its own, gives tasks a place in the cluster's network, and describes images as old and new agents read
# them. Everything else goes to the real command.

# VALUES
real=${DEVCLUSTER_DOCKER_CLI:-}
# Not in TMPDIR, which agents set to each task's sandbox.
state=${DEVCLUSTER_DOCKER_STATE:-/tmp/.devcluster-docker-api}
# From 1.45 on engines leave out what agents read of images, from 1.52 on of containers.
newest_api=1.44

say() {
  echo "devcluster: $*" >&2
}

if [ -z "$real" ]; then
  for real in /opt/devcluster/docker /usr/local/bin/docker /usr/bin/docker docker; do
    if command -v "$real" >/dev/null 2>&1; then break; fi
  done
fi
if ! command -v "$real" >/dev/null 2>&1; then
  say 'there is no docker command in this image; see docs/real-engine.md'
  exit 127
fi

# Options before the command.
host=
while [ $# -gt 0 ]; do
  case $1 in
    -H | --host) host=${2:-}; shift; if [ $# -gt 0 ]; then shift; fi ;;
    -H=* | --host=*) host=${1#*=}; shift ;;
    *) break ;;
  esac
done
if [ -n "$host" ]; then DOCKER_HOST=$host; export DOCKER_HOST; fi

command=${1:-}
case $command in
  '' | --version | -v | version) exec "$real" "$@" ;;
esac

# The engine's own version of the API, or the newest that agents understand. It is kept until the container starts anew.
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
    exec "$real" ps --filter "label=devcluster.cluster=$cluster" --filter "label=devcluster.node=$node" \
      --filter label=devcluster.kind=task "$@"
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

# Takes an option apart: `key` is its long name, `value` what the word itself says, and `more` is set when the value is
# the next word. All take a value but those that are named here, so an option that is not known is none of them.
take_apart() {
  value=
  more=
  case $1 in
    --*=*)
      key=${1%%=*}
      key=${key#--}
      value=${1#*=}
      ;;
    --detach | --disable-content-trust | --help | --init | --interactive | --no-healthcheck | --oom-kill-disable | \
      --privileged | --publish-all | --quiet | --read-only | --rm | --sig-proxy | --tty | --use-api-socket)
      key=${1#--}
      ;;
    --*)
      key=${1#--}
      more=1
      ;;
    *)
      # Letters that take no value may stand together, and before one that does, whose value may follow at once.
      key=${1#-}
      while :; do
        case $key in [diqtP]?*) key=${key#?} ;; *) break ;; esac
      done
      value=${key#?}
      key=${key%"$value"}
      value=${value#=}
      case $key in [diqtP=]) ;; *) if [ -z "$value" ]; then more=1; fi ;; esac
      ;;
  esac
  case $key in
    net) key=network ;;
    dns-opt) key=dns-option ;;
    d) key=detach ;;
    h) key=hostname ;;
    p) key=publish ;;
    P) key=publish-all ;;
  esac
}

# First to see which network it is, since that decides about the other options.
mode=bridge
name=
has_dns=
key=
more=
for word in "$@"; do
  if [ -n "$more" ]; then
    value=$word
    more=
  else
    case $word in
      --) continue ;;
      -?*) take_apart "$word" ;;
      *) break ;;
    esac
    if [ -n "$more" ]; then continue; fi
  fi
  case $key in
    network) mode=$value ;;
    name) name=$value ;;
    dns) has_dns=1 ;;
  esac
done

case $mode in
  host) joins="container:$holder" ;;
  bridge | default | '') joins=$network ;;
  *) joins=$mode ;;
esac
case $joins in
  container:*) kind=joined ;;
  none) kind=none ;;
  "$network") kind=own ;;
  # Its node and Mesos-DNS are in the cluster's network, so it joins that too.
  *) kind=foreign ;;
esac

# Whether an option is left out, because ports are forwarded, or because others decide. Says so where it is missed.
is_left_out() {
  case $1 in
    network | publish) return 0 ;;
    publish-all)
      say "--$1 is left out: only mapped ports are reached"
      return 0
      ;;
    hostname | dns | dns-search | dns-option) [ "$kind" = joined ] ;;
    add-host | expose | ip | ip6 | link | link-local-ip | mac-address | network-alias)
      if [ "$kind" != joined ]; then return 1; fi
      say "--$1 is left out: the task has the network of another container"
      return 0
      ;;
    # Of `docker run` alone.
    detach | detach-keys | sig-proxy) [ "$kind" = foreign ] ;;
    *) return 1 ;;
  esac
}

mappings=
more=
left_out=
image_seen=
rest=$#
while [ "$rest" -gt 0 ]; do
  word=$1
  shift
  rest=$((rest - 1))
  if [ -n "$more" ]; then
    more=
    if [ "$key" = publish ]; then mappings="$mappings $word"; fi
    if [ -n "$left_out" ]; then continue; fi
  elif [ -z "$image_seen" ]; then
    case $word in
      --) continue ;;
      -?*)
        take_apart "$word"
        left_out=
        if is_left_out "$key"; then left_out=1; fi
        if [ "$key" = publish ] && [ -z "$more" ]; then mappings="$mappings $value"; fi
        if [ -n "$left_out" ]; then continue; fi
        ;;
      *)
        # The image: our options go before it.
        image_seen=1
        set -- "$@" --net "$joins"
        case $kind in
          own | foreign)
            if [ -z "$has_dns" ]; then for server in $nameservers; do set -- "$@" --dns "$server"; done; fi
            ;;
        esac
        set -- "$@" --label "devcluster.cluster=$cluster" --label "devcluster.node=$node" --label devcluster.kind=task
        ;;
    esac
  fi
  set -- "$@" "$word"
done

# Connections to the node's ports go on to the task's, by the container's name in the cluster's network.
forwards=
case $kind in
  own | foreign)
    for mapping in $mappings; do
      protocol=tcp
      case $mapping in */*) protocol=${mapping##*/} ;; esac
      pair=${mapping%/*}
      to=${pair##*:}
      from=${pair%:*}
      from=${from##*:}
      case $protocol/$pair/$from:$to in
        */*/*[!0-9:]* | */*/:*) known= ;;
        tcp/*:*/* | udp/*:*/*) known=1 ;;
        *) known= ;;
      esac
      if [ -n "$known" ]; then
        forwards="$forwards $protocol:$from:$to"
      else
        say "$mapping is not forwarded: what is has a port of the node and one of the container, of TCP or UDP"
      fi
    done
    ;;
esac

if [ "$kind" = foreign ]; then
  container=$("$real" create "$@") || exit
  if ! "$real" network connect "$network" "$container" >&2; then
    "$real" rm -f -v "$container" >/dev/null
    exit 125
  fi
  if [ -z "$name" ]; then name=$container; fi
  set -- start --attach "$container"
else
  set -- run "$@"
fi
if [ -z "$forwards" ]; then exec "$real" "$@"; fi

# Forwards until file 8 ends, whose other end, 9, the docker command holds for as long as it lives, however it ends. Perl
# goes before socat: it knows at once whether a port can be had, and one process does for all.
forward() {
  if command -v perl >/dev/null 2>&1; then
    # A container that has not started has no name yet; whoever comes so early shall not wait for other name servers.
    # shellcheck disable=SC2016,SC2086 # Perl's variables; the mappings are several words
    RES_OPTIONS='timeout:1 attempts:2' perl -MIO::Socket::INET -MIO::Select -e '
      my $task = shift;
      my (%port, %udp, %of);
      my $select = IO::Select->new(\*STDIN);
      for (@ARGV) {
        my ($proto, $from, $to) = split /:/;
        my ($server, $left) = (undef, 15);
        my @how = $proto eq "tcp" ? (Listen => 128, ReuseAddr => 1) : ();
        # Who had the port before may not quite have ended.
        until ($server = IO::Socket::INET->new(Proto => $proto, LocalPort => $from, @how)) {
          my $why = $!;
          if (!$left-- or !$!{EADDRINUSE}) { print STDERR "devcluster: port $from ($proto) of this node: $why\n"; exit 125 }
          select undef, undef, undef, 0.1;
        }
        $port{$server} = $to;
        $udp{$server} = {} if $proto eq "udp";
        $select->add($server);
      }
      my $child = fork;
      if (!defined $child) { print STDERR "devcluster: no process to forward ports: $!\n"; exit 125 }
      exit 0 if $child;
      setpgrp 0, 0;
      open STDOUT, ">", "/dev/null";
      open STDERR, ">", "/dev/null";
      $SIG{CHLD} = "IGNORE";
      $SIG{PIPE} = "IGNORE";
      while (1) {
        for my $ready ($select->can_read(%of ? 10 : undef)) {
          if ($ready == \*STDIN) { $SIG{TERM} = "IGNORE"; kill TERM => -$$; exit 0 }
          elsif (my $session = $of{$ready}) {
            # An answer, to whoever asked.
            my $from = $ready->recv(my $data, 65536);
            if (defined $from) { $session->{at} = time; $session->{server}->send($data, 0, $session->{peer}) }
            else { forget($session) }
          }
          elsif (my $peers = $udp{$ready}) {
            my $peer = $ready->recv(my $data, 65536);
            next unless defined $peer;
            my $session = $peers->{$peer};
            if (!$session) {
              my ($oldest) = keys %of > 800 ? sort { $a->{at} <=> $b->{at} } values %of : ();
              forget($oldest) if $oldest;
              my $to = IO::Socket::INET->new(Proto => "udp", PeerAddr => $task, PeerPort => $port{$ready}) or next;
              $session = { socket => $to, server => $ready, peer => $peer };
              $peers->{$peer} = $of{$to} = $session;
              $select->add($to);
            }
            $session->{at} = time;
            $session->{socket}->send($data);
          }
          elsif (my $client = $ready->accept) {
            my $one = fork;
            connection($client, $port{$ready}) if defined $one and !$one;
          }
        }
        for (values %of) { forget($_) if $_->{at} < time - 90 }
      }
      sub forget {
        my $session = shift;
        delete $udp{$session->{server}}{$session->{peer}};
        delete $of{$session->{socket}};
        $select->remove($session->{socket});
        close $session->{socket};
      }
      sub connection {
        my ($client, $to) = @_;
        $SIG{CHLD} = "DEFAULT";
        $_->close for $select->handles;
        my $task = IO::Socket::INET->new(PeerAddr => $task, PeerPort => $to, Timeout => 10);
        # Nobody listens: a connection that is reset is not taken for an empty answer.
        if (!$task) { setsockopt $client, SOL_SOCKET, SO_LINGER, pack("ii", 1, 0); exit 1 }
        my $other = fork;
        exit 1 unless defined $other;
        my ($from, $into) = $other ? ($task, $client) : ($client, $task);
        my $data;
        while (sysread $from, $data, 65536) {
          my $at = 0;
          while ($at < length $data) {
            my $n = syswrite $into, $data, length($data) - $at, $at;
            last unless $n;
            $at += $n;
          }
          last if $at < length $data;
        }
        shutdown $into, 1;
        exit 0;
      }' "$name" $forwards <&8 8<&- 9<&-
  elif command -v socat >/dev/null 2>&1; then
    (
      exec 9<&-
      own_group=$(command -v setsid)
      servers=
      for each in $forwards; do
        protocol=${each%%:*}
        pair=${each#*:}
        case $protocol in
          tcp) set -- "TCP4-LISTEN:${pair%:*},fork,reuseaddr" "TCP4:$name:${pair#*:}" ;;
          udp) set -- -T 90 "UDP4-LISTEN:${pair%:*},fork,reuseaddr" "UDP4:$name:${pair#*:}" ;;
        esac
        $own_group socat "$@" </dev/null >/dev/null 2>&1 &
        servers="$servers $!"
      done
      cat >/dev/null <&8
      for each in $servers; do kill -KILL "-$each" 2>/dev/null || kill -KILL "$each" 2>/dev/null; done
    ) >/dev/null 2>&1 &
  else
    say "ports are not forwarded ($forwards ): the image has neither perl nor socat"
  fi
}

pipe=$state.pipe.$$
rm -f "$pipe"
if mkfifo -m 600 "$pipe"; then
  # Opened for both, since to write alone it would wait for who reads.
  exec 9<>"$pipe"
  exec 8<"$pipe"
  rm -f "$pipe"
  forward
  code=$?
  if [ "$code" -ne 0 ]; then
    if [ "$kind" = foreign ]; then "$real" rm -f -v "$container" >/dev/null; fi
    exit "$code"
  fi
  exec 8<&-
else
  say "ports are not forwarded ($forwards ): mkfifo made no pipe $pipe"
fi
exec "$real" "$@"
