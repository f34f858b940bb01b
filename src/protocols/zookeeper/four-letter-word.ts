import type { Socket } from 'node:net';

/**
 * Sends one of ZooKeeper's four-letter words and resolves with the whole answer, '' when the server closes the
 * connection without one (ZooKeeper administrator's guide, "The Four Letter Words").
 * @param socket a connection that is being made; it is closed in the end
 * @throws the socket's errors; ETIMEDOUT when the server hasn't finished after `timeoutMs`
 */
export function fourLetterWord(word: string, socket: Socket, timeoutMs: number): Promise<string> {
  return new Promise((resolve, reject) => {
    let answer = '';
    const timedOut = () => Object.assign(new Error(`no answer in ${timeoutMs} ms`), { code: 'ETIMEDOUT' });
    const timer = setTimeout(() => socket.destroy(timedOut()), timeoutMs);
    socket.on('connect', () => socket.write(word));
    socket.on('data', (chunk) => {
      answer += chunk.toString('latin1');
    });
    socket.on('error', reject);
    socket.on('close', () => {
      clearTimeout(timer);
      resolve(answer);
    });
  });
}

/** The mode in an answer to `srvr`: `leader`, `follower`, … It is told only by a server that serves requests. */
export function serverMode(answer: string): string | undefined {
  return /^Mode: (\w+)/m.exec(answer)?.[1];
}
