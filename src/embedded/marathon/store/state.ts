import { gunzipSync } from 'node:zlib';
import type { AppDefinition, PathId, TaskFailure, Timestamp } from '../../../protocols/marathon/types.ts';
import { emptyRoot, type Group, transitiveSpecs, withPods } from '../model/group.ts';
import type { Instance } from '../model/instance.ts';
import { fromSafePath, isRoot, parentsOf, safePath } from '../model/path-id.ts';
import { type DeploymentPlan, planDeployment } from '../model/plan.ts';
import { isApp, isPod, type PodDefinition, type RunSpec } from '../model/run-spec.ts';
import type { StateWriter } from './writer.ts';

/**
 * What Marathon keeps in ZooKeeper, below `<zk path>/state`. Documents are JSON, gzipped when they are large; `<b>` is
 * one hexadecimal digit drawn from the id, so that no folder gets too many children; versions are milliseconds since
 * 1970. The layout is this program's own, not the one of the original.
 *
 *   writer                          who wrote last, and which batch it was
 *   framework                       {"id", "master"}: the framework's id and that of the master it registered with
 *   runtime                         what the next leader does first, see backup.ts
 *   roots/<version>                 the tree of groups with the versions of the apps in it
 *   apps/<b>/<id>:<version>         definitions of apps and pods
 *   deployments/<id>                running deployments: the versions of the trees they lead from and to
 *   instances/<b>/<instance id>     instances
 *   failures/<b>/<id>               the last failure of an app's task
 */
export interface StateReader {
  /** @returns undefined when the node does not exist */
  data(path: string): Promise<Buffer | undefined>;
  /** @returns the children's names, none when the node does not exist */
  children(path: string): Promise<string[]>;
}

/** A group as stored: apps and pods by their version. */
interface StoredGroup {
  readonly version: Timestamp;
  readonly apps?: Readonly<Record<PathId, number>>;
  readonly pods?: Readonly<Record<PathId, number>>;
  readonly groups?: Readonly<Record<PathId, StoredGroup>>;
  readonly dependencies?: readonly PathId[];
  readonly enforceRole?: boolean;
}

export interface StoredFramework {
  readonly id: string;
  /** Of the master that it registered with last; another one knows less of the tasks at first. */
  readonly master?: string;
}

/** What the next leader is asked to do before it begins. */
export interface RuntimeConfiguration {
  /** `file://` URI to write the state to. */
  readonly backup?: string;
  /** `file://` URI to take the state from; it replaces what there is, after the backup. */
  readonly restore?: string;
}

interface StoredDeployment {
  readonly id: string;
  readonly version: Timestamp;
  readonly original: Timestamp;
  readonly target: Timestamp;
  readonly sentenced: Readonly<Record<PathId, readonly string[]>>;
}

/** Everything a new leader takes over. */
export interface LoadedState {
  framework: StoredFramework | undefined;
  runtime: RuntimeConfiguration | undefined;
  root: Group;
  deployments: DeploymentPlan[];
  instances: Instance[];
  failures: TaskFailure[];
  /** Paths of all documents and folders found, for the writer. */
  existing: Set<string>;
  /** Versions of app definitions by app, ascending. */
  appVersions: Map<PathId, number[]>;
  /** Versions of the root, ascending. */
  rootVersions: number[];
  /** Definitions that instances were launched with. */
  definitions: RunSpec[];
}

export const stateFolders = ['roots', 'apps', 'deployments', 'instances', 'failures'] as const;

const buckets = '0123456789abcdef';

/** What there is before anything was stored. */
export function emptyState(now: Timestamp): LoadedState {
  return {
    framework: undefined,
    runtime: undefined,
    root: emptyRoot(now),
    deployments: [],
    instances: [],
    failures: [],
    existing: new Set(stateFolders),
    appVersions: new Map(),
    rootVersions: [],
    definitions: [],
  };
}

