import { createHash, randomBytes } from 'node:crypto';
import { createServer, type IncomingMessage, type RequestListener } from 'node:http';
import { createServer as createTlsServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import { gzipSync } from 'node:zlib';
import { pack } from 'tar-stream';

const types = {
  manifest: 'application/vnd.docker.distribution.manifest.v2+json',
  schema1: 'application/vnd.docker.distribution.manifest.v1+prettyjws',
  list: 'application/vnd.docker.distribution.manifest.list.v2+json',
  config: 'application/vnd.docker.container.image.v1+json',
  layer: 'application/vnd.docker.image.rootfs.diff.tar.gzip',
} as const;

/** How the registry answers questions for one repository. */
export type Behaviour =
  | { kind: 'serves' }
  /** As Docker Hub does when an address has had enough: of manifests, or in the middle of a pull of layers. */
  | { kind: 'limits'; of?: 'manifests' | 'layers'; retryAfter?: number }
  /** Only for other kinds of machines. */
  | { kind: 'foreign' }
  /** As it was done before 2016. */
  | { kind: 'schema 1' }
  /** Sends another layer than the one it promised. */
  | { kind: 'corrupts' }
  /** Is broken, so many times. */
  | { kind: 'fails'; times: number }
  /** Hangs up in the middle of each layer's bytes, so many times. */
  | { kind: 'breaks off'; times: number }
  /** Sends half of the last layer and then nothing more, until it is told to go on. */
  | { kind: 'stalls' }
  /** Takes questions and never answers. */
  | { kind: 'is silent' };

export interface ImageOptions {
  /** Of the machines it is for; default: this one's. */
  architecture?: string;
  /** Bytes that can't be compressed, in layers of their own beside that with the content. */
  layers?: readonly number[];
  config?: Record<string, unknown>;
}

export interface FakeRegistry {
  /** `127.0.0.1:port`, which engines take without TLS. */
  readonly host: string;
  /** Makes an image with one file, and lets the tag mean it. @returns its digest */
  put(repository: string, tag: string, content: string, behaviour?: Behaviour, options?: ImageOptions): Promise<string>;
  /** Behaves otherwise from now on; what was stalled goes on. */
  behave(repository: string, behaviour: Behaviour): void;
  /** Names and tags that were asked for as manifests. */
  readonly asked: string[];
  /** Names, digests and first bytes of the layers that were asked for. */
  readonly sent: { name: string; digest: string; from: number }[];
  close(): Promise<void>;
}

export interface RegistryOptions {
  /** `user:password` that it asks for. */
  login?: string;
  /** Speaks TLS with this certificate. */
  tls?: { key: string; cert: string };
  /** Where it listens; default: 127.0.0.1. */
  address?: string;
}

/** A registry that holds small images in memory. */
export async function startFakeRegistry({
  login,
  tls,
  address = '127.0.0.1',
}: RegistryOptions = {}): Promise<FakeRegistry> {
  const manifests = new Map<string, { type: string; body: Buffer }>();
  const blobs = new Map<string, Buffer>();
  const behaviours = new Map<string, Behaviour>();
  const left = new Map<string, number>();
  const stalled: (() => void)[] = [];
  const asked: string[] = [];
  const sent: FakeRegistry['sent'] = [];

  const answer: RequestListener = (request, response) => {
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
    const behaviour = behaviours.get(name) ?? { kind: 'serves' };
    /** Whether it misbehaves once more. */
    const again = (what: string, times: number) => {
      const count = left.get(what) ?? times;
      left.set(what, count - 1);
      return count > 0;
    };
    if (behaviour.kind === 'is silent') return;
    if (behaviour.kind === 'limits' && (behaviour.of ?? 'manifests') === kind.replace('blobs', 'layers'))
      return refuse(
        429,
        'TOOMANYREQUESTS',
        'You have reached your pull rate limit. You may increase the limit by authenticating',
        behaviour.retryAfter === undefined ? {} : { 'retry-after': String(behaviour.retryAfter) },
      );
    if (behaviour.kind === 'fails' && again(name, behaviour.times))
      return refuse(503, 'UNAVAILABLE', 'service unavailable');
    if (kind === 'manifests') {
      asked.push(`${name}:${reference}`);
      const found = manifests.get(`${name}:${reference}`);
      if (!found) return refuse(404, 'MANIFEST_UNKNOWN', 'manifest unknown');
      return send(200, { 'content-type': found.type, 'docker-content-digest': digestOf(found.body) }, found.body);
    }
    const blob = blobs.get(reference);
    if (!blob) return refuse(404, 'BLOB_UNKNOWN', 'blob unknown to registry');
    const isLayer = blob[0] === 0x1f;
    const body = behaviour.kind === 'corrupts' && isLayer ? Buffer.from(blob).fill(7, 20) : blob;
    const from = firstByte(request);
    if (isLayer && request.method === 'GET') sent.push({ name, digest: reference, from });
    const half = from + Math.ceil((body.length - from) / 2);
    const stops = isLayer && half < body.length;
    const headers = {
      'content-type': 'application/octet-stream',
      'accept-ranges': 'bytes',
      ...(from > 0 ? { 'content-range': `bytes ${from}-${body.length - 1}/${body.length}` } : {}),
    };
    const beginWith = (then: () => void) => {
      response.writeHead(from > 0 ? 206 : 200, { ...headers, 'content-length': String(body.length - from) });
      response.write(body.subarray(from, half), then);
    };
    if (stops && behaviour.kind === 'breaks off' && again(`${name} ${reference}`, behaviour.times))
      return beginWith(() => setImmediate(() => response.destroy()));
    if (stops && behaviour.kind === 'stalls')
      return beginWith(() => void stalled.push(() => response.end(body.subarray(half))));
    send(from > 0 ? 206 : 200, headers, body.subarray(from));
  };

  const server = tls ? createTlsServer(tls, answer) : createServer(answer);
  // Engines that do not trust the certificate hang up.
  server.on('tlsClientError', () => {});
  await new Promise<void>((resolve) => server.listen(0, address, resolve));
  const release = () => {
    for (const goOn of stalled.splice(0)) goOn();
  };
  return {
    host: `${address}:${(server.address() as AddressInfo).port}`,
    asked,
    sent,
    behave(repository, behaviour) {
      behaviours.set(repository, behaviour);
      release();
    },
    async put(repository, tag, content, behaviour = { kind: 'serves' }, options = {}) {
      behaviours.set(repository, behaviour);
      const tars = [await tarOf(content), ...(await Promise.all((options.layers ?? []).map((size) => tarOf(size))))];
      const layers = tars.map((tar) => gzipSync(tar, { level: 1 }));
      const config = Buffer.from(
        JSON.stringify({
          architecture: options.architecture ?? (process.arch === 'arm64' ? 'arm64' : 'amd64'),
          os: 'linux',
          config: { Cmd: ['/bin/true'], Labels: { 'devcluster.test': 'fake-registry' }, ...options.config },
          rootfs: { type: 'layers', diff_ids: tars.map(digestOf) },
          history: tars.map(() => ({ created: '1970-01-01T00:00:00Z' })),
        }),
      );
      const described = (mediaType: string, body: Buffer) => ({ mediaType, size: body.length, digest: digestOf(body) });
      for (const body of [...layers, config]) blobs.set(digestOf(body), body);
      const manifest = {
        schemaVersion: 2,
        mediaType: types.manifest,
        config: described(types.config, config),
        layers: layers.map((layer) => described(types.layer, layer)),
      };
      const own = Buffer.from(JSON.stringify(manifest));
      const list = {
        schemaVersion: 2,
        mediaType: types.list,
        manifests: [{ ...described(types.manifest, own), platform: { architecture: 's390x', os: 'linux' } }],
      };
      const old = {
        schemaVersion: 1,
        name: repository,
        tag,
        architecture: 'amd64',
        fsLayers: layers.map((layer) => ({ blobSum: digestOf(layer) })),
        history: layers.map((_, i) => ({ v1Compatibility: JSON.stringify({ id: `${i}`.repeat(64), os: 'linux' }) })),
        signatures: [],
      };
      const [type, body] =
        behaviour.kind === 'foreign'
          ? [types.list, Buffer.from(JSON.stringify(list))]
          : behaviour.kind === 'schema 1'
            ? [types.schema1, Buffer.from(JSON.stringify(old))]
            : [types.manifest, own];
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

function firstByte(request: IncomingMessage): number {
  return Number(/^bytes=(\d+)-/.exec(request.headers.range ?? '')?.[1] ?? 0);
}

function digestOf(body: Buffer): string {
  return `sha256:${createHash('sha256').update(body).digest('hex')}`;
}

/** @param content of the one file, or how many random bytes it has */
async function tarOf(content: string | number): Promise<Buffer> {
  const archive = pack();
  archive.entry(
    { name: typeof content === 'string' ? 'content' : `random-${content}`, mtime: new Date(0) },
    typeof content === 'string' ? content : randomBytes(content),
  );
  archive.finalize();
  const chunks: Buffer[] = [];
  for await (const chunk of archive) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks);
}
