// The yardstick: three real ZooKeeper servers alone, from their start to a quorum that answers.
import { spawn } from 'node:child_process';
import { existsSync, readdirSync } from 'node:fs';
import { startEnsemble } from './ensemble.mjs';

const jars = '/usr/share/java';

export function hasRealZooKeeper() {
  return (
    existsSync('/usr/bin/java') &&
    existsSync(jars) &&
    readdirSync(jars).some((name) => /^zookeeper-3.*\.jar$/.test(name))
  );
}

/** Seconds until one of three leads and the others follow. */
export async function realQuorumSeconds() {
  const ensemble = await startRealEnsemble();
  await ensemble.stop();
  return ensemble.seconds;
}

/** As `startEnsemble`. */
export function startRealEnsemble(settings = []) {
  return startEnsemble(settings, (_home, zooCfg) =>
    spawn('java', ['-cp', `${jars}/*`, 'org.apache.zookeeper.server.quorum.QuorumPeerMain', zooCfg], {
      stdio: 'ignore',
    }),
  );
}