/** Reads the whole state. @throws when a document is damaged, naming it */
export async function loadState(reader: StateReader, now: Timestamp): Promise<LoadedState> {
  const existing = new Set<string>();
  const names = async (folder: string) => {
    const children = await reader.children(folder);
    if (children.length > 0) existing.add(folder);
    for (const child of children) existing.add(`${folder}/${child}`);
    return children;
  };
  const bucketed = async (folder: string) => {
    const found = (await names(folder)).filter((bucket) => bucket.length === 1 && buckets.includes(bucket));
    const lists = await Promise.all(
      found.map(async (bucket) => (await names(`${folder}/${bucket}`)).map((name) => `${folder}/${bucket}/${name}`)),
    );
    return lists.flat();
  };
  for (const folder of stateFolders) existing.add(folder);
  const [roots, apps, deployments, instancePaths, failurePaths, framework, runtime] = await Promise.all([
    names('roots'),
    bucketed('apps'),
    names('deployments'),
    bucketed('instances'),
    bucketed('failures'),
    reader.data('framework'),
    reader.data('runtime'),
  ]);
  if (framework) existing.add('framework');
  if (runtime) existing.add('runtime');

  const appVersions = new Map<PathId, number[]>();
  for (const path of apps) {
    const name = path.slice(path.lastIndexOf('/') + 1);
    const colon = name.lastIndexOf(':');
    const id = fromSafePath(name.slice(0, colon));
    const versions = appVersions.get(id);
    if (versions) versions.push(Number(name.slice(colon + 1)));
    else appVersions.set(id, [Number(name.slice(colon + 1))]);
  }
  for (const versions of appVersions.values()) versions.sort((a, b) => a - b);
  const rootVersions = roots.map(Number).sort((a, b) => a - b);

  const documents = <T>(paths: readonly string[]) =>
    Promise.all(paths.map((path) => readDocument<T>(reader, path))).then((all) =>
      all.filter((one) => one !== undefined),
    );
  const cache = createTreeReader(reader);
  const newest = rootVersions.at(-1);
  const [root, instances, failures, stored] = await Promise.all([
    newest === undefined ? undefined : cache.root(newest),
    documents<Instance>(instancePaths),
    documents<TaskFailure>(failurePaths),
    documents<StoredDeployment>(deployments.map((id) => `deployments/${id}`)),
  ]);
  const plans = await Promise.all(
    stored.map(async (deployment) => {
      const [original, target] = await Promise.all([
        cache.root(Date.parse(deployment.original)),
        cache.root(Date.parse(deployment.target)),
      ]);
      if (!original || !target) return undefined;
      return planDeployment(original, target, {
        id: deployment.id,
        version: deployment.version,
        sentenced: deployment.sentenced,
      });
    }),
  );
  const wanted = new Map<string, [PathId, number]>();
  for (const { appId, appVersion } of instances) wanted.set(`${appId} ${appVersion}`, [appId, Date.parse(appVersion)]);
  const definitions = await Promise.all([...wanted.values()].map(([id, version]) => cache.spec(id, version)));

  return {
    framework: framework && parse<StoredFramework>(framework, 'framework'),
    runtime: runtime && parse<RuntimeConfiguration>(runtime, 'runtime'),
    root: root ?? emptyRoot(now),
    deployments: plans.filter((plan) => plan !== undefined).sort((a, b) => (a.version < b.version ? -1 : 1)),
    instances,
    failures,
    existing,
    appVersions,
    rootVersions,
    definitions: definitions.filter((app) => app !== undefined),
  };
}

/** The running leader's side: writes changes and reads what is old. */
export interface StateStore {
  saveFramework(framework: StoredFramework): void;
  removeFramework(): void;
  /** Asks the next leader for what it does before anything else. */
  saveRuntime(configuration: RuntimeConfiguration): void;
  /** Writes a new root version with all definitions in it that are not stored yet, and drops what is too old. */
  saveRoot(root: Group, difference: { changed: readonly RunSpec[]; removed: readonly RunSpec[] }): void;
  /** @throws DocumentTooLarge */
  assertFits(app: RunSpec): void;
  saveDeployment(plan: DeploymentPlan, sentenced: Readonly<Record<PathId, readonly string[]>>): void;
  removeDeployment(id: string): void;
  saveInstance(instance: Instance): void;
  removeInstance(id: string): void;
  saveFailure(failure: TaskFailure): void;
  removeFailure(appId: PathId): void;
  /** Resolves when everything saved so far is durable. */
  flushed(): Promise<void>;
  /** Newest first. */
  appVersions(id: PathId): Timestamp[];
  /** Versions of the tree that had the group. */
  groupVersions(id: PathId): Promise<Timestamp[]>;
  app(id: PathId, version: Timestamp): Promise<AppDefinition | undefined>;
  pod(id: PathId, version: Timestamp): Promise<PodDefinition | undefined>;
  root(version: Timestamp): Promise<Group | undefined>;
}

