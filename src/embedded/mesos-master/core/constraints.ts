import { attributeValue } from '../../../protocols/mesos/attributes.ts';
import type { AgentInfo } from '../../../protocols/mesos/types.ts';

interface Constraint {
  selector: { pseudoattribute_type?: string; attribute_name?: string };
  predicate: {
    exists?: object;
    not_exists?: object;
    text_equals?: { value: string };
    text_not_equals?: { value: string };
    text_matches?: { regex: string };
    text_not_matches?: { regex: string };
  };
}

interface OfferConstraints {
  role_constraints?: Record<string, { groups?: { attribute_constraints?: Constraint[] }[] }>;
}

/**
 * Whether an agent may be offered to a role of a framework that subscribed with these `offer_constraints`: one group
 * of its role must hold in all its constraints. Predicates on text hold for attributes that are no text, as in Mesos.
 * Source: src/master/allocator/mesos/offer_constraints_filter.cpp of Apache Mesos.
 */
export function meetsConstraints(constraints: unknown, role: string, agent: AgentInfo): boolean {
  const groups = (constraints as OfferConstraints | undefined)?.role_constraints?.[role]?.groups;
  if (!groups || groups.length === 0) return true;
  return groups.some((group) => (group.attribute_constraints ?? []).every((constraint) => holds(constraint, agent)));
}

function holds({ selector, predicate }: Constraint, agent: AgentInfo): boolean {
  const found = select(selector, agent);
  if (predicate.exists) return found !== undefined;
  if (predicate.not_exists) return found === undefined;
  const text = found?.text;
  if (predicate.text_equals) return found !== undefined && (text === undefined || text === predicate.text_equals.value);
  if (predicate.text_not_equals) return text === undefined || text !== predicate.text_not_equals.value;
  if (predicate.text_matches)
    return found !== undefined && (text === undefined || matches(predicate.text_matches, text));
  if (predicate.text_not_matches) return text === undefined || !matches(predicate.text_not_matches, text);
  return true;
}

/** The selected attribute: its text, or undefined as text for one of another type; undefined when there is none. */
function select(selector: Constraint['selector'], agent: AgentInfo): { text: string | undefined } | undefined {
  const domain = agent.domain?.fault_domain;
  switch (selector.pseudoattribute_type) {
    case 'HOSTNAME':
      return { text: agent.hostname };
    case 'REGION':
      return domain && { text: domain.region.name };
    case 'ZONE':
      return domain && { text: domain.zone.name };
    default: {
      const attribute = agent.attributes?.find(({ name }) => name === selector.attribute_name);
      return attribute && { text: attribute.type === 'TEXT' ? String(attributeValue(attribute)) : undefined };
    }
  }
}

function matches({ regex }: { regex: string }, text: string): boolean {
  try {
    return new RegExp(`^(?:${regex})$`).test(text);
  } catch {
    return false;
  }
}
