import { describe, expect, it } from 'vitest';
import { parseArguments } from '../../../src/embedded/mesos-dns/arguments.ts';
import { parseConfig, parseResolver, resolversOf } from '../../../src/embedded/mesos-dns/config.ts';
import { hashTaskId, mangleDomain, rfc952, rfc1123 } from '../../../src/embedded/mesos-dns/labels.ts';

const parse = (settings: object) => parseConfig(JSON.stringify(settings), '/config.json', () => ['9.9.9.9']);
const masters = ['10.0.0.1:5050'];

describe('config.json', () => {
  it('has the defaults of Mesos-DNS', () => {
    expect(parse({ masters })).toMatchObject({
      RefreshSeconds: 60,
      TTL: 60,
      Domain: 'mesos',
      Port: 53,
      HttpPort: 8123,
      Listener: '0.0.0.0',
      Resolvers: ['8.8.8.8'],
      IPSources: ['netinfo', 'mesos', 'host'],
      SOAMname: 'ns1.mesos.',
      SOARname: 'root.ns1.mesos.',
      StateTimeoutSeconds: 300,
      ZkDetectionTimeout: 30,
    });
  });

  it('takes keys in any case and ignores those it does not know', () => {
    const config = parse({ MASTERS: masters, refreshseconds: 1, httpPORT: 1234, dnson: false, whatever: 1, ttl: null });
    expect(config).toMatchObject({ Masters: masters, RefreshSeconds: 1, HttpPort: 1234, DnsOn: false, TTL: 60 });
  });

  it('completes names and takes the local resolvers for an empty list', () => {
    const config = parse({
      masters,
      domain: 'DC.Example',
      SOARname: 'admin@example',
      SOAMname: 'ns.example.',
      resolvers: [],
    });
    expect(config).toMatchObject({
      Domain: 'dc.example',
      SOARname: 'admin.example.',
      SOAMname: 'ns.example.',
      Resolvers: ['9.9.9.9'],
    });
  });

  it.each([
    ['neither server is on', { masters, dnsOn: false, httpOn: false }, 'DnsOn or HttpOn'],
    ['no masters', {}, 'Masters or Zk'],
    ['masters without port', { masters: ['a'] }, 'host:port'],
    ['a master twice', { masters: ['a:1', 'a:1'] }, 'duplicates'],
    ['a malformed domain', { masters, domain: 'a..b' }, 'no domain'],
    ['a resolver that is a name', { masters, resolvers: ['dns.example'] }, 'IP addresses'],
    ['a zone within the domain', { masters, zoneResolvers: { 'x.mesos': ['1.1.1.1'] } }, 'overlaps mesos'],
    ['zones within each other', { masters, zoneResolvers: { a: ['1.1.1.1'], 'b.a': ['1.1.1.1'] } }, 'overlaps'],
    ['no time for the state', { masters, stateTimeoutSeconds: 0 }, 'StateTimeoutSeconds'],
    ['an unknown source', { masters, IPSources: ['magic'] }, 'IPSources'],
    ['a text for a number', { masters, ttl: '5' }, 'whole number'],
    ['a number for a text', { masters, domain: 5 }, 'must be a text'],
    ['a text for a list', { masters: 'a:1' }, 'list of texts'],
    ['a port that is none', { masters, port: 70_000 }, 'Port'],
  ])('is refused: %s', (_what, settings, message) => {
    expect(() => parse(settings)).toThrow(message);
  });

  it('names all mistakes at once', () => {
    expect(() => parse({ ttl: 'x', port: -1 })).toThrow(/ttl.*Masters.*Port/);
  });

  it('is refused when it is no JSON object', () => {
    expect(() => parseConfig('{', '/c.json', () => [])).toThrow('/c.json is no JSON');
    expect(() => parseConfig('[]', '/c.json', () => [])).toThrow('JSON object');
  });
});

describe('resolvers', () => {
  it.each([
    ['8.8.8.8', { host: '8.8.8.8', port: 53 }],
    ['127.0.0.1:5353', { host: '127.0.0.1', port: 5353 }],
    ['fd00::1', { host: 'fd00::1', port: 53 }],
    ['[fd00::1]:5353', { host: 'fd00::1', port: 5353 }],
    ['example.org', undefined],
  ])('%s', (text, expected) => {
    expect(parseResolver(text)).toEqual(expected);
  });

  it('of the system are those of resolv.conf but this machine itself', () => {
    const text = '# comment\nsearch x\nnameserver 10.0.0.1\nnameserver 127.0.0.1\nnameserver fd00::1\n';
    expect(resolversOf(text, ['127.0.0.1'])).toEqual(['10.0.0.1', 'fd00::1']);
  });
});

describe('arguments', () => {
  it.each([
    [['-config=/a.json'], '/a.json'],
    [['--config', '/a.json'], '/a.json'],
    [['-v=2', '-logtostderr', '-config=/a.json'], '/a.json'],
    [['-v', '-config=/a.json'], '/a.json'],
    [[], 'config.json'],
  ])('%j', (argv, config) => {
    expect(parseArguments(argv).config).toBe(config);
  });

  it('that are unknown are refused', () => {
    expect(() => parseArguments(['-nonsense'])).toThrow('flag provided but not defined: -nonsense');
    expect(() => parseArguments(['-config'])).toThrow('needs an argument');
  });
});

describe('labels', () => {
  it.each([
    ['Hello.World_x', 'hello-world-x'],
    ['--a$b--', 'ab'],
    ['é!', ''],
    ['x'.repeat(70), 'x'.repeat(63)],
    [`${'x'.repeat(62)}-y`, `${'x'.repeat(62)}y`],
  ])('%s becomes %s', (text, label) => {
    expect(rfc1123(text)).toBe(label);
  });

  it('under RFC 952 are shorter and begin with a letter', () => {
    expect(rfc952('1-2a')).toBe('a');
    // What the real one makes of names that are cut at a hyphen.
    expect(rfc952('of-sixty-three-until-it-is-longer')).toBe('of-sixty-three-until-iti');
    expect(rfc952('a'.repeat(30))).toHaveLength(24);
  });

  it('of a domain are mangled one by one', () => {
    expect(mangleDomain('A_b..$.c', rfc1123)).toBe('a-b.c');
  });

  it.each([
    ['api.1', '793n9'],
    ['api.2', '4juni'],
    ['dk-bridge.1', 'gikru'],
    ['dk-host.1', 'cpzd6'],
    ['dk-user.1', 'usotq'],
    ['plain.1', 'khsdw'],
  ])('the task %s has the hash %s', (id, hash) => {
    expect(hashTaskId(id)).toBe(hash);
  });
});
