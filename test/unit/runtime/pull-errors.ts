/** What engines said when pulls were made to fail, by their versions; `store` is the image store of containerd. */
export const pullErrors: readonly { engine: string; text: string; code: string }[] = [
  {
    engine: '20.10, 26.1, 28.5',
    code: 'RATE_LIMITED',
    text: 'toomanyrequests: You have reached your pull rate limit. You may increase the limit by authenticating',
  },
  {
    engine: '20.10, 26.1, 28.5',
    code: 'RATE_LIMITED',
    text: 'error pulling image configuration: download failed after attempts=1: toomanyrequests: You have reached your pull rate limit. You may increase the limit by authenticating',
  },
  {
    engine: '28.5 store',
    code: 'RATE_LIMITED',
    text: 'unknown: failed to resolve reference "127.0.0.1:38487/x/limits:1": unexpected status from HEAD request to http://127.0.0.1:38487/v2/x/limits/manifests/1: 429 Too Many Requests',
  },
  {
    engine: '28.5 store',
    code: 'RATE_LIMITED',
    text: 'error from registry: You have reached your pull rate limit. You may increase the limit by authenticating',
  },
  { engine: '20.10, 26.1, 28.5', code: 'NO_SUCH_IMAGE', text: 'manifest unknown' },
  {
    engine: '20.10',
    code: 'NO_SUCH_IMAGE',
    text: 'manifest for mesosphere/mesos:9 not found: manifest unknown: manifest unknown',
  },
  {
    engine: '28.5 store',
    code: 'NO_SUCH_IMAGE',
    text: 'failed to resolve reference "127.0.0.1:38487/x/ok:nonsense": 127.0.0.1:38487/x/ok:nonsense: not found',
  },
  {
    engine: '20.10',
    code: 'REGISTRY_UNAUTHORIZED',
    text: 'pull access denied for mesosphere/mesos, repository does not exist or may require docker login',
  },
  {
    engine: '20.10, 26.1, 28.5',
    code: 'REGISTRY_UNAUTHORIZED',
    text: 'Head "http://127.0.0.1:36299/v2/x/g/manifests/1": no basic auth credentials',
  },
  { engine: '20.10, 26.1, 28.5', code: 'REGISTRY_UNAUTHORIZED', text: 'unauthorized' },
  {
    engine: '28.5 store',
    code: 'REGISTRY_UNAUTHORIZED',
    text: 'failed to resolve reference "127.0.0.1:39535/x/g:1": pull access denied, repository does not exist or may require authorization: authorization failed: no basic auth credentials',
  },
  {
    engine: '28.5 store',
    code: 'REGISTRY_UNAUTHORIZED',
    text: 'unknown: failed to resolve reference "127.0.0.1:39535/x/g:1": unexpected status from HEAD request to http://127.0.0.1:39535/v2/x/g/manifests/1: 401 Unauthorized',
  },
  {
    engine: '20.10, 26.1, 28.5',
    code: 'WRONG_PLATFORM',
    text: 'no matching manifest for linux/amd64 in the manifest list entries',
  },
  {
    engine: '28.5 store',
    code: 'WRONG_PLATFORM',
    text: 'no matching manifest for linux/arm64 in the manifest list entries: no match for platform in manifest: not found',
  },
  {
    engine: '26.1',
    code: 'WRONG_PLATFORM',
    text: 'image with reference 127.0.0.1:42267/x/arm:1 was found but does not match the specified platform: wanted linux/arm64, actual: linux/amd64',
  },
  {
    engine: '20.10',
    code: 'DISK_FULL',
    text: 'write /var/lib/docker/tmp/GetImageBlob1494755894: no space left on device',
  },
  {
    engine: '28.5 store',
    code: 'DISK_FULL',
    text: 'failed to copy: failed to send write: write /var/lib/docker/containerd/daemon/io.containerd.content.v1.content/ingest/2f7d/data: no space left on device',
  },
  {
    engine: '28.5 store',
    code: 'DISK_FULL',
    text: 'failed to extract layer (application/vnd.docker.image.rootfs.diff.tar.gzip sha256:85f8fe) to overlayfs as "extract-24165360-9iYC sha256:4ce68b": write /var/lib/docker/containerd/daemon/io.containerd.snapshotter.v1.overlayfs/snapshots/5/fs/random: no space left on device',
  },
  {
    engine: '28.5 store',
    code: 'IMAGE_TOO_OLD',
    text: 'not implemented: media type "application/vnd.docker.distribution.manifest.v1+prettyjws" is no longer supported since containerd v2.1, please rebuild the image as "application/vnd.docker.distribution.manifest.v2+json" or "application/vnd.oci.image.manifest.v1+json"',
  },
  {
    engine: '26',
    code: 'IMAGE_TOO_OLD',
    text: 'Docker Image Format v1, and Docker Image manifest version 2, schema 1 support is disabled by default',
  },
  {
    engine: '20.10',
    code: 'REGISTRY_UNREACHABLE',
    text: 'Get "https://no-such-host.invalid/v2/": dial tcp: lookup no-such-host.invalid on 10.255.255.53:53: no such host',
  },
  {
    engine: '20.10',
    code: 'REGISTRY_UNREACHABLE',
    text: 'Get "http://127.0.0.1:59721/v2/": net/http: request canceled (Client.Timeout exceeded while awaiting headers)',
  },
  {
    engine: '28.5 store',
    code: 'REGISTRY_UNREACHABLE',
    text: 'failed to resolve reference "127.0.0.1:1/x:1": failed to do request: Head "https://127.0.0.1:1/v2/x/manifests/1": dial tcp 127.0.0.1:1: connect: connection refused',
  },
  { engine: '20.10', code: 'REGISTRY_UNREACHABLE', text: 'unexpected EOF' },
  {
    engine: '28.5',
    code: 'REGISTRY_TLS',
    text: 'Get "https://x/v2/": tls: failed to verify certificate: x509: certificate signed by unknown authority',
  },
  {
    engine: '20.10',
    code: 'REGISTRY_INSECURE',
    text: 'Get "https://x/v2/": http: server gave HTTP response to HTTPS client',
  },
  { engine: '20.10', code: 'PULL_FAILED', text: 'filesystem layer verification failed for digest sha256:00' },
  {
    engine: '28.5 store',
    code: 'PULL_FAILED',
    text: 'failed commit on ref "layer-sha256:14f6": commit failed: unexpected commit digest sha256:1da4, expected sha256:14f6: failed precondition',
  },
  {
    engine: '20.10, 26.1, 28.5',
    code: 'REGISTRY_UNREACHABLE',
    text: 'received unexpected HTTP status: 503 Service Unavailable',
  },
  {
    engine: '28.5',
    code: 'BAD_IMAGE_REFERENCE',
    text: 'invalid reference format: repository name (Exp) must be lowercase',
  },
];
