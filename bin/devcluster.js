#!/usr/bin/env node
import { readFileSync } from 'node:fs';

const [first, ...rest] = process.argv.slice(2);
const asksVersion = first === 'version' || first === '--version' || first === '-V';
if (asksVersion && (rest.length === 0 || (rest.length === 1 && rest[0] === '--json'))) {
  const { version } = JSON.parse(readFileSync(new URL('../package.json', import.meta.url), 'utf8'));
  process.stdout.write(rest.length === 0 ? `${version}\n` : `${JSON.stringify({ version, node: process.version })}\n`);
} else {
  await import('../dist/cli.js');
}
