import { createHash } from 'node:crypto';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { gzipSync } from 'node:zlib';
import { pack } from 'tar-stream';

const types = {
  manifest: 'application/vnd.docker.distribution.manifest.v2+json',
  list: 'application/vnd.docker.distribution.manifest.list.v2+json',
  config: 'application/vnd.docker.container.image.v1+json',
  layer: 'application/vnd.docker.image.rootfs.diff.tar.gzip',
} as const;

/** How the registry answers questions for one repository. */
export type Behaviour =
  | { kind: 'serves' }
  /** As Docker Hub does when an address has had enough. */
  | { kind: 'limits' }
  /** Only for other kinds of machines. */
  | { kind: 'foreign' }
  /** Sends another layer than the one it promised. */
  | { kind: 'corrupts' };

export interface FakeRegistry {
  /** `127.0.0.1:port`, which engines take without TLS. */
  readonly host: string;
  /** Makes an image with one file, and lets the tag mean it. @returns its digest */
  put(repository: string, tag: string, content: string, behaviour?: Behaviour): Promise<string>;
  /** Names and tags that were asked for as manifests. */
  readonly asked: string[];
  close(): Promise<void>;
}

/** A registry that holds small images in memory. @param login `user:password` that it asks for */
export async function startFakeRegistry(login?: string): Promise<FakeRegistry> {
  const manifests = new Map<string, { type: string; body: Buffer }>();
  const blobs = new Map<string, Buffer>();
  const behaviours = new Map<string, Behaviour>();
  const asked: string[] = [];
  const server = createServer((request, response) => {
    const send = (status: number, headers: Record<string, string>, body: Buffer | string = '') => {
      response.writeHead(status, { 'content-length': String(Buffer.byteLength(body)), ...headers });
      response.end(request.method === 'HEAD' ? undefined : body);
    };
    const refuse = (status: number, code: string, message: string, headers = {}) =>
      send(status, { 'content-type': 'application/json', ...headers }, JSON.stringify({ errors: [{ code, message }] }));
    if (login !== undefined && request.headers.authorization !== `Basic ${Buffer.from(login).toString('base64')}`)
      return refuse(401, 'UNAUTHORIZED', 'authentication required', { 'www-authenticate': 'Basic realm="test"' });
    if (request.url === '/v2/') return send(200, {});
    const [, name = '', kind = '', reference = ''] =
      /^\/v2\/(.+)\/(manifests|blobs)\/([^/?]+)/.exec(request.url ?? '') ?? [];
    const behaviour = behaviours.get(name)?.kind ?? 'serves';
    if (kind === 'manifests') {
      asked.push(`${name}:${reference}`);
      if (behaviour === 'limits')
        return refuse(
          429,
          'TOOMANYREQUESTS',
          'You have reached your pull rate limit. You may increase the limit by authenticating',
        );
      const found = manifests.get(`${name}:${reference}`);
      if (!found) return refuse(404, 'MANIFEST_UNKNOWN', 'manifest unknown');
      return send(200, { 'content-type': found.type, 'docker-content-digest': digestOf(found.body) }, found.body);
    }
    const blob = blobs.get(reference);
    if (!blob) return refuse(404, 'BLOB_UNKNOWN', 'blob unknown to registry');
    const wrong = behaviour === 'corrupts' && blob[0] === 0x1f;
    send(200, { 'content-type': 'application/octet-stream' }, wrong ? Buffer.from(blob).fill(7, 20) : blob);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    host: `127.0.0.1:${(server.address() as AddressInfo).port}`,
    asked,
    async put(repository, tag, content, behaviour = { kind: 'serves' }) {
      behaviours.set(repository, behaviour);
      const tar = await tarOf(content);
      const layer = gzipSync(tar);
      const architecture = process.arch === 'arm64' ? 'arm64' : 'amd64';
      const config = Buffer.from(
        JSON.stringify({
          architecture,
          os: 'linux',
          config: { Cmd: ['/bin/true'], Labels: { 'devcluster.test': 'fake-registry' } },
          rootfs: { type: 'layers', diff_ids: [digestOf(tar)] },
          history: [{ created: '1970-01-01T00:00:00Z' }],
        }),
      );
      const described = (mediaType: string, body: Buffer) => ({ mediaType, size: body.length, digest: digestOf(body) });
      for (const body of [layer, config]) blobs.set(digestOf(body), body);
      const manifest = {
        schemaVersion: 2,
        mediaType: types.manifest,
        config: described(types.config, config),
        layers: [described(types.layer, layer)],
      };
      const own = Buffer.from(JSON.stringify(manifest));
      const list = {
        schemaVersion: 2,
        mediaType: types.list,
        manifests: [{ ...described(types.manifest, own), platform: { architecture: 's390x', os: 'linux' } }],
      };
      const [type, body] =
        behaviour.kind === 'foreign' ? [types.list, Buffer.from(JSON.stringify(list))] : [types.manifest, own];
      manifests.set(`${repository}:${tag}`, { type, body });
      manifests.set(`${repository}:${digestOf(body)}`, { type, body });
      return digestOf(body);
    },
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}

function digestOf(body: Buffer): string {
  return `sha256:${createHash('sha256').update(body).digest('hex')}`;
}

async function tarOf(content: string): Promise<Buffer> {
  const archive = pack();
  archive.entry({ name: 'content', mtime: new Date(0) }, content);
  archive.finalize();
  const chunks: Buffer[] = [];
  for await (const chunk of archive) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks);
}