export interface StateStoreOptions {
  writer: StateWriter;
  reader: StateReader;
  loaded: LoadedState;
  maxVersions: number;
  /** Versions of an app, or of the root (`/`), that somebody still needs. */
  inUse: (id: PathId, version: Timestamp) => boolean;
}

export function createStateStore(options: StateStoreOptions): StateStore {
  const { writer, reader, loaded, maxVersions } = options;
  const { appVersions, rootVersions } = loaded;
  /** Apps that are gone, with the root version that no longer had them. */
  const deleted = new Map<PathId, number>();
  const tree = createTreeReader(reader);
  const timestamp = (version: number) => new Date(version).toISOString();
  const current = new Set(transitiveSpecs(loaded.root).map((app) => app.id));
  for (const id of appVersions.keys()) if (!current.has(id)) deleted.set(id, Date.parse(loaded.root.version));

  const specAt = async (id: PathId, version: Timestamp): Promise<RunSpec | undefined> => {
    const number = Date.parse(version);
    if (!appVersions.get(id)?.includes(number)) return undefined;
    await writer.flushed();
    return tree.spec(id, number);
  };

  const forgetOld = () => {
    while (rootVersions.length > maxVersions) {
      const oldest = rootVersions[0]!;
      if (options.inUse('/', timestamp(oldest))) break;
      rootVersions.shift();
      writer.remove(`roots/${oldest}`);
    }
    const oldest = rootVersions[0] ?? 0;
    for (const [id, since] of deleted) {
      if (since > oldest) continue;
      const versions = appVersions.get(id) ?? [];
      if (versions.some((version) => options.inUse(id, timestamp(version)))) continue;
      for (const version of versions) writer.remove(appPath(id, version));
      appVersions.delete(id);
      deleted.delete(id);
    }
  };

  return {
    saveFramework: (framework) => writer.put('framework', framework),
    removeFramework: () => writer.remove('framework'),
    saveRuntime: (configuration) => writer.put('runtime', configuration),
    saveRoot(root, { changed, removed }) {
      for (const app of changed) {
        deleted.delete(app.id);
        const version = Date.parse(app.version);
        let versions = appVersions.get(app.id);
        if (!versions) appVersions.set(app.id, (versions = []));
        if (versions.at(-1) === version || versions.includes(version)) continue;
        versions.push(version);
        versions.sort((a, b) => a - b);
        writer.put(appPath(app.id, version), app);
        while (versions.length > maxVersions && !options.inUse(app.id, timestamp(versions[0]!)))
          writer.remove(appPath(app.id, versions.shift()!));
      }
      const version = Date.parse(root.version);
      for (const { id } of removed) deleted.set(id, version);
      if (rootVersions.at(-1) !== version) rootVersions.push(version);
      writer.put(`roots/${version}`, storedGroup(root));
      forgetOld();
    },
    assertFits: (app) => writer.assertFits(appPath(app.id, Date.parse(app.version)), app),
    saveDeployment(plan, sentenced) {
      const stored: StoredDeployment = {
        id: plan.id,
        version: plan.version,
        original: plan.original.version,
        target: plan.target.version,
        sentenced,
      };
      writer.put(`deployments/${plan.id}`, stored);
    },
    removeDeployment: (id) => writer.remove(`deployments/${id}`),
    saveInstance: (instance) => writer.put(bucketPath('instances', instance.id), instance),
    removeInstance: (id) => writer.remove(bucketPath('instances', id)),
    saveFailure: (failure) => writer.put(bucketPath('failures', safePath(failure.appId)), failure),
    removeFailure: (appId) => writer.remove(bucketPath('failures', safePath(appId))),
    flushed: () => writer.flushed(),
    appVersions: (id) => (appVersions.get(id) ?? []).map(timestamp).reverse(),
    async groupVersions(id) {
      await writer.flushed();
      const versions = [...rootVersions].reverse();
      const has = await Promise.all(
        versions.map(async (version) => {
          const stored = await readDocument<StoredGroup>(reader, `roots/${version}`);
          return stored !== undefined && hasGroup(stored, id);
        }),
      );
      return versions.filter((_, i) => has[i]).map(timestamp);
    },
    async app(id, version) {
      const spec = await specAt(id, version);
      return spec && isApp(spec) ? spec : undefined;
    },
    async pod(id, version) {
      const spec = await specAt(id, version);
      return spec && isPod(spec) ? spec : undefined;
    },
    async root(version) {
      const number = Date.parse(version);
      if (!rootVersions.includes(number)) return undefined;
      await writer.flushed();
      return tree.root(number);
    },
  };
}

