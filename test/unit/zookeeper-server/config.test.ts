import { describe, expect, test } from 'vitest';
import { ConfigError, parseZooConfig } from '../../../src/embedded/zookeeper/config.ts';

const ensemble = [
  'dataDir=/d',
  'clientPort=2181',
  'initLimit=5',
  'syncLimit=2',
  'server.1=node-1:2888:3888',
  'server.2=node-2:2888:3888',
  'server.3=node-3:2888:3888',
].join('\n');

const parse = (text: string, myid: string | undefined = '2\n') => parseZooConfig(text, () => myid);

describe('zoo.cfg', () => {
  test('with the least that is needed is a standalone server with the defaults of the real one', () => {
    expect(parse('dataDir=/d\nclientPort=2181')).toMatchObject({
      standalone: true,
      tickTime: 3000,
      minSessionTimeout: 6000,
      maxSessionTimeout: 60_000,
      dataDir: '/d',
      dataLogDir: '/d',
      clientPort: 2181,
      maxClientConnections: 60,
      fourLetterWords: new Set(['srvr']),
      admin: { enabled: false, port: 8080 },
      maxFrameBytes: 0xfffff,
      forceSync: true,
      extendedTypes: false,
      warnings: [],
    });
  });

  test('of an ensemble takes its id from myid, wherever the own line stands', () => {
    const config = parse(ensemble);
    expect(config).toMatchObject({ id: 2, standalone: false, warnings: [] });
    expect(config.peers[1]).toEqual({ id: 2, host: 'node-2', quorumPort: 2888, electionPort: 3888 });
  });

  test('takes comments, blanks and continued lines as Java properties do', () => {
    const config = parse('# c\n! c\n  dataDir = /d \nclientPort:2181\n4lw.commands.whitelist=ruok, \\\n   mntr\n');
    expect(config).toMatchObject({ dataDir: '/d', clientPort: 2181, fourLetterWords: new Set(['ruok', 'mntr']) });
  });

  test('can name the client port in the line of the server', () => {
    const text = ensemble
      .replace('clientPort=2181\n', '')
      .replace('server.2=node-2:2888:3888', 'server.2=[::1]:2888:3888:participant;127.0.0.2:2182');
    expect(parse(text)).toMatchObject({ clientPort: 2182, clientHost: '127.0.0.2' });
    expect(parse(text).peers[1]?.host).toBe('::1');
  });

  test('warns about what it does not know, and about what it knows and does not do not', () => {
    const { warnings } = parse('dataDir=/d\nclientPort=1\ntickTme=5\npreAllocSize=1\nautopurge.purgeInterval=1');
    expect(warnings).toEqual(["unknown key 'tickTme' in zoo.cfg is ignored"]);
  });

  test('with one server line is standalone, and says so', () => {
    const config = parse('dataDir=/d\nclientPort=1\nserver.4=h:1:2');
    expect(config).toMatchObject({ standalone: true, id: 4 });
    expect(config.warnings).toHaveLength(1);
  });

  test.each([
    ['no data folder', 'clientPort=1', /dataDir is not set/],
    ['no number', 'dataDir=/d\ntickTime=fast', /tickTime=fast is not a whole number/],
    ['a port out of range', 'dataDir=/d\nclientPort=70000', /not a port/],
    ['limits the wrong way round', 'dataDir=/d\nminSessionTimeout=9\nmaxSessionTimeout=5', /must not be larger/],
    ['no ports of a server', ensemble.replace(':2888:3888', ''), /server\.1=node-1 is not of the form/],
    ['an observer', ensemble.replace('node-1:2888:3888', 'node-1:2888:3888:observer'), /only participants/],
    ['no initLimit', ensemble.replace('initLimit=5\n', ''), /initLimit is not set/],
    ['TLS', 'dataDir=/d\nsecureClientPort=2281', /TLS/],
    ['TLS between servers', 'dataDir=/d\nsslQuorum=true', /TLS/],
    ['weights', 'dataDir=/d\nweight.1=2', /every vote counts the same/],
    ['being an observer', 'dataDir=/d\npeerType=observer', /observers are not supported/],
    ['no key', 'dataDir=/d\n=x', /not of the form key=value/],
  ])('with %s is refused', (_, text, message) => {
    expect(() => parse(text)).toThrow(message);
    expect(() => parse(text)).toThrow(ConfigError);
  });

  test.each([
    ['missing', undefined, /\/d\/myid file is missing/],
    ['no number', 'two', /not a number/],
    ['of nobody', '9', /there is no server\.9 line/],
  ])('with a myid that is %s is refused', (_, myid, message) => {
    expect(() => parseZooConfig(ensemble, () => myid)).toThrow(message);
  });
});
