import { chmod, mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { findPrograms } from '../../../src/runtime/process/programs.ts';
import type { ProgramRequest } from '../../../src/runtime/types.ts';
import { DevclusterError } from '../../../src/support/errors.ts';

let folder: string;
let jars: string;
let home: string;
const zookeeper: ProgramRequest[] = [{ component: 'zookeeper' }];

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'programs-'));
  jars = join(folder, 'share');
  home = join(folder, 'apache-zookeeper-3.9.2-bin');
  await files('bin/java');
  await chmod(join(folder, 'bin/java'), 0o755);
});
afterEach(() => rm(folder, { recursive: true, force: true }));

async function files(...names: string[]): Promise<void> {
  for (const name of names) {
    await mkdir(join(folder, name, '..'), { recursive: true });
    await writeFile(join(folder, name), '');
  }
}

const system = () => files('share/zookeeper.jar', 'share/zookeeper-3.8.0.jar', 'share/slf4j-simple.jar');
const release = () => files('apache-zookeeper-3.9.2-bin/lib/zookeeper-3.9.2.jar', 'apache-zookeeper-3.9.2-bin/conf/x');
const path = () => ({ PATH: join(folder, 'bin') });

const find = (env: Record<string, string>, requests = zookeeper, known?: ReturnType<typeof findPrograms>) =>
  findPrograms(requests, known, env, jars);
const classPath = (found: ReturnType<typeof findPrograms>) => {
  const command: readonly string[] = found?.zookeeper?.command ?? [];
  return command[command.indexOf('-cp') + 1]?.split(':');
};

function failure(call: () => unknown): DevclusterError {
  try {
    call();
  } catch (error) {
    if (error instanceof DevclusterError) return error;
    throw error;
  }
  throw new Error('nothing was thrown');
}

describe('the real ZooKeeper of this machine', () => {
  it('is looked for only when it is asked for', () => {
    expect(find({}, [])).toBeUndefined();
  });

  it("is Debian's, with one logger that writes", async () => {
    await system();
    const found = find(path());
    expect(found?.zookeeper?.version).toBe('3.8.0');
    expect(found?.zookeeper?.command[0]).toBe(join(folder, 'bin/java'));
    expect(found?.zookeeper?.command.at(-1)).toBe('org.apache.zookeeper.server.quorum.QuorumPeerMain');
    expect(classPath(found)).toEqual([join(jars, 'zookeeper.jar'), join(jars, 'slf4j-simple.jar')]);
  });

  it('is that of ZOOKEEPER_HOME when there is one, with its settings for the log', async () => {
    await system();
    await release();
    const found = find({ ...path(), ZOOKEEPER_HOME: home });
    expect(found?.zookeeper?.version).toBe('3.9.2');
    expect(classPath(found)).toEqual([join(home, 'conf'), join(home, 'lib/*'), join(home, '*')]);
  });

  it('runs by the Java of JAVA_HOME before that of the PATH', async () => {
    await system();
    await files('jdk/bin/java');
    await chmod(join(folder, 'jdk/bin/java'), 0o755);
    const found = find({ ...path(), JAVA_HOME: join(folder, 'jdk') });
    expect(found?.zookeeper?.command[0]).toBe(join(folder, 'jdk/bin/java'));
  });

  it('stays the one a cluster was made with, until it is gone', async () => {
    await system();
    await release();
    const known = find({ ...path(), ZOOKEEPER_HOME: home });
    expect(find(path(), zookeeper, known)).toEqual(known);
    await rm(home, { recursive: true });
    expect(find(path(), zookeeper, known)?.zookeeper?.version).toBe('3.8.0');
  });

  it('is missing: the error names what is and the way out', async () => {
    const both = failure(() => find({ PATH: '/nowhere' }));
    expect(both.kind).toBe('missing');
    expect(both.message).toContain("no 'java' on the PATH");
    expect(both.message).toContain(`ZOOKEEPER_HOME is not set, and ${jars} has no jars`);
    expect(both.hint).toContain('apt install zookeeper');
    const onlyJars = failure(() => find({ ...path(), ZOOKEEPER_HOME: '/nowhere' }));
    expect(onlyJars.details).toEqual({ java: true, jars: false });
    expect(onlyJars.message).toContain('neither ZOOKEEPER_HOME (/nowhere)');
    await system();
    expect(failure(() => find({ PATH: '/nowhere' })).details).toEqual({ java: false, jars: true });
  });

  it('has another version than the one asked for', async () => {
    await system();
    expect(find(path(), [{ component: 'zookeeper', version: '3.8.0' }])?.zookeeper?.version).toBe('3.8.0');
    const error = failure(() => find(path(), [{ component: 'zookeeper', version: '3.4.14' }]));
    expect([error.kind, error.code]).toEqual(['missing', 'ZOOKEEPER_VERSION_MISSING']);
  });
});

it('other real programs are containers only', () => {
  expect(failure(() => find(path(), [{ component: 'marathon' }])).code).toBe('NEEDS_DOCKER');
});
