// What the sample apps share: an HTTP server on the task's own port, and looking up another app in Mesos-DNS.
import { Resolver } from 'node:dns/promises';
import { createServer, request } from 'node:http';

/** This task's port, given by Marathon. */
export const port = Number(process.env.PORT0);

/**
 * Serves on the node's address (where other tasks look for it) and on 127.0.0.1 (where a browser of this machine does);
 * not on 0.0.0.0, which the whole local network could reach. `/health` is answered here.
 * @param answer (request, url, body) → { status?, type?, body } or a promise of it
 */
export function serve(answer) {
  const handle = async (request, response) => {
    const url = new URL(request.url, 'http://task');
    let result;
    try {
      if (url.pathname === '/health') result = { body: 'ok\n' };
      else {
        const chunks = [];
        for await (const chunk of request) chunks.push(chunk);
        result = await answer(request, url, Buffer.concat(chunks).toString());
      }
    } catch (error) {
      result = { status: 503, body: `${error.message}\n` };
    }
    console.log(`${request.method} ${request.url} ${result.status ?? 200}`);
    response.writeHead(result.status ?? 200, { 'Content-Type': result.type ?? 'text/plain; charset=utf-8' });
    response.end(result.body);
  };
  const addresses = new Set([process.env.HOST ?? '127.0.0.1', '127.0.0.1']);
  for (const address of addresses) {
    const server = createServer(handle);
    server.on('error', (error) => {
      // The node's address may be 127.0.0.1 itself, or forwarded to it; one of the two is enough.
      console.error(`${address}:${port}: ${error.message}`);
      if (addresses.size === 1) process.exit(1);
    });
    server.listen(port, address, () => console.log(`listening on http://${address}:${port}`));
  }
  process.on('SIGTERM', () => process.exit(0));
}

/**
 * Where an app's instances are, by its SRV record.
 * @param name `_app.group._tcp.marathon.mesos`
 * @returns host:port of one instance, chosen at random
 */
export async function find(name) {
  const resolver = new Resolver({ timeout: 1000, tries: 2 });
  // Tasks that are processes share the machine's resolver, so the cluster tells them its own.
  if (process.env.MESOS_DNS_SERVER) resolver.setServers([process.env.MESOS_DNS_SERVER]);
  const records = await resolver.resolveSrv(name).catch(() => []);
  const record = records[Math.floor(Math.random() * records.length)];
  if (!record) throw new Error(`Mesos-DNS has no record for ${name} yet`);
  const [address] = await resolver.resolve4(record.name);
  return `${address}:${record.port}`;
}

/** One HTTP exchange with another app; the text of its answer. */
export function ask(hostPort, path, { method = 'GET', body } = {}) {
  return new Promise((resolve, reject) => {
    const call = request(`http://${hostPort}${path}`, { method, timeout: 2000 }, async (response) => {
      const chunks = [];
      for await (const chunk of response) chunks.push(chunk);
      resolve(Buffer.concat(chunks).toString());
    });
    call.on('timeout', () => call.destroy(new Error(`no answer from ${hostPort}`)));
    call.on('error', reject);
    call.end(body);
  });
}

/** Text that can stand in HTML. */
export function html(text) {
  return String(text).replace(/[&<>"]/g, (character) => `&#${character.charCodeAt(0)};`);
}
