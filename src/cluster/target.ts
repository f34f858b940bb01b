import type { ClusterPlan, NodePlan, ServicePlan } from '../plan/types.ts';
import { type Component, components } from '../protocols/versions.ts';
import { DevclusterError } from '../support/errors.ts';
import { nearest } from '../support/nearest.ts';

/** A whole node, or one of its services. */
export interface Target {
  node: NodePlan;
  component?: Component;
}

/** `node-2`, `node-2/marathon` or `marathon` (on every node that has it). @throws DevclusterError notFound */
export function resolveTarget(plan: ClusterPlan, text: string): Target[] {
  const [first = '', second] = text.split('/', 2);
  if (second === undefined && isComponent(first))
    return plan.nodes.filter((node) => hasService(node, first)).map((node) => ({ node, component: first }));
  const node = findNode(plan, first);
  if (second === undefined) return [{ node }];
  if (isComponent(second) && hasService(node, second)) return [{ node, component: second }];
  const known = servicesOf(node).map((service) => service.component);
  const meant = nearest(second, known);
  throw new DevclusterError('notFound', 'NO_SUCH_SERVICE', `${node.name} has no service '${second}'`, {
    hint: meant ? `Did you mean ${node.name}/${meant}?` : `It has ${known.join(', ')}.`,
  });
}

/** @throws DevclusterError notFound */
export function findNode(plan: ClusterPlan, name: string): NodePlan {
  const node = plan.nodes.find((candidate) => candidate.name === name);
  if (node) return node;
  const names = plan.nodes.map((candidate) => candidate.name);
  const meant = nearest(name, [...names, ...components]);
  throw new DevclusterError('notFound', 'NO_SUCH_NODE', `The cluster '${plan.name}' has no node '${name}'`, {
    hint: meant ? `Did you mean ${meant}?` : `It has ${names.join(', ')}.`,
  });
}

export function servicesOf(node: NodePlan): ServicePlan[] {
  return node.units.flatMap((unit) => unit.services);
}

export function hasService(node: NodePlan, component: Component): boolean {
  return servicesOf(node).some((service) => service.component === component);
}

function isComponent(text: string): text is Component {
  return (components as readonly string[]).includes(text);
}
