import { DevclusterError } from '../../../support/errors.ts';
import { parseReference } from './reference.ts';

export interface PullRequest {
  reference: string;
  platform?: string;
  /** The content that was asked for instead of what the tag means now. */
  digest?: string;
  /** References that are likely to work where this one is gone. */
  fallbacks: readonly string[];
  /** Whether the user has logged in to the registry. */
  loggedIn: boolean;
}

/** Whether trying again may help: the network's moods, and registries that are busy. */
export function isTransient(text: string): boolean {
  return /unexpected EOF|connection reset|TLS handshake timeout|i\/o timeout|\b50[0234]\b|Service Unavailable|temporarily|Client\.Timeout|has sent nothing/i.test(
    text,
  );
}

const notThere = /manifest unknown|manifest for .* not found|not found: manifest|name unknown|: not found/i;

/** Why an image could not be pulled, by what the engine says of it, and what to do. */
export function explainPull(text: string, request: PullRequest): DevclusterError {
  const { reference, platform, digest, fallbacks, loggedIn } = request;
  const { registry, repository, tag } = parseReference(reference);
  const instead = fallbacks.length > 0 ? ` Others that may do: ${fallbacks.join(', ')}.` : '';
  const configure = 'Set `image` of the component (or images.registry) in the configuration to one that is there';
  const make = (code: string, message: string, hint: string) =>
    new DevclusterError('missing', code, message, { hint, details: { image: reference, registry, said: text } });

  if (/toomanyrequests|rate limit|\b429\b|Too Many Requests/i.test(text))
    return make(
      'RATE_LIMITED',
      `${registry} gives no more images to this address for now: ${text}`,
      `${loggedIn ? 'Wait' : "Log in ('docker login') for a limit of your own, wait"}, or take a mirror: images.registry in the configuration, or DEVCLUSTER_REGISTRY. What was pulled so far is kept.`,
    );
  if (/no space left on device|disk quota exceeded/i.test(text))
    return make(
      'DISK_FULL',
      `Docker has no room left for ${reference}: ${text}`,
      "Free some space (docker system df shows what takes it; 'devcluster images prune' removes old images of ours), then pull again: layers that are there are not fetched again.",
    );
  if (/no matching manifest|does not match the specified platform|image operating system/i.test(text))
    return make(
      'WRONG_PLATFORM',
      `There is no ${reference} for ${platform ?? "this engine's platform"}: ${text}`,
      `Pull it for another platform that the engine can emulate (--platform linux/amd64), or take --engine embedded for this component.${instead}`,
    );
  if (/manifest version 1|schema.?1|application\/vnd\.docker\.distribution\.manifest\.v1/i.test(text))
    return make(
      'IMAGE_TOO_OLD',
      `${reference} is stored in a form that this engine no longer takes: ${text}`,
      `${configure}.${instead}`,
    );
  if (digest !== undefined && notThere.test(text))
    return make(
      'NO_SUCH_IMAGE',
      `${registry} no longer has the ${repository} that devcluster.lock pins (${digest.slice(0, 19)}…): ${text}`,
      `Take what the tag means now with 'devcluster images pull --update', which pins that.${instead}`,
    );
  if (notThere.test(text))
    return make(
      'NO_SUCH_IMAGE',
      `${registry} has no ${repository}${tag ? ` with the tag '${tag}'` : ''}: ${text}`,
      `${configure}.${instead}`,
    );
  if (
    /unauthorized|authentication required|access.*denied|no basic auth|incorrect username|\b401\b|\b403\b|denied:/i.test(
      text,
    )
  )
    return make(
      'REGISTRY_UNAUTHORIZED',
      `${registry} does not let this user have ${repository}: ${text}`,
      loggedIn
        ? `The login that is kept for it is not enough: 'docker login ${registry}' again, with a user who may. A name that does not exist is refused alike.`
        : `Log in: 'docker login${registry === 'docker.io' ? '' : ` ${registry}`}'. A name that does not exist is refused alike.${instead}`,
    );
  if (/server gave HTTP response to HTTPS client/i.test(text))
    return make(
      'REGISTRY_INSECURE',
      `${registry} speaks HTTP without TLS, which the engine refuses: ${text}`,
      "Add it to 'insecure-registries' of the engine's daemon.json.",
    );
  if (/x509|certificate/i.test(text))
    return make(
      'REGISTRY_TLS',
      `The engine does not trust ${registry}: ${text}`,
      "Put the registry's CA below /etc/docker/certs.d on the engine's machine; a proxy that opens TLS needs its CA there too.",
    );
  if (/unexpected (HTTP )?status.*\b50\d\b/i.test(text))
    return make(
      'REGISTRY_UNREACHABLE',
      `${registry} is in trouble: ${text}`,
      'Try again later, or take a mirror: images.registry in the configuration, or DEVCLUSTER_REGISTRY. Without a registry, --engine embedded works.',
    );
  if (
    /no such host|connection refused|network is unreachable|no route to host|timeout|dial tcp|proxyconnect|EOF|connection reset/i.test(
      text,
    )
  )
    return make(
      'REGISTRY_UNREACHABLE',
      `The engine can't reach ${registry}: ${text}`,
      "Look at the network and at the engine's proxy settings (docker info). Without a registry, --engine embedded works.",
    );
  if (/invalid reference format/i.test(text))
    return new DevclusterError('usage', 'BAD_IMAGE_REFERENCE', `'${reference}' is no image reference`, {
      hint: 'It is, for instance, zookeeper:3.9 or registry.example.com:5000/team/zookeeper:3.9.',
    });
  return make(
    'PULL_FAILED',
    `${reference} can't be pulled: ${text}`,
    'The engine itself said so; its log may tell more.',
  );
}
