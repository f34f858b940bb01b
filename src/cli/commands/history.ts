import { type AppVersion, appHistory } from '../../apps/history.ts';
import { openApps } from '../apps-place.ts';
import { appId } from '../deploying.ts';
import { argument, type CommandContext, numberOption, type Style } from '../spec.ts';
import { formatTable } from '../table.ts';

const defaultLimit = 10;
/** How many changed fields a line names. */
const mostFields = 3;

/** `history APP`: the versions that can be gone back to, newest first. */
export async function run(context: CommandContext): Promise<void> {
  const { marathon } = await openApps(context);
  const versions = await appHistory(
    marathon,
    appId(argument(context, 'app')),
    numberOption(context, 'limit') ?? defaultLimit,
  );
  context.output.result(versions, toText(versions, context.output.style));
}

function toText(versions: readonly AppVersion[], style: Style): string {
  const rows = versions.map(({ version, current, commit, differences }) => [
    current ? style.green('*') : ' ',
    version,
    commit?.slice(0, 7) ?? '–',
    summary(differences),
  ]);
  return formatTable([['', 'VERSION', 'COMMIT', 'CHANGED'].map(style.bold), ...rows]);
}

function summary(differences: AppVersion['differences']): string {
  if (!differences) return '';
  const fields = differences.map(({ path }) => path).filter((path) => !path.startsWith('labels.devcluster.'));
  if (fields.length === 0) return differences.length > 0 ? 'the source' : 'nothing';
  const rest = fields.length - mostFields;
  return `${fields.slice(0, mostFields).join(', ')}${rest > 0 ? ` +${rest}` : ''}`;
}
