import type Docker from 'dockerode';
import { DevclusterError } from '../../support/errors.ts';
import { engineMessage, statusOf } from './errors.ts';

/**
 * Runs a command in a container with this process's own terminal; resolves with its exit code.
 * @throws DevclusterError conflict when the container does not run, missing when there is no such program in it
 */
export async function execInContainer(
  docker: Docker,
  container: string,
  what: { command: readonly string[]; env: Readonly<Record<string, string>>; folder?: string; name: string },
): Promise<number> {
  if (what.command.length === 0) throw new DevclusterError('usage', 'NO_COMMAND', 'There is no command to run');
  const terminal = process.stdin.isTTY === true && process.stdout.isTTY === true;
  const exec = await create(docker, container, what, terminal);
  const stream = await exec.start({ hijack: true, stdin: true, Tty: terminal });
  const restore = connect(docker, stream, exec, terminal);
  try {
    await new Promise<void>((resolve, reject) => {
      stream.once('end', resolve);
      stream.once('close', resolve);
      stream.once('error', reject);
    });
  } finally {
    restore();
  }
  const { ExitCode: code } = await exec.inspect();
  return code ?? 1;
}

/** Whether a command ends with code 0 in a container; false as well when the container does not run. */
export async function succeedsInContainer(
  docker: Docker,
  container: string,
  command: readonly string[],
): Promise<boolean> {
  try {
    const exec = await docker.getContainer(container).exec({ Cmd: [...command], AttachStdout: true });
    const stream = await exec.start({});
    await new Promise<void>((resolve, reject) => {
      stream.once('close', resolve);
      stream.once('end', resolve);
      stream.once('error', reject);
      stream.resume();
    });
    return (await exec.inspect()).ExitCode === 0;
  } catch (error) {
    if (statusOf(error) === undefined) throw error;
    return false;
  }
}

async function create(
  docker: Docker,
  container: string,
  { command, env, folder, name }: Parameters<typeof execInContainer>[2],
  terminal: boolean,
): Promise<Docker.Exec> {
  try {
    return await docker.getContainer(container).exec({
      Cmd: [...command],
      Env: Object.entries(env).map(([key, value]) => `${key}=${value}`),
      ...(folder === undefined ? {} : { WorkingDir: folder }),
      AttachStdin: true,
      AttachStdout: true,
      AttachStderr: true,
      Tty: terminal,
    });
  } catch (error) {
    if (statusOf(error) === 404 || statusOf(error) === 409)
      throw new DevclusterError('conflict', 'NODE_NOT_RUNNING', `${name} does not run: ${engineMessage(error)}`, {
        hint: `Run 'devcluster start ${name}', or 'devcluster node resume ${name}' when it is paused.`,
      });
    throw error;
  }
}

/** Joins the terminal and the command. @returns how to part them */
function connect(docker: Docker, stream: NodeJS.ReadWriteStream, exec: Docker.Exec, terminal: boolean): () => void {
  const { stdin, stdout, stderr } = process;
  if (terminal) stream.pipe(stdout, { end: false });
  else docker.modem.demuxStream(stream, stdout, stderr);
  stdin.pipe(stream);
  const resize = () => void exec.resize({ w: stdout.columns, h: stdout.rows }).catch(() => {});
  if (terminal) {
    stdin.setRawMode(true);
    stdout.on('resize', resize);
    resize();
  }
  return () => {
    stdin.unpipe(stream);
    stdin.pause();
    if (terminal) stdin.setRawMode(false);
    stdout.off('resize', resize);
  };
}
