import { execFile } from 'node:child_process';
import { existsSync, realpathSync, statSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { promisify } from 'node:util';
import { DevclusterError } from '../../support/errors.ts';
import type { TarEntry } from './archive.ts';

/**
 * What command tasks and COMMAND checks may expect besides Node.js and a shell; of these the ones that this machine
 * has. Kept to small programs: an image of ours is to stay small too.
 */
const tools = `sh bash dash
  [ basename cat chgrp chmod chown chroot cksum comm cp csplit cut date dd df dirname du echo env expand expr factor
  false fmt fold groups head hostid id install join link ln logname ls md5sum mkdir mkfifo mknod mktemp mv nice nl nohup
  nproc numfmt od paste pathchk pr printenv printf ptx pwd readlink realpath rm rmdir runcon seq sha1sum sha256sum shred
  shuf sleep sort split stat stdbuf stty sum sync tac tail tee test timeout touch tr true truncate tsort tty uname
  unexpand uniq unlink users wc who whoami yes
  awk cmp curl diff egrep fgrep find flock getent grep gunzip gzip hostname kill ldd nc pgrep pkill ps sed setsid tar
  unzip which xargs xz zcat`
  .trim()
  .split(/\s+/);

const folders = ['/usr/local/bin', '/usr/bin', '/bin', '/usr/sbin', '/sbin'];

/** Libraries that programs load by themselves, and data they read. */
const extras = ['libnss_files.so.2', 'libnss_dns.so.2', 'libresolv.so.2'];
const certificates = '/etc/ssl/certs/ca-certificates.crt';

const texts: Readonly<Record<string, string>> = {
  '/etc/passwd':
    'root:x:0:0:root:/root:/bin/sh\nnobody:x:65534:65534:nobody:/nonexistent:/bin/sh\ndaemon:x:1:1:daemon:/usr/sbin:/bin/sh\n',
  '/etc/group': 'root:x:0:\ndaemon:x:1:\nnogroup:x:65534:\n',
  '/etc/nsswitch.conf': 'passwd: files\ngroup: files\nhosts: files dns\n',
};

/**
 * The part of an image that is taken from this machine: the Node.js that runs this, a shell and small tools, and the
 * libraries they all need.
 * @param nodePath where Node.js is to be in the image
 * @throws DevclusterError missing
 */
export async function machineFiles(nodePath: string): Promise<TarEntry[]> {
  const found = tools.flatMap((name) => {
    const path = folders.map((folder) => join(folder, name)).find((candidate) => isProgram(candidate));
    return path === undefined ? [] : [{ name, path: realpathSync(path) }];
  });
  if (!found.some(({ name }) => name === 'sh'))
    throw new DevclusterError('missing', 'NO_SHELL', 'There is no shell on this machine to put into an image', {
      hint: 'Use --runtime process.',
    });
  const libraries = await librariesOf([process.execPath, ...found.map(({ path }) => path)]);
  const file = (path: string, source: string, mode: number): TarEntry => ({
    path,
    source,
    size: statSync(source).size,
    mode,
  });
  return [
    { path: '/bin', linkTo: 'usr/bin' },
    { path: '/sbin', linkTo: 'usr/sbin' },
    { path: '/tmp', folder: true, mode: 0o1777 },
    { path: '/var/tmp', folder: true, mode: 0o1777 },
    { path: '/root', folder: true, mode: 0o700 },
    { path: '/run', folder: true },
    { path: '/usr/sbin', folder: true },
    ...Object.entries(texts).map(([path, text]): TarEntry => ({ path, content: Buffer.from(text) })),
    ...(existsSync(certificates) ? [file(certificates, certificates, 0o644)] : []),
    ...libraries.map((path) => file(path, path, 0o755)),
    ...found.map(({ name, path }) => file(`/usr/bin/${name}`, path, 0o755)),
    file(nodePath, process.execPath, 0o755),
  ];
}

function isProgram(path: string): boolean {
  try {
    const { mode } = statSync(path);
    return (mode & 0o111) !== 0;
  } catch {
    return false;
  }
}

/** The shared libraries and the loader of programs, by the paths at which they are looked for. */
async function librariesOf(programs: readonly string[]): Promise<string[]> {
  const all = [...new Set(programs)];
  const outputs = await Promise.all(
    Array.from({ length: Math.ceil(all.length / atOnce) }, (_, i) => askLdd(all.slice(i * atOnce, (i + 1) * atOnce))),
  );
  const paths = new Set<string>();
  for (const line of outputs.join('\n').split('\n')) {
    const path = /^\s+(?:\S+ => )?(\/\S+) \(0x/.exec(line)?.[1];
    if (path && existsSync(path)) paths.add(path);
  }
  const libc = [...paths].find((path) => basename(path).startsWith('libc.so'));
  for (const name of libc ? extras : []) {
    const path = join(dirname(libc!), name);
    if (existsSync(path)) paths.add(path);
  }
  if (paths.size === 0)
    throw new DevclusterError('missing', 'NO_LDD', "The libraries that Node.js needs can't be found out with `ldd`", {
      hint: 'Use --runtime process.',
    });
  return [...paths].sort();
}

/** `ldd` looks at one program after the other; several of it make use of all cores. */
const atOnce = 32;

/** For a script among them, or a static program, it ends with a complaint; what it says of the others counts. */
async function askLdd(programs: readonly string[]): Promise<string> {
  const { stdout } = await promisify(execFile)('ldd', programs, { maxBuffer: 16 << 20 }).catch(
    (error: { stdout?: string }) => ({ stdout: error.stdout ?? '' }),
  );
  return stdout;
}