function createTreeReader(reader: StateReader) {
  const spec = (id: PathId, version: number) => readDocument<RunSpec>(reader, appPath(id, version));
  const specs = async (stored: Readonly<Record<PathId, number>> = {}) => {
    const found = await Promise.all(Object.entries(stored).map(([id, version]) => spec(id, version)));
    return found.filter((one) => one !== undefined);
  };
  const byId = <T extends RunSpec>(list: readonly T[]) => Object.fromEntries(list.map((one) => [one.id, one]));
  const group = async (id: PathId, stored: StoredGroup): Promise<Group> => {
    const [apps, pods, groups] = await Promise.all([
      specs(stored.apps),
      specs(stored.pods),
      Promise.all(Object.entries(stored.groups ?? {}).map(([groupId, child]) => group(groupId, child))),
    ]);
    const read: Group = {
      id,
      apps: byId(apps.filter(isApp)),
      groups: Object.fromEntries(groups.map((one) => [one.id, one])),
      dependencies: stored.dependencies ?? [],
      version: stored.version,
      ...(stored.enforceRole === undefined ? {} : { enforceRole: stored.enforceRole }),
    };
    return withPods(read, byId(pods.filter(isPod)));
  };
  return {
    spec,
    async root(version: number): Promise<Group | undefined> {
      const stored = await readDocument<StoredGroup>(reader, `roots/${version}`);
      return stored && group('/', stored);
    },
  };
}

function storedGroup(group: Group): StoredGroup {
  const versions = (specs: Readonly<Record<PathId, RunSpec>> = {}) =>
    Object.fromEntries(Object.values(specs).map(({ id, version }) => [id, Date.parse(version)]));
  const groups = Object.values(group.groups);
  return {
    version: group.version,
    ...(Object.keys(group.apps).length > 0 ? { apps: versions(group.apps) } : {}),
    ...(group.pods ? { pods: versions(group.pods) } : {}),
    ...(groups.length > 0 ? { groups: Object.fromEntries(groups.map((child) => [child.id, storedGroup(child)])) } : {}),
    ...(group.dependencies.length > 0 ? { dependencies: group.dependencies } : {}),
    ...(group.enforceRole === undefined ? {} : { enforceRole: group.enforceRole }),
  };
}

function hasGroup(root: StoredGroup, id: PathId): boolean {
  const parents = isRoot(id) ? [] : [...parentsOf(id).reverse().slice(1), id];
  let at: StoredGroup | undefined = root;
  for (const groupId of parents) at = at?.groups?.[groupId];
  return at !== undefined;
}

async function readDocument<T>(reader: StateReader, path: string): Promise<T | undefined> {
  const data = await reader.data(path);
  return data === undefined ? undefined : parse<T>(data, path);
}

function parse<T>(data: Buffer, path: string): T {
  try {
    const zipped = data[0] === 0x1f && data[1] === 0x8b;
    return JSON.parse((zipped ? gunzipSync(data) : data).toString('utf8')) as T;
  } catch (error) {
    throw new Error(`The stored state at ${path} is damaged: ${(error as Error).message}`);
  }
}

function appPath(id: PathId, version: number): string {
  const name = safePath(id);
  return `apps/${bucketOf(name)}/${name}:${version}`;
}

function bucketPath(folder: string, name: string): string {
  return `${folder}/${bucketOf(name)}/${name}`;
}

function bucketOf(name: string): string {
  let hash = 0;
  for (let i = 0; i < name.length; i++) hash = (hash * 31 + name.charCodeAt(i)) | 0;
  return buckets[(hash ^ (hash >>> 16)) & 15]!;
}
