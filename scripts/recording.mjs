// Records `devcluster up` on a terminal, and writes it as an animated picture: docs/up.svg.
//
//   node scripts/recording.mjs [command…]     default: up
//
// The program is the real one, on a pseudo-terminal that a little Python program holds; needs `npm run build` and
// python3. It runs in a state folder of its own, and what it made is removed afterwards.
import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { createScreen, toSvg } from './terminal-svg.mjs';

const columns = 84;
const rows = 30;
const root = fileURLToPath(new URL('..', import.meta.url));
const bin = join(root, 'bin', 'devcluster.js');
const command = process.argv.length > 2 ? process.argv.slice(2) : ['up'];
const stateHome = await mkdtemp(join(tmpdir(), 'devcluster-recording-'));
const { NO_COLOR: _, ...inherited } = process.env;
const env = {
  ...inherited,
  XDG_STATE_HOME: stateHome,
  DEVCLUSTER_NAME: 'dev',
  DEVCLUSTER_RUNTIME: 'process',
  TERM: 'xterm-256color',
};

const holder = `
import fcntl, os, pty, struct, sys, termios
pid, terminal = pty.fork()
if pid == 0:
    fcntl.ioctl(0, termios.TIOCSWINSZ, struct.pack('HHHH', ${rows}, ${columns}, 0, 0))
    os.execvp(sys.argv[1], sys.argv[1:])
while True:
    try:
        drawn = os.read(terminal, 65536)
    except OSError:
        break
    if not drawn:
        break
    os.write(1, drawn)
os._exit(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) & 255)
`;

try {
  const screen = createScreen(columns, rows);
  const title = `$ devcluster ${command.join(' ')}`;
  screen.write(`${title}\r\n`);
  const begun = performance.now();
  const frames = [{ at: 0, lines: screen.lines() }];
  const child = spawn('python3', ['-c', holder, process.execPath, bin, ...command], {
    cwd: stateHome,
    env,
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  child.stdout.setEncoding('utf8').on('data', (chunk) => {
    screen.write(chunk);
    frames.push({ at: (performance.now() - begun) / 1000, lines: screen.lines() });
  });
  const [code] = await once(child, 'close');
  if (code !== 0) throw new Error(`devcluster ${command.join(' ')} ended with ${code}`);
  const file = join(root, 'docs', `${command[0]}.svg`);
  await writeFile(file, toSvg(frames, { columns, rows, title: `devcluster ${command.join(' ')}` }));
  console.log(`${file}: ${frames.length} frames, ${(frames.at(-1)?.at ?? 0).toFixed(2)} s`);
} finally {
  execFileSync(process.execPath, [bin, 'down', '--quiet'], { env, stdio: 'ignore' });
  await rm(stateHome, { recursive: true, force: true });
}
