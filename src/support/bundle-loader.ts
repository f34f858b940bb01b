import { readFileSync, writeFileSync } from 'node:fs';
import nodeModule, { createRequire } from 'node:module';
import { dirname } from 'node:path';
import { Script } from 'node:vm';

/**
 * What the command line and a node's host really start with: runs the bundled program, compiled from V8's code cache,
 * which saves a third of the processor time until it does its work. The build makes the cache, named by a hash of the
 * bundle since V8 itself would take a cache for any bundle of the same length; one made by another version of Node.js
 * is refused by V8, and the bundle is compiled as usual.
 *
 *   node LOADER --write-cache FILE   calls the bundle's `loadAll`, writes the code cache and ends
 *   otherwise                        runs the bundle; with DEVCLUSTER_WRITE_CACHES in its environment, writes into that
 *                                    folder the code cache as it is when the process ends
 */
declare const bundleFile: string;
declare const cacheFile: string;

const bundle = `${dirname(__filename)}/${bundleFile}`;
const writing = process.argv[1] === __filename && process.argv[2] === '--write-cache';

const cachedData = writing ? undefined : readCache(`${dirname(__filename)}/${cacheFile}`);
// The build leaves only ASCII in the bundle, so the quicker decoding is the same one.
const source = readFileSync(bundle, 'latin1');
const script = new Script(nodeModule.wrap(source), { filename: bundle, ...(cachedData ? { cachedData } : {}) });
if (!writing && script.cachedDataRejected !== false)
  // Newer versions of Node.js can keep a cache of their own for the time after this.
  (nodeModule as { enableCompileCache?: () => void }).enableCompileCache?.();

const main = { exports: {} as { loadAll?: () => Promise<void> } };
script.runInThisContext()(main.exports, createRequire(bundle), main, bundle, dirname(bundle));
const folder = process.env.DEVCLUSTER_WRITE_CACHES;
if (folder)
  process.once('exit', () => writeFileSync(`${folder}/${cacheFile}.${process.pid}`, script.createCachedData()));
if (writing) void main.exports.loadAll?.().then(() => writeFileSync(process.argv[3]!, script.createCachedData()));

function readCache(path: string): Buffer | undefined {
  try {
    return readFileSync(path);
  } catch {
    return undefined;
  }
}
