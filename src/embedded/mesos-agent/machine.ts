import { statfs } from 'node:fs/promises';
import { availableParallelism, totalmem } from 'node:os';
import { parseResources } from '../../protocols/mesos/resources.ts';
import type { Resource } from '../../protocols/mesos/types.ts';

const mebi = 1024 * 1024;

/**
 * What a machine offers when no `--resources` say so: all cpus, memory but 1 GB, the disk of the work folder but 5 GB
 * (half of each when that is little), ports 31000 to 32000. Source: Containerizer::resources of Apache Mesos.
 */
export async function measureResources(workDir: string): Promise<Resource[]> {
  const disk = await statfs(workDir).then(
    ({ bsize, blocks }) => (bsize * blocks) / mebi,
    () => 10240,
  );
  const mem = totalmem() / mebi;
  const most = (total: number, kept: number) => Math.floor(total >= 2 * kept ? total - kept : total / 2);
  return parseResources(
    `cpus:${availableParallelism()};mem:${most(mem, 1024)};disk:${most(disk, 5 * 1024)};ports:[31000-32000]`,
  );
}
