import { readFile } from 'node:fs/promises';
import { createSecureContext } from 'node:tls';
import { messageOf } from '../../../support/errors.ts';
import { FlagError } from '../../../support/flags.ts';
import type { ServerTls } from '../../../support/http-server.ts';

const jks = 0xfeedfeed;

/**
 * The certificate and key of `--ssl_keystore_path`: a PKCS #12 file, as today's keytool makes by default.
 * @throws FlagError
 */
export async function readKeystore(options: { keystore: string; password: string | undefined }): Promise<ServerTls> {
  const flag = `ssl_keystore_path '${options.keystore}'`;
  const pfx = await readFile(options.keystore).catch((error: unknown) => {
    throw new FlagError(`${flag} can't be read: ${messageOf(error)}`);
  });
  if (pfx.length >= 4 && pfx.readUInt32BE(0) === jks)
    throw new FlagError(
      `${flag} is in Java's own format. Convert it: keytool -importkeystore -srckeystore IN -destkeystore OUT -deststoretype PKCS12`,
    );
  const tls = { pfx, ...(options.password === undefined ? {} : { passphrase: options.password }) };
  try {
    createSecureContext(tls);
  } catch (error) {
    throw new FlagError(`${flag} can't be used, or ssl_keystore_password is not its password: ${messageOf(error)}`);
  }
  return tls;
}
