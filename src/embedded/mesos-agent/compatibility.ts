import { containsResources, unallocate } from '../../protocols/mesos/resources.ts';
import type { AgentInfo, Attribute, Resource } from '../../protocols/mesos/types.ts';

/**
 * Why an agent may not come back with its old id, or undefined when it may: `equal` wants everything as it was,
 * `additive` allows more resources and attributes. Source: src/slave/compatibility.cpp of Apache Mesos.
 */
export function refuseChange(old: AgentInfo, now: AgentInfo, policy: 'equal' | 'additive'): string | undefined {
  if (old.hostname !== now.hostname) return `hostname changed from '${old.hostname}' to '${now.hostname}'`;
  const before = plain(old.resources);
  const after = plain(now.resources);
  if (!containsResources(after, before)) return 'there are fewer resources';
  if (policy === 'equal' && !containsResources(before, after)) return 'there are more resources';
  const attributes = new Set((now.attributes ?? []).map(attributeKey));
  if ((old.attributes ?? []).some((attribute) => !attributes.has(attributeKey(attribute))))
    return 'an attribute was changed or removed';
  if (policy === 'equal' && (old.attributes ?? []).length !== attributes.size) return 'an attribute was added';
  if (JSON.stringify(old.domain) !== JSON.stringify(now.domain)) return 'the domain was changed';
  return undefined;
}

function plain(resources: readonly Resource[] | undefined): Resource[] {
  return unallocate(resources ?? []);
}

function attributeKey({ name, type, scalar, ranges, set, text }: Attribute): string {
  return JSON.stringify([name, type, scalar?.value, ranges?.range, set?.item, text?.value]);
}
