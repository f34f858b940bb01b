import type { Constraint, LocalVolumeId } from '../../../protocols/marathon/types.ts';
import type { DiskInfo, Labels, Offer, OfferOperation, Resource } from '../../../protocols/mesos/types.ts';
import { timeUuid } from './ids.ts';
import type { Instance } from './instance.ts';
import { safePath } from './path-id.ts';
import type { KeptVolume, RunSpec } from './run-spec.ts';

/**
 * Reservations of instances that keep data: how they are recognised, made and given back. Source:
 * core/launcher/impl/{TaskLabels,InstanceOpFactoryImpl}.scala and core/matcher/base/util/OfferOperationFactory.scala of
 * Marathon.
 */

const frameworkLabel = 'marathon_framework_id';
const instanceLabel = 'marathon_task_id';

function labelsOf(resource: Resource): Labels['labels'] {
  return (resource.reservations?.at(-1)?.labels ?? resource.reservation?.labels)?.labels ?? [];
}

/** Whether some Marathon has reserved the resource for one instance. */
export function isForAnInstance(resource: Resource): boolean {
  return labelsOf(resource).some(({ key }) => key === frameworkLabel || key === instanceLabel);
}

/** The id of the instance for which this framework has reserved the resource; undefined when it did not. */
function ownerOf(resource: Resource, frameworkId: string): string | undefined {
  const labels = labelsOf(resource);
  const value = (name: string) => labels.find(({ key }) => key === name)?.value;
  return value(frameworkLabel) === frameworkId ? value(instanceLabel) : undefined;
}

export function isReservedFor(resource: Resource, frameworkId: string, instanceId: string): boolean {
  return ownerOf(resource, frameworkId) === instanceId;
}

/** Whether all the instance's volumes are in the offer. */
export function hasVolumesOf(offer: Offer, instance: Instance): boolean {
  const offered = new Set(offer.resources.flatMap(({ disk }) => disk?.persistence?.id ?? []));
  const volumes = instance.reservation?.volumes ?? [];
  return volumes.length > 0 && volumes.every(({ persistenceId }) => offered.has(persistenceId));
}

/** A volume, and the disk that it is to be made on. */
export interface VolumeToMake {
  readonly volume: KeptVolume;
  /** MiB. */
  readonly size: number;
  /** Absent for the agent's root disk. */
  readonly source?: NonNullable<DiskInfo['source']>;
}

function pathMatches(path: string, constraints: readonly Constraint[]): boolean {
  return constraints.every(([, operator, value = '']) => {
    const matches = new RegExp(`^(?:${value})$`).test(path);
    return operator.toUpperCase() === 'UNLIKE' ? !matches : matches;
  });
}

interface SourceView {
  readonly type?: string;
  readonly profile?: string;
  readonly path?: { readonly root?: string };
  readonly mount?: { readonly root?: string };
}

/**
 * Finds disks for the volumes; undefined when one fits nowhere. Volumes on the root disk are only counted, as
 * `rootDisk` in MiB. Mounts are taken whole, the smallest that does first.
 */
export function takeVolumes(
  resources: readonly Resource[],
  wanted: readonly KeptVolume[],
):
  | { readonly volumes: readonly VolumeToMake[]; readonly disks: readonly Resource[]; readonly rootDisk: number }
  | undefined {
  const volumes: VolumeToMake[] = [];
  const disks: Resource[] = [];
  const left = new Map<Resource, number>();
  for (const resource of resources)
    if (resource.name === 'disk' && resource.disk?.source) left.set(resource, resource.scalar?.value ?? 0);
  let rootDisk = 0;
  for (const volume of wanted) {
    const { type = 'root', size, maxSize, profileName, constraints = [] } = volume.persistent;
    if (type === 'root') {
      rootDisk += size;
      volumes.push({ volume, size });
      continue;
    }
    const fitting = [...left].filter(([resource, free]) => {
      const source = resource.disk?.source as SourceView | undefined;
      const place = source?.type === 'PATH' ? source.path?.root : source?.mount?.root;
      return (
        source?.type === type.toUpperCase() &&
        free >= size &&
        (maxSize === undefined || free <= maxSize) &&
        (profileName === undefined || source.profile === profileName) &&
        pathMatches(place ?? '', constraints)
      );
    });
    const [best] = fitting.sort(([, a], [, b]) => a - b);
    if (!best) return undefined;
    const [resource, free] = best;
    const taken = type === 'mount' ? free : size;
    left.set(resource, free - taken);
    disks.push({ ...resource, scalar: { value: taken } });
    volumes.push({ volume, size: taken, source: resource.disk?.source ?? {} });
  }
  return { volumes, disks, rootDisk };
}

export interface ReservationContext {
  readonly instance: Instance;
  readonly offer: Offer;
  readonly principal?: string;
  /** Milliseconds since 1970. */
  readonly now: number;
  readonly random: () => number;
}

/** What reserves a match for the instance and makes its volumes. */
export function reserve(
  spec: RunSpec,
  match: { readonly resources: readonly Resource[]; readonly volumes?: readonly VolumeToMake[] },
  { instance, offer, principal, now, random }: ReservationContext,
): { readonly operations: OfferOperation[]; readonly volumes: readonly LocalVolumeId[] } {
  const labels: Labels = {
    labels: [
      { key: frameworkLabel, value: offer.framework_id.value },
      { key: instanceLabel, value: instance.id },
    ],
  };
  const reservation = { labels, ...(principal !== undefined && { principal }) };
  const reserved = (resource: Resource): Resource => ({ ...resource, role: spec.role, reservation });
  const role = offer.allocation_info?.role ?? spec.role;
  const ids: LocalVolumeId[] = [];
  const volumes = (match.volumes ?? []).map(({ volume, size, source }): Resource => {
    const uuid = timeUuid(now, random);
    const persistenceId = `${safePath(spec.id)}#${volume.name}#${uuid}`;
    ids.push({ runSpecId: spec.id, containerPath: volume.name, uuid, persistenceId });
    return reserved({
      name: 'disk',
      type: 'SCALAR',
      scalar: { value: size },
      allocation_info: { role },
      disk: {
        persistence: { id: persistenceId, ...(principal !== undefined && { principal }) },
        volume: { container_path: volume.name, mode: volume.mode },
        ...(source && { source }),
      },
    });
  });
  return {
    operations: [
      { type: 'RESERVE', reserve: { resources: match.resources.map(reserved) } },
      { type: 'CREATE', create: { volumes } },
    ],
    volumes: ids,
  };
}

/** Resources of an offer that are reserved for instances that `isOver` says are over, by instance. */
export function releasableIn(offer: Offer, isOver: (instanceId: string) => boolean): Map<string, Resource[]> {
  const found = new Map<string, Resource[]>();
  for (const resource of offer.resources) {
    const owner = ownerOf(resource, offer.framework_id.value);
    if (owner === undefined || !isOver(owner)) continue;
    found.set(owner, [...(found.get(owner) ?? []), resource]);
  }
  return found;
}

/** What destroys the volumes among the resources and gives all of them back. */
export function release(resources: readonly Resource[]): OfferOperation[] {
  const volumes = resources.filter(({ disk }) => disk?.persistence);
  const raw = resources.map((resource): Resource => {
    const { disk, ...rest } = resource;
    return disk?.source ? { ...rest, disk: { source: disk.source } } : rest;
  });
  return [
    ...(volumes.length > 0 ? [{ type: 'DESTROY', destroy: { volumes } }] : []),
    { type: 'UNRESERVE', unreserve: { resources: raw } },
  ];
}
