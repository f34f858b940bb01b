import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  decodeMasterInfo,
  encodeMasterInfo,
  ipToNumber,
  masterAddress,
  numberToIp,
  parseZkUrl,
  toMasterInfo,
} from '../../../src/protocols/mesos/leader.ts';
import { bySequence } from '../../../src/protocols/zookeeper/children.ts';
import { creatorAcl, openAcl, readableAcl } from '../../../src/protocols/zookeeper/client.ts';

describe('zk:// URLs', () => {
  it.each([
    ['zk://a:1,b:2/mesos', { servers: 'a:1,b:2', path: '/mesos', auth: [] }],
    ['zk://a/mesos/x/', { servers: 'a', path: '/mesos/x', auth: [] }],
    ['zk://a:1', { servers: 'a:1', path: '/', auth: [] }],
    ['zk://a:1/', { servers: 'a:1', path: '/', auth: [] }],
    ['zk://u:p:w@a:1/m', { servers: 'a:1', path: '/m', auth: [{ scheme: 'digest', credentials: 'u:p:w' }] }],
  ])('%s', (url, expected) => {
    expect(parseZkUrl(url)).toMatchObject(expected);
  });

  it('with credentials protect what is created', () => {
    expect(parseZkUrl('zk://a:1/m').acl).toBe(openAcl);
    expect(parseZkUrl('zk://u:p@a:1/m').acl).toBe(readableAcl);
    expect(creatorAcl).toEqual([{ perms: 31, scheme: 'auth', id: '' }]);
  });

  it.each([
    '',
    'a:1/mesos',
    'http://a:1',
    'zk://',
    'zk:///mesos',
    'zk://a:1/m//x',
    'zk://u@a:1/m',
    'zk://a:0/m',
    'zk://a:1:2/m',
  ])('%j is refused', (url) => {
    expect(() => parseZkUrl(url)).toThrow(RangeError);
  });

  it('never show their password in an error', () => {
    expect(() => parseZkUrl('zk://user:secret@/m')).toThrow(/^(?!.*secret)/);
    expect(() => parseZkUrl('zk://user:secret@a:1/m//x')).toThrow(/^(?!.*secret)/);
  });
});

describe('a MasterInfo', () => {
  const identity = {
    id: '631e30a7-37e6-4974-b6d2-f1c03f9f57e8',
    ip: '172.31.77.11',
    port: 5050,
    hostname: 'node-1',
    version: '1.12.0',
  };

  it('is written as the real master wrote it', () => {
    expect(encodeMasterInfo(toMasterInfo(identity))).toBe(
      '{"address":{"hostname":"node-1","ip":"172.31.77.11","port":5050},"capabilities":[{"type":"AGENT_UPDATE"},{"type":"AGENT_DRAINING"},{"type":"QUOTA_V2"}],"hostname":"node-1","id":"631e30a7-37e6-4974-b6d2-f1c03f9f57e8","ip":189603756,"pid":"master@172.31.77.11:5050","port":5050,"version":"1.12.0"}',
    );
  });

  it('is read back', () => {
    const info = toMasterInfo(identity);
    expect(decodeMasterInfo(Buffer.from(encodeMasterInfo(info)))).toEqual(info);
    expect(masterAddress(info)).toEqual({ ip: '172.31.77.11', hostname: 'node-1', port: 5050 });
    const { address: _, hostname: __, ...old } = info;
    expect(masterAddress(old)).toEqual({ ip: '172.31.77.11', hostname: '172.31.77.11', port: 5050 });
  });

  it('is nothing else', () => {
    for (const data of [null, '', '{', '[]', 'null', '3', '{"id":"x"}', Buffer.from([0x0a, 0xff])])
      expect(decodeMasterInfo(data)).toBeUndefined();
    fc.assert(
      fc.property(fc.uint8Array(), (bytes) => {
        decodeMasterInfo(Buffer.from(bytes));
      }),
    );
  });

  it('has its address as a number whose lowest byte is the first octet', () => {
    expect(ipToNumber('10.0.0.1')).toBe(16777226);
    fc.assert(fc.property(fc.ipV4(), (ip) => numberToIp(ipToNumber(ip)) === ip));
    expect(() => ipToNumber('node-1')).toThrow(RangeError);
    expect(() => ipToNumber('1.2.3.256')).toThrow(RangeError);
  });
});

describe('sequential nodes', () => {
  it('are ordered by number, whatever they are called; names without number are left out', () => {
    const names = ['info_0000000012', 'json.info_0000000003', 'log_replicas', '0000000001', 'x_', 'y_9z'];
    expect(bySequence(names, '_')).toEqual(['0000000001', 'json.info_0000000003', 'info_0000000012']);
    expect(bySequence(['_c_b-latch-0000000010', '_c_a-latch-0000000009'], '-')).toEqual([
      '_c_a-latch-0000000009',
      '_c_b-latch-0000000010',
    ]);
  });
});
