import { readFileSync } from 'node:fs';
import { parseDocument } from 'yaml';

const components = ['zookeeper', 'mesos-master', 'mesos-agent', 'marathon', 'mesos-dns'];

/**
 * What the file of `npm run test:real -- --images FILE` says: a reference by component, and under `upgrade` those to
 * upgrade to. Components it doesn't name are embedded. `docker-cli` is the image whose docker command agents are given.
 * @param {string} path
 * @returns {{ references?: Record<string, unknown>, mistakes: string[] }}
 */
export function readImagesFile(path) {
  let text;
  try {
    text = readFileSync(path, 'utf8');
  } catch (error) {
    const why = { ENOENT: 'there is no such file', EISDIR: 'it is a folder', EACCES: 'it may not be read' }[error.code];
    return { mistakes: [why ?? error.message] };
  }
  const document = parseDocument(text);
  if (document.errors.length > 0) return { mistakes: document.errors.map(({ message }) => message.trim()) };
  const references = document.toJS();
  if (references === null || references === undefined)
    return { mistakes: [`it is empty, and should name an image for at least one of ${components.join(', ')}`] };
  const mistakes = mistakesIn(references, ['upgrade', 'docker-cli']);
  if (mistakes.length > 0) return { mistakes };
  const { upgrade = {}, 'docker-cli': cli, ...images } = references;
  if (cli !== undefined && (typeof cli !== 'string' || cli.trim() === ''))
    mistakes.push(`docker-cli should be an image, like 'docker:28-cli', not ${JSON.stringify(cli)}`);
  if (mistakes.length > 0) return { mistakes };
  if (Object.keys(images).length === 0) return { mistakes: [`it names no image for any of ${components.join(', ')}`] };
  mistakes.push(...mistakesIn(upgrade, []).map((mistake) => `under upgrade: ${mistake}`));
  for (const name of Object.keys(upgrade))
    if (components.includes(name) && !(name in images))
      mistakes.push(`under upgrade: ${name} has no image above that could be upgraded`);
  if ('mesos-master' in images !== 'mesos-agent' in images)
    mistakes.push('mesos-master and mesos-agent are a pair: name an image for both, or for neither');
  if ('marathon' in images && !('mesos-master' in images))
    mistakes.push('a real marathon needs a real mesos-master: name one for it, or leave marathon out');
  return mistakes.length > 0 ? { mistakes } : { references, mistakes };
}

/** @param {unknown} value @param {string[]} others names beside those of components */
function mistakesIn(value, others) {
  if (typeof value !== 'object' || value === null || Array.isArray(value))
    return ['it should be a mapping of components to images, like `zookeeper: zookeeper:3.9`'];
  return Object.entries(value).flatMap(([name, image]) => {
    if (others.includes(name)) return [];
    if (!components.includes(name))
      return [`there is no component '${name}'; there are ${[...components, ...others].join(', ')}`];
    if (typeof image !== 'string' || image.trim() === '')
      return [`${name} should be an image, like 'registry/name:tag', not ${JSON.stringify(image)}`];
    return [];
  });
}
