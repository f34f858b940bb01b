import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { initFile, nameFor } from '../../../src/cli/init-file.ts';
import { statusChanges } from '../../../src/cli/status-changes.ts';
import { cutLine, formatList, formatTable } from '../../../src/cli/table.ts';
import type { StatusDocument } from '../../../src/cluster/status.ts';
import { parseConfigFile } from '../../../src/config/file.ts';
import { clusterNamePattern } from '../../../src/config/names.ts';
import { redact } from '../../../src/support/redact.ts';

describe('the file that init writes', () => {
  const answers = { name: 'shop', nodes: 5, runtime: 'process', engine: 'auto', samples: false } as const;
  const parse = (text: string) => parseConfigFile('/p/devcluster.yml', text, '/p');

  it('is a configuration, also when everything in it is put to use', () => {
    const { raw, mistakes } = parse(initFile(answers));
    expect(mistakes).toEqual([]);
    expect(raw).toMatchObject({ name: 'shop', nodes: 5, runtime: 'process', samples: false });
    const used = initFile(answers).replace(/^# (?=apps:| {2}|secrets:|components:|timeouts:)/gm, '');
    const all = parse(used);
    expect(all.mistakes).toEqual([]);
    expect(Object.keys(all.raw)).toEqual(expect.arrayContaining(['apps', 'secrets', 'components', 'timeouts']));
  });

  it('names the cluster after the folder, whatever that is called', () => {
    expect(nameFor('My Shop_2')).toBe('my-shop-2');
    expect(nameFor('2016')).toBe('dev');
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), (folder) => {
        expect(nameFor(folder)).toMatch(clusterNamePattern);
      }),
    );
  });
});

describe('a status that is watched', () => {
  const status = (more: object = {}, node: object = {}): StatusDocument =>
    ({
      name: 'a',
      state: 'running',
      nodes: [
        {
          name: 'node-1',
          address: '127.0.0.1',
          state: 'running',
          services: [{ component: 'marathon', ready: true, state: 'running', leader: true }],
          ...node,
        },
      ],
      mesos: { leader: 'node-1', agents: 1, frameworks: 1, tasksRunning: 2 },
      marathon: { leader: 'node-1', apps: 1, deployments: 0 },
      ...more,
    }) as unknown as StatusDocument;

  it('tells what became different, and nothing else', () => {
    expect(statusChanges(status(), status())).toEqual([]);
    expect(
      statusChanges(
        status(),
        status(
          { state: 'degraded', mesos: { leader: null, agents: 0, frameworks: 0, tasksRunning: 0 } },
          { state: 'failed' },
        ),
      ),
    ).toEqual([
      'cluster a: running → degraded',
      'node-1: running → failed',
      'leading master: node-1 → none',
      'agents: 1 → 0',
      'tasks running: 2 → 0',
    ]);
    const services = [{ component: 'marathon', ready: false, state: 'running', leader: false, reason: 'no leader' }];
    expect(statusChanges(status(), status({}, { services }))).toEqual(['node-1/marathon: not ready, no leader']);
    expect(statusChanges(status(), { name: 'a', state: 'absent', nodes: [] })).toEqual([
      'cluster a: running → absent',
      'node-1: gone',
    ]);
  });

  it('is cut to the width of the terminal, colours aside', () => {
    expect(cutLine('short', 10)).toBe('short');
    expect(cutLine('\u001b[31mabcdefghijk\u001b[39m', 5)).toBe('\u001b[31mabcd\u001b[39m…');
    expect(cutLine('ab', 1)).toBe('…');
  });
});

describe('what fits 80 columns', () => {
  it('is a table whose long last cells push nothing aside', () => {
    expect(
      formatTable([
        ['Marathon', 'http://127.1.1.1:8080', 'led by node-1'],
        ['ZooKeeper', '127.1.1.1:2181,127.1.1.2:2181,127.1.1.3:2181'],
      ]),
    ).toBe('Marathon   http://127.1.1.1:8080  led by node-1\nZooKeeper  127.1.1.1:2181,127.1.1.2:2181,127.1.1.3:2181');
  });

  it('is a list of however many words', () => {
    const words = Array.from({ length: 30 }, (_, i) => `/samples/app-${i}`);
    const lines = formatList('Apps:', words).split('\n');
    expect(lines.length).toBeGreaterThan(1);
    expect(Math.max(...lines.map((line) => line.length))).toBeLessThanOrEqual(80);
    expect(
      lines
        .join(' ')
        .replace('Apps:', '')
        .split(',')
        .map((word) => word.trim()),
    ).toEqual(words);
  });
});

describe('what is passed on', () => {
  it('holds no secrets, neither known ones nor those that are called so', () => {
    const document = {
      env: { DB_PASSWORD: 'x1', COLOR: 'red', URL: 'http://me:hunter22@host', api_key: ['k'] },
      secrets: { DB: { source: 'DB' } },
      count: 3,
    };
    expect(redact(document, ['hunter22', 'red'])).toEqual({
      env: { DB_PASSWORD: '(removed)', COLOR: 'red', URL: 'http://me:(removed)@host', api_key: ['(removed)'] },
      secrets: { DB: { source: 'DB' } },
      count: 3,
    });
  });
});
