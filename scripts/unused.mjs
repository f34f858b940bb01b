import { fileURLToPath } from 'node:url';

const nothing = fileURLToPath(new URL('nothing.cjs', import.meta.url));

/**
 * What the Docker client could load for uses that devcluster has not (engines over SSH, BuildKit's sessions): large, in
 * part native, and loaded before anything is asked for. The bundles hold an empty module instead.
 */
export const unused = Object.fromEntries(
  ['ssh2', '@grpc/grpc-js', '@grpc/proto-loader', 'protobufjs'].map((name) => [name, nothing]),
);
