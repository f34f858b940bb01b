// Three embedded ZooKeeper servers alone: node hosts as devcluster starts them, carrying nothing else.
import { spawn } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { startEnsemble } from './ensemble.mjs';

const program = fileURLToPath(new URL('../../dist/node-host.cjs', import.meta.url));

/** As `startEnsemble`. */
export function startEmbeddedEnsemble(settings = []) {
  return startEnsemble(settings, (home, zooCfg, i) => {
    const unit = {
      cluster: 'bench',
      node: `node-${i + 1}`,
      address: '127.0.0.1',
      services: [{ component: 'zookeeper', argv: [zooCfg], env: {} }],
      controlSocket: join(home, 'control.sock'),
      pidFile: join(home, 'pid'),
      logsDir: join(home, 'logs'),
      cut: [],
      keepFresh: [],
    };
    writeFileSync(join(home, 'unit.json'), JSON.stringify(unit));
    return spawn(process.execPath, ['--v8-pool-size=1', program, join(home, 'unit.json')], { stdio: 'ignore' });
  });
}
