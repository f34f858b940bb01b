import { DevclusterError, messageOf, systemCode } from '../support/errors.ts';
import { type HttpCall, type HttpReply, httpCall } from '../support/http-client.ts';

/** How a client authenticates; both as the real servers take them. */
export type Credentials = { user: string; password: string } | { token: string };

/** Where a client finds a service that has several instances. */
export interface Endpoint {
  /** Base URLs of all instances, without a slash at the end; any of them answers for the leader. */
  urls: readonly string[];
  credentials?: Credentials;
  /** Certificates to trust instead of the system's, PEM. */
  ca?: string;
  /** What to do when none answers, instead of the advice for one's own cluster. */
  hint?: string;
  /** Milliseconds for one answer. Default 10 000. */
  timeoutMs?: number;
}

/** The header for the credentials, if any. */
export function authorization(credentials: Credentials | undefined): Record<string, string> {
  if (!credentials) return {};
  if ('token' in credentials) return { Authorization: `token=${credentials.token}` };
  return { Authorization: `Basic ${Buffer.from(`${credentials.user}:${credentials.password}`).toString('base64')}` };
}

/**
 * Asks one instance after the other until one answers. Instances that can't be reached, or have no leader at the
 * moment (502, 503), are passed over; a request that may have been taken is not sent twice unless it is a GET.
 * @param service the name for errors
 * @throws DevclusterError `missing` / SERVICE_UNREACHABLE when none answers
 */
export async function askAny(
  service: string,
  endpoint: Endpoint,
  path: string,
  call: HttpCall = {},
): Promise<HttpReply> {
  const failures: string[] = [];
  for (const url of endpoint.urls) {
    try {
      const reply = await httpCall(`${url}${path}`, {
        timeoutMs: endpoint.timeoutMs ?? 10_000,
        maxRedirects: 3,
        ...(endpoint.ca === undefined ? {} : { ca: endpoint.ca }),
        ...call,
        headers: { ...authorization(endpoint.credentials), ...call.headers },
      });
      if (reply.status !== 502 && reply.status !== 503) return reply;
      failures.push(`${url}: ${reply.status} ${reply.body.toString('utf8').slice(0, 200)}`);
    } catch (error) {
      call.signal?.throwIfAborted();
      failures.push(`${url}: ${messageOf(error)}`);
      const notSent = ['ECONNREFUSED', 'EHOSTUNREACH', 'ENOTFOUND', 'ENETUNREACH'].includes(systemCode(error) ?? '');
      if (!notSent && (call.method ?? 'GET') !== 'GET') break;
    }
  }
  throw new DevclusterError('missing', 'SERVICE_UNREACHABLE', `${service} does not answer: ${failures.join('; ')}`, {
    hint: endpoint.hint ?? 'See `devcluster status`; `devcluster up` repairs what failed.',
  });
}
