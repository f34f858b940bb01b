import { writeFile } from 'node:fs/promises';
import { resolve } from 'node:path';
import { gzipSync } from 'node:zlib';
import { DevclusterError, systemCode } from '../../support/errors.ts';
import { clusterName } from '../open-cluster.ts';
import { type CommandContext, textOption } from '../spec.ts';
import { type BundleFile, collectBundle } from '../support-bundle.ts';

/** `support-bundle`: a .tar.gz with all that helps others to help, secrets removed. */
export async function run(context: CommandContext): Promise<void> {
  const name = await clusterName(context);
  const files = await collectBundle(context, name);
  const time = new Date().toISOString().replace(/\D/g, '').slice(0, 14);
  const folder = `devcluster-${name}-${time}`;
  const file = textOption(context, 'output') ?? `${folder}.tar.gz`;
  const content = gzipSync(await pack(folder, files));
  try {
    await writeFile(resolve(context.cwd, file), content, { mode: 0o600, flag: context.globals.yes ? 'w' : 'wx' });
  } catch (error) {
    if (systemCode(error) !== 'EEXIST') throw error;
    throw new DevclusterError('conflict', 'FILE_EXISTS', `There is a file ${file} already`, {
      hint: 'Give another name with --output, or --yes to replace it.',
    });
  }
  const names = files.map((each) => each.name).sort();
  context.output.result(
    { file, files: names },
    `Wrote ${file}: ${names.length} files, ${Math.ceil(content.length / 1024)} kB. Secrets are removed from it; look through it before you pass it on.`,
  );
}

async function pack(folder: string, files: readonly BundleFile[]): Promise<Buffer> {
  const { pack: createPack } = await import('tar-stream');
  const archive = createPack();
  for (const { name, content } of files) archive.entry({ name: `${folder}/${name}`, mode: 0o600 }, content);
  archive.finalize();
  const chunks: Buffer[] = [];
  for await (const chunk of archive as AsyncIterable<Buffer>) chunks.push(chunk);
  return Buffer.concat(chunks);
}
