import { dirname } from 'node:path';
import { imageLabels } from '../../apps/image.ts';
import { loadConfig } from '../../config/load.ts';
import {
  cgroupsOf,
  imageSetOf,
  imageSets,
  imagesOf,
  type NeededImage,
  suitableSet,
  unsuitable,
} from '../../plan/image-sets.ts';
import { components } from '../../protocols/versions.ts';
import { embeddedRepository, imageLabel } from '../../runtime/docker/embedded-image.ts';
import { type Engine, openEngine } from '../../runtime/docker/engine.ts';
import { ensureImages } from '../../runtime/docker/images/ensure.ts';
import { megabytes } from '../../runtime/docker/images/layers.ts';
import { readPins } from '../../runtime/docker/images/lock-file.ts';
import { type OwnImages, type OwnTag, pruneImages } from '../../runtime/docker/images/prune.ts';
import { findImage } from '../../runtime/docker/images/pull.ts';
import { pinsFileIn, statePaths } from '../../runtime/paths.ts';
import { DevclusterError } from '../../support/errors.ts';
import { argument, type CommandContext, numberOption, textOption } from '../spec.ts';
import { formatTable } from '../table.ts';

/** How many versions of an app's image `images prune` keeps unless told: there is one to go back to. */
const appImagesKept = 2;
/** Another image for nodes is made again in no time. */
const nodeImagesKept = 1;

/** `images [list|pull|prune]` */
export async function run(context: CommandContext): Promise<void> {
  switch (argument(context, 'action') ?? 'list') {
    case 'pull':
      return pull(context);
    case 'prune':
      return prune(context);
    default:
      return list(context);
  }
}

/** The images that real programs would run from here, by the configuration and the options. */
async function choose(context: CommandContext, engine: Engine) {
  const { config, file } = await loadConfig({
    cwd: context.cwd,
    env: context.env,
    file: context.globals.config,
    flags: {
      name: context.globals.cluster,
      images: textOption(context, 'set'),
      registry: textOption(context, 'registry'),
    },
  });
  const [{ arch }, info] = await Promise.all([engine.facts(), engine.with((docker) => docker.info())]);
  const traits = { arch, cgroups: cgroupsOf(info as Parameters<typeof cgroupsOf>[0]) };
  const suitable = suitableSet(traits);
  const set = imageSetOf(config, suitable);
  return {
    images: imagesOf(config, config.engine === 'embedded' ? 'embedded' : 'mesos', suitable),
    set,
    traits,
    pinsFile: pinsFileIn(file === undefined ? undefined : dirname(file), statePaths(context.env)),
  };
}

async function list(context: CommandContext): Promise<void> {
  const engine = openEngine(context.env);
  const { images, set, traits, pinsFile } = await choose(context, engine);
  const pins = await readPins(pinsFile);
  const rows = await engine.with((docker) =>
    Promise.all(
      images.map(async ({ component, reference }) => {
        const here = await findImage(docker, reference);
        const pinned = pins[reference];
        return { component, reference, here: here !== undefined, ...here, ...(pinned ? { pinned } : {}) };
      }),
    ),
  );
  const problems = unsuitable(set, traits);
  const embedded = components.filter((component) => !images.some((image) => image.component === component));
  const { style } = context.output;
  const text = [
    `${style.bold(`Image set '${set}'`)}: ${imageSets[set].summary}`,
    '',
    formatTable(
      [
        ['COMPONENT', 'IMAGE', 'HERE', 'PINNED'].map((title) => style.dim(title)),
        ...rows.map((row) => [
          row.component,
          row.reference,
          row.bytes === undefined ? style.yellow('no') : `${megabytes(row.bytes)} MB, ${row.platform}`,
          row.pinned?.slice(7, 19) ?? '–',
        ]),
      ],
      '  ',
    ),
    ...(embedded.length > 0 ? ['', `  Embedded: ${embedded.join(', ')}`] : []),
    ...(problems.length > 0 ? ['', `${style.yellow('Does not suit this engine')}: ${problems.join('; ')}.`] : []),
    '',
    ...Object.entries(imageSets)
      .filter(([name]) => name !== set)
      .map(([name, other]) => style.dim(`  --set ${name}: ${other.summary}`)),
  ].join('\n');
  context.output.result({ set, problems, images: rows, embedded }, text);
}

async function pull(context: CommandContext): Promise<void> {
  const engine = openEngine(context.env);
  const { images, set, pinsFile } = await choose(context, engine);
  if (images.length === 0)
    throw new DevclusterError('usage', 'NO_IMAGES', 'By this configuration no component runs by a real program', {
      hint: "Set engine: mesos, or a component's own, or leave `engine` out.",
    });
  const update = context.options.update === true;
  const platform = textOption(context, 'platform');
  const ensured = await engine.with((docker) =>
    ensureImages(docker, {
      images,
      // Another platform is another image under the same name.
      policy: update || platform !== undefined ? 'always' : 'missing',
      pinsFile,
      update,
      ...(platform === undefined ? {} : { platform }),
      progress: context.progress,
      signal: context.signal,
      env: context.env,
    }),
  );
  const pulled = ensured.filter((image) => image.pulled);
  context.output.result(
    { set, lockFile: pinsFile, images: ensured },
    pulled.length === 0
      ? `All images of ${describeSet(set, images)} are here already.`
      : `${pulled.length} of ${ensured.length} images were pulled; their digests are pinned in ${pinsFile}.`,
  );
}

function describeSet(set: string, images: readonly NeededImage[]): string {
  return images.every(({ own }) => own) ? 'the configuration' : `the set '${set}'`;
}

async function prune(context: CommandContext): Promise<void> {
  const engine = openEngine(context.env);
  const asked = numberOption(context, 'keep');
  const [label = ''] = imageLabel.split('=');
  const kinds: OwnImages[] = [
    { label, repository: () => embeddedRepository, keep: asked ?? nodeImagesKept },
    { label: imageLabels.source, repository: (source) => source, keep: asked ?? appImagesKept },
  ];
  const { removed, freed, refused, kept } = await engine.with((docker) => pruneImages(docker, kinds));
  for (const { tag, reason } of refused) context.progress.warn(`${tag.reference} was not removed: ${reason}`);
  const describe = ({ reference, id, bytes }: OwnTag) => ({ reference, id, bytes });
  context.output.result(
    { removed: removed.map(describe), freed, kept: kept.map(describe) },
    removed.length === 0
      ? `Nothing to remove; ${kept.length} images of devcluster's are here.`
      : [
          ...removed.map(({ reference, bytes }) => `removed ${reference} (${megabytes(bytes)} MB)`),
          `${megabytes(freed)} MB are freed, less what other images have of it.`,
          `${kept.length} are kept: those in use, and the newest of each.`,
        ].join('\n'),
  );
}
