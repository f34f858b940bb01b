#!/usr/bin/env node
// CommonJS, and nothing loaded that isn't needed: the ES module loader alone takes as long as all this.
const [first, ...rest] = process.argv.slice(2);
const asksVersion = first === 'version' || first === '--version' || first === '-V';
if (asksVersion && (rest.length === 0 || (rest.length === 1 && rest[0] === '--json'))) {
  const { version } = require('../package.json');
  process.stdout.write(rest.length === 0 ? `${version}\n` : `${JSON.stringify({ version, node: process.version })}\n`);
} else {
  require('../dist/cli.cjs');
}
