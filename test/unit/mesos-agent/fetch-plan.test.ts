import { isAbsolute, join } from 'node:path';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { FetchError, planFetch } from '../../../src/embedded/mesos-agent/fetch-plan.ts';

describe('the plan of a fetch', () => {
  test.each([
    ['http://host/path/file.txt', 'file.txt', 'nothing'],
    ['http://host/app.tar.gz', 'app.tar.gz', 'tar'],
    ['http://host/app.tgz', 'app.tgz', 'tar'],
    ['http://host/app.tar', 'app.tar', 'tar'],
    ['http://host/app.tbz2', 'app.tbz2', 'tar'],
    ['http://host/app.tar.bz2', 'app.tar.bz2', 'tar'],
    ['http://host/app.txz', 'app.txz', 'tar'],
    ['http://host/app.tar.xz', 'app.tar.xz', 'tar'],
    ['https://host/app.zip', 'app.zip', 'zip'],
    ['file:///data/dump.gz', 'dump.gz', 'gzip'],
    ['/data/plain', 'plain', 'nothing'],
    // The real fetcher keeps the query, so such an archive is not seen as one.
    ['http://host/app.tgz?token=1', 'app.tgz?token=1', 'nothing'],
  ])('names %s %s and does %s', (value, output, finish) => {
    expect(planFetch({ value })).toMatchObject({ output, finish });
  });

  test('does not extract what is executable, or not to be extracted', () => {
    expect(planFetch({ value: '/a.tgz', executable: true }).finish).toBe('executable');
    expect(planFetch({ value: '/a.tgz', extract: false }).finish).toBe('nothing');
    expect(planFetch({ value: '/a', output_file: 'sub/b.zip' })).toMatchObject({ output: 'sub/b.zip', finish: 'zip' });
  });

  test.each(['', 'http://host', 'http://host/', 'ftp://host/file', 'hdfs://host/file', 'relative/file', "/it's"])(
    'refuses %j',
    (value) => {
      expect(() => planFetch({ value })).toThrow(FetchError);
    },
  );

  test('takes relative paths from frameworks_home', () => {
    expect(planFetch({ value: 'lib/a' }, '/home').source).toEqual({ kind: 'file', path: '/home/lib/a' });
  });

  test('never leads out of the sandbox', () => {
    const piece = fc.constantFrom('..', '.', 'a', '', 'b.tgz', '/');
    const path = fc.array(piece, { maxLength: 6 }).map((pieces) => pieces.join('/'));
    const name = fc.oneof(path, fc.string());
    fc.assert(
      fc.property(name, fc.option(name, { nil: undefined }), (value, output_file) => {
        let output: string;
        try {
          output = planFetch({ value: `/x/${value}`, ...(output_file === undefined ? {} : { output_file }) }).output;
        } catch (error) {
          expect(error).toBeInstanceOf(FetchError);
          return;
        }
        expect(isAbsolute(output)).toBe(false);
        expect(join('/sandbox', output).startsWith('/sandbox/')).toBe(true);
      }),
    );
  });
});
