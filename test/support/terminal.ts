import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';

/** Why terminals can't be played here, or undefined. */
export function noTerminal(): string | undefined {
  return spawnSync('python3', ['-c', 'import pty']).status === 0
    ? undefined
    : 'python3 with its pty module is not here';
}

export interface Terminal {
  /** Everything that was drawn so far, escape sequences and all. */
  readonly shown: string;
  /** Types text, as from a keyboard. */
  type(text: string): void;
  /** Resolves when the terminal has shown what is looked for since the last time. */
  sees(text: string | RegExp): Promise<void>;
  /** Resolves with the exit code when the program has ended. */
  readonly ended: Promise<number>;
  kill(): void;
}

/** Runs a program on a pseudo-terminal of its own, held by a little Python program, since Node.js has none. */
export function openTerminal(
  command: readonly string[],
  options: { cwd: string; env: Record<string, string | undefined>; columns?: number; rows?: number },
): Terminal {
  const { columns = 80, rows = 24, cwd, env } = options;
  const child = spawn('python3', ['-c', holder, String(columns), String(rows), ...command], {
    cwd,
    env: { ...env, TERM: 'xterm-256color' },
    stdio: ['pipe', 'pipe', 'inherit'],
  });
  let shown = '';
  let seen = 0;
  const listeners = new Set<() => void>();
  child.stdout.setEncoding('utf8').on('data', (chunk: string) => {
    shown += chunk;
    for (const listener of [...listeners]) listener();
  });
  let over = false;
  const ended = once(child, 'close').then(([code]) => {
    over = true;
    for (const listener of [...listeners]) listener();
    return code as number;
  });
  child.stdin.on('error', () => {});
  return {
    get shown() {
      return shown;
    },
    type: (text) => void child.stdin.write(text),
    sees: (text) =>
      new Promise((resolve, reject) => {
        const look = () => {
          const rest = withoutEscapes(shown).slice(seen);
          const at = typeof text === 'string' ? rest.indexOf(text) : rest.search(text);
          if (at < 0 && !over) return;
          listeners.delete(look);
          if (at < 0) return reject(new Error(`the program has ended without ${String(text)}; it showed:\n${shown}`));
          seen += at + (typeof text === 'string' ? text.length : 1);
          resolve();
        };
        listeners.add(look);
        look();
      }),
    ended,
    kill: () => void child.kill('SIGTERM'),
  };
}

export function withoutEscapes(text: string): string {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: the escape character is what is looked for
  return text.replace(/\u001b(\[[0-9;?]*[A-Za-z]|[=>78])/g, '');
}

/** Copies between its own standard streams and a terminal on which the program runs; ends with its exit code. */
const holder = `
import fcntl, os, pty, select, struct, sys, termios
columns, rows = int(sys.argv[1]), int(sys.argv[2])
pid, terminal = pty.fork()
if pid == 0:
    fcntl.ioctl(0, termios.TIOCSWINSZ, struct.pack('HHHH', rows, columns, 0, 0))
    os.execvp(sys.argv[3], sys.argv[3:])
sources = [terminal, 0]
while True:
    ready, _, _ = select.select(sources, [], [])
    if 0 in ready:
        typed = os.read(0, 4096)
        if not typed:
            # The test is over; closing the terminal ends the program.
            os._exit(129)
        os.write(terminal, typed)
    if terminal in ready:
        try:
            drawn = os.read(terminal, 65536)
        except OSError:
            drawn = b''
        if not drawn:
            break
        os.write(1, drawn)
_, status = os.waitpid(pid, 0)
os._exit(os.waitstatus_to_exitcode(status) & 255)
`;
