import { createSocket } from 'node:dgram';
import { isIPv6 } from 'node:net';
import { type Answer, decode, encode, type RecordType } from 'dns-packet';
import { DevclusterError } from '../support/errors.ts';

export interface DnsReply {
  /** `NOERROR`, `NXDOMAIN`, … */
  rcode: string;
  answers: Answer[];
  additionals: Answer[];
  authorities: Answer[];
}

/**
 * One question over UDP to one server.
 * @param timeoutMs for the answer
 * @throws DevclusterError `timeout` / DNS_NO_ANSWER
 */
export function askDns(
  server: { host: string; port: number },
  name: string,
  type: RecordType,
  timeoutMs = 2000,
): Promise<DnsReply> {
  return new Promise((resolve, reject) => {
    const id = Math.floor(Math.random() * 0xffff);
    const socket = createSocket(isIPv6(server.host) ? 'udp6' : 'udp4');
    const end = (finish: () => void) => {
      clearTimeout(timer);
      socket.close();
      finish();
    };
    const noAnswer = (cause?: unknown) =>
      reject(
        new DevclusterError(
          'timeout',
          'DNS_NO_ANSWER',
          `No DNS answer from ${server.host}:${server.port} for ${name} ${type}`,
          { cause, hint: 'See `devcluster status` for the state of mesos-dns.' },
        ),
      );
    const timer = setTimeout(() => end(noAnswer), timeoutMs);
    socket.once('error', (error) => end(() => noAnswer(error)));
    // Connected, so that a closed port is reported at once instead of after the time limit.
    socket.connect(server.port, server.host, () => {
      socket.send(encode({ type: 'query', id, flags: 0x0100, questions: [{ type, name }] }));
    });
    socket.on('message', (bytes) => {
      const packet = decode(bytes);
      if (packet.id !== id) return;
      const { rcode } = packet as unknown as { rcode: string };
      end(() =>
        resolve({
          rcode,
          answers: packet.answers ?? [],
          additionals: packet.additionals ?? [],
          authorities: packet.authorities ?? [],
        }),
      );
    });
  });
}
