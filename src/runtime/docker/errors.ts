import { DevclusterError, messageOf, systemCode } from '../../support/errors.ts';
import { describeEndpoint, type EngineEndpoint } from './endpoint.ts';

const wayOut = 'or use --runtime process, which needs no Docker.';

/** Something of ours can't be made because somebody else's has its name. It is left alone. */
export function nameInUse(what: string): DevclusterError {
  return new DevclusterError('conflict', 'NAME_IN_USE', `The engine has ${what} that is not of this cluster`, {
    hint: 'Take another name for the cluster with -c, or remove that one if nobody needs it.',
  });
}

/** An engine that takes requests and says nothing, or is gone. */
export function engineSilent(endpoint: EngineEndpoint): DevclusterError {
  return new DevclusterError(
    'missing',
    'NO_DOCKER',
    `The Docker engine at ${describeEndpoint(endpoint)} does not answer any more`,
    {
      hint: 'Look at it (docker version; Linux: sudo systemctl restart docker; elsewhere: restart Docker Desktop), then run the command again: what was begun is known, and `devcluster down` removes it.',
    },
  );
}

/** What a failed call of the engine means to the user; errors that mean nothing in particular are returned as they are. */
export function engineError(error: unknown, endpoint: EngineEndpoint): unknown {
  if (error instanceof DevclusterError) return error;
  const status = statusOf(error);
  return status === undefined ? transportError(error, endpoint) : refusal(error, status);
}

/** The HTTP status by which the engine refused, if it did. */
export function statusOf(error: unknown): number | undefined {
  const status = (error as { statusCode?: unknown } | null)?.statusCode;
  return typeof status === 'number' ? status : undefined;
}

/** What the engine says, without the client's decoration `(HTTP code 409) conflict - `. */
export function engineMessage(error: unknown): string {
  const said = (error as { json?: { message?: unknown } } | null)?.json?.message;
  const text = typeof said === 'string' ? said : messageOf(error);
  return text.replace(/^\(HTTP code \d+\) [^-]*- /, '').trim();
}

function transportError(error: unknown, endpoint: EngineEndpoint): unknown {
  const where = describeEndpoint(endpoint);
  const told = endpoint.from === 'the default' ? where : `${where} (${endpoint.from})`;
  switch (systemCode(error)) {
    case 'ENOENT':
    case 'ECONNREFUSED':
    case 'ENOTSOCK':
      return new DevclusterError('missing', 'NO_DOCKER', `No Docker engine answers at ${told}`, {
        hint: `Install Docker, or start it (Linux: sudo systemctl start docker; elsewhere: Docker Desktop), ${wayOut}`,
        cause: error,
      });
    case 'EACCES':
    case 'EPERM':
      return new DevclusterError('missing', 'DOCKER_NO_PERMISSION', `This user may not speak to Docker at ${told}`, {
        hint: `Join its group (sudo usermod -aG docker "$USER", then log in again), use rootless Docker, ${wayOut}`,
        cause: error,
      });
    case 'ETIMEDOUT':
    case 'ENOTFOUND':
    case 'EAI_AGAIN':
    case 'EHOSTUNREACH':
    case 'ENETUNREACH':
    case 'ECONNRESET':
    case 'EPIPE':
      return new DevclusterError(
        'missing',
        'NO_DOCKER',
        `The Docker engine at ${told} does not answer: ${messageOf(error)}`,
        {
          hint: `Look whether it works (docker version), ${wayOut}`,
          cause: error,
        },
      );
    default:
      if (/certificate|self.signed|SSL|TLS|EPROTO/i.test(`${systemCode(error) ?? ''} ${messageOf(error)}`))
        return new DevclusterError('missing', 'DOCKER_TLS', `The engine at ${told} refuses: ${messageOf(error)}`, {
          hint: 'Look at DOCKER_CERT_PATH and DOCKER_TLS_VERIFY, or at the certificates of the Docker context.',
          cause: error,
        });
      return error;
  }
}

function refusal(error: unknown, status: number): unknown {
  const text = engineMessage(error);
  const make = (kind: 'missing' | 'conflict', code: string, message: string, hint: string) =>
    new DevclusterError(kind, code, message, { hint, cause: error });
  if (/no space left on device|disk quota exceeded/i.test(text))
    return make(
      'missing',
      'DISK_FULL',
      `Docker has no room left: ${text}`,
      "Free some space (docker system df shows what takes it; 'devcluster images prune' removes old images of ours).",
    );
  if (/port is already allocated|address already in use|failed to bind host port/i.test(text))
    return make(
      'conflict',
      'PORT_IN_USE',
      `A port is taken: ${text}`,
      "Run `devcluster up` again to get others, or end the program that has it; fixed ones are in the configuration's `ports`.",
    );
  if (
    /executable file not found|: no such file or directory(: unknown)?$|exec: .*(permission denied|is a directory)/i.test(
      text,
    )
  )
    return make(
      'missing',
      'NO_SUCH_PROGRAM',
      `The image has not the program that it should start: ${programOf(text)}`,
      'It is not what its name says, or starts it in another way. Take the image of a set (`devcluster images list`), or --engine embedded for this component.',
    );
  if (/unable to find user|no matching entries in passwd/i.test(text))
    return make(
      'missing',
      'NO_SUCH_USER',
      `The image has not the user that its program should run as: ${text}`,
      'It is not what its name says. Take the image of a set (`devcluster images list`), or --engine embedded for this component.',
    );
  if (/exec format error|does not match the (specified|detected) (host )?platform|no matching manifest/i.test(text))
    return make(
      'missing',
      'WRONG_PLATFORM',
      `The image is made for another kind of machine: ${text}`,
      'Take an image for this platform, or --engine embedded.',
    );
  if (/No such image/i.test(text))
    return make('missing', 'NO_SUCH_IMAGE', text, 'Fetch it with `devcluster images pull`, or take --engine embedded.');
  if (status === 500 && /cannot connect|connection refused|shutting down/i.test(text))
    return make('missing', 'NO_DOCKER', `The Docker engine is not working: ${text}`, `Look at its log, ${wayOut}`);
  return new DevclusterError('unexpected', 'DOCKER_REFUSED', `Docker refuses: ${text}`, {
    hint: 'The engine itself said so; `docker info` and its log may tell more.',
    details: { status },
    cause: error,
  });
}

/** Of the shims and runtimes that pass it on, only the last word is about the image. */
function programOf(text: string): string {
  return /exec: .*$/.exec(text)?.[0].replace(/: unknown/, '') ?? text;
}

/** The same error, told of what could not be started. */
export function startError(error: unknown, what: string): unknown {
  const about = ['NO_SUCH_PROGRAM', 'NO_SUCH_USER', 'WRONG_PLATFORM', 'NO_SUCH_IMAGE', 'DOCKER_REFUSED'];
  if (!(error instanceof DevclusterError) || !about.includes(error.code)) return error;
  const { kind, code, message, hint, details, cause } = error;
  return new DevclusterError(kind, code, `${what} can't be started. ${message}`, {
    ...(hint === undefined ? {} : { hint }),
    details,
    cause,
  });
}
