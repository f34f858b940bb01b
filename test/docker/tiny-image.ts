import { execFileSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { withArchive } from './images/archive.ts';
import { tool, topLinks, tree } from './images/laptop-files.ts';
import type { TestEngine } from './test-engine.ts';

/** An image of 12 MB with a shell, some tools and a Perl that serves HTTP, made of this machine's files. */
export const tinyImage = 'devcluster-test/tiny:latest';

/** Makes the image in the engine unless it is there. */
export async function makeTinyImage(engine: TestEngine): Promise<void> {
  if ((await engine.call('GET', `/images/${tinyImage}/json`)).status === 200) return;
  const layers = {
    tiny: [...topLinks(), ...['sh', 'cat', 'env', 'id', 'ls', 'sleep', 'perl'].flatMap(tool), ...perlModules()],
  };
  const config = {
    Env: ['PATH=/usr/sbin:/usr/bin:/sbin:/bin', 'FROM_IMAGE=yes'],
    Cmd: ['/bin/sh', '-c', 'echo of the image'],
  };
  await withArchive([{ tag: tinyImage, layers: ['tiny'], config }], layers, (archive) => engine.load(archive));
}

/** Perl's own modules, as small a set as there is. */
function perlModules() {
  const folders = execFileSync('perl', ['-e', 'print join "\\n", @INC'], { encoding: 'utf8' }).split('\n');
  const base = folders.find((folder) => folder.endsWith('perl-base') && existsSync(folder));
  if (base === undefined) throw new Error('there is no perl-base here');
  return tree(base);
}

/** A command that answers HTTP requests at a port with a word, for as long as it runs. */
export function httpServer(port: number | string, word: string): string {
  return `exec perl -MIO::Socket::INET -e '$| = 1; $SIG{TERM} = sub { exit 0 }; $s = IO::Socket::INET->new(Listen => 5, LocalPort => "${port}", ReuseAddr => 1) or die "listen: $!"; print STDOUT "listening\\n"; while ($c = $s->accept) { while (<$c>) { last if /^\\r?$/ } print $c "HTTP/1.0 200 OK\\r\\nConnection: close\\r\\n\\r\\n${word}"; close $c }'`;
}
