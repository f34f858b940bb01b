import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { packageRoot } from '../../support/package-root.ts';
import type { CommandContext } from '../spec.ts';

/** `version`; bin/devcluster.js answers the plain form by itself, without loading this. */
export async function run(context: CommandContext): Promise<void> {
  const { version } = JSON.parse(await readFile(join(packageRoot(), 'package.json'), 'utf8')) as { version: string };
  context.output.result({ version, node: process.version }, version);
}
