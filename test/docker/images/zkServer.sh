#!/bin/sh
# As in a release of ZooKeeper, without its JMX; only `start-foreground` is there.
if [ "$1" != start-foreground ]; then
  echo "Usage: $0 start-foreground" >&2
  exit 1
fi
# shellcheck disable=SC2086 # JVMFLAGS are several
exec java -XX:+HeapDumpOnOutOfMemoryError -XX:OnOutOfMemoryError='kill -9 %p' \
  -Xmx"${ZK_SERVER_HEAP:-1000}m" $SERVER_JVMFLAGS $JVMFLAGS \
  -Dorg.slf4j.simpleLogger.logFile=System.out -Dorg.slf4j.simpleLogger.showDateTime=true \
  -cp /usr/share/java/zookeeper.jar:/usr/share/java/slf4j-simple.jar \
  org.apache.zookeeper.server.quorum.QuorumPeerMain "$ZOOCFGDIR/zoo.cfg"
