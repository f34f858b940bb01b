import type { Constraint } from '../../../protocols/marathon/types.ts';
import type { Attribute, Offer } from '../../../protocols/mesos/types.ts';
import type { Instance, Placement } from './instance.ts';

/** Placement constraints. Source: mesos/Constraints.scala and SchedulingValidation.scala of Marathon. */

const operators = ['UNIQUE', 'CLUSTER', 'GROUP_BY', 'LIKE', 'UNLIKE', 'MAX_PER', 'IS'];
const wholeNumber = /^[+-]?\d{1,10}$/;

/** At most three decimals, the nearest, and of two equally near ones the even; no trailing zeros. */
export function formatScalar(value: number): string {
  const shifted = value * 1000;
  const floor = Math.floor(shifted);
  const isHalf = Math.abs(shifted - floor - 0.5) < 1e-9;
  const thousandths = isHalf ? (floor % 2 === 0 ? floor : floor + 1) : Math.round(shifted);
  return String(thousandths === 0 ? 0 : thousandths / 1000);
}

function attributeText(attribute: Attribute): string {
  switch (attribute.type) {
    case 'SCALAR':
      return formatScalar(attribute.scalar?.value ?? 0);
    case 'TEXT':
      return attribute.text?.value ?? '';
    case 'RANGES': {
      const ranges = [...(attribute.ranges?.range ?? [])].sort((a, b) => a.begin - b.begin);
      return `[${ranges.map(({ begin, end }) => `${begin}-${end}`).join(',')}]`;
    }
    case 'SET':
      return `{${[...(attribute.set?.item ?? [])].sort().join(',')}}`;
  }
}

/** The value of a constraint's field on an agent, as text; undefined when the agent has no such attribute. */
export function fieldValue(placement: Placement, field: string): string | undefined {
  switch (field) {
    case 'hostname':
    case '@hostname':
      return placement.host;
    case '@region':
      return placement.region;
    case '@zone':
      return placement.zone;
    default: {
      const attribute = placement.attributes.find(({ name }) => name === field);
      return attribute && attributeText(attribute);
    }
  }
}

/** Where an offer would place an instance. */
export function placementOf(offer: Offer): Placement {
  const fault = offer.domain?.fault_domain;
  return {
    agentId: offer.agent_id.value,
    host: offer.hostname,
    ...(fault && { region: fault.region.name, zone: fault.zone.name }),
    attributes: offer.attributes ?? [],
  };
}

function fullMatch(pattern: string, text: string): boolean {
  try {
    return new RegExp(`^(?:${pattern})$`).test(text);
  } catch {
    return false;
  }
}

function countBy(values: readonly (string | undefined)[]): Map<string | undefined, number> {
  const counts = new Map<string | undefined, number>();
  for (const value of values) counts.set(value, (counts.get(value) ?? 0) + 1);
  return counts;
}

/** Without a number of groups, the groups are those seen so far: one more is allowed once they are even. */
function meetsGroupBy(
  value: string,
  groups: number,
  instances: number,
  counts: ReadonlyMap<string | undefined, number>,
): boolean {
  const here = counts.get(value);
  if (groups <= 0) return here === undefined || here <= Math.min(...counts.values());
  const even = Math.floor(instances / groups);
  if (here === undefined) return counts.size < groups;
  if (here < even) return true;
  let unused = instances % groups;
  for (const count of counts.values()) unused -= Math.max(0, count - even);
  return here === even && unused > 0;
}

/**
 * Whether the offer may be used for one more instance beside those `placed`.
 * @param instances how many instances the app shall have; GROUP_BY divides them
 */
export function meetsConstraint(
  [field, operator, value = '']: Constraint,
  placed: readonly Placement[],
  offer: Placement,
  instances: number,
): boolean {
  const offered = fieldValue(offer, field);
  if (offered === undefined) return operator === 'UNLIKE';
  const values = () => placed.map((placement) => fieldValue(placement, field));
  switch (operator) {
    case 'UNIQUE':
      return !values().includes(offered);
    case 'CLUSTER':
      if (value !== '') return offered === value;
      return placed.length === 0 || values()[0] === offered;
    case 'GROUP_BY':
      return meetsGroupBy(offered, wholeNumber.test(value) ? Number(value) : 0, instances, countBy(values()));
    case 'MAX_PER':
      return values().filter((each) => each === offered).length < Number(value);
    case 'LIKE':
      return value !== '' && fullMatch(value, offered);
    case 'UNLIKE':
      return value !== '' && !fullMatch(value, offered);
    case 'IS':
      return offered === (/^\d+(\.\d+)?$/.test(value) ? formatScalar(Number(value)) : value);
    default:
      return false;
  }
}

/** The errors of one constraint as written in a definition; empty when it is good. */
export function constraintErrors(constraint: readonly string[]): string[] {
  const [field, given, value] = constraint;
  if (constraint.length < 2 || constraint.length > 3 || given === undefined)
    return ['Each constraint must have either 2 or 3 fields'];
  if (!field) return ['illegal constraint specification'];
  const operator = given.toUpperCase();
  switch (operators.includes(operator) ? operator : '') {
    case 'UNIQUE':
      return value === undefined ? [] : ['UNIQUE does not accept a value'];
    case 'CLUSTER':
      return [];
    case 'GROUP_BY':
      return value === undefined || wholeNumber.test(value)
        ? []
        : ['GROUP BY must define an integer value or else no value at all'];
    case 'MAX_PER':
      return value !== undefined && wholeNumber.test(value) ? [] : ['MAX_PER requires an integer value'];
    case 'LIKE':
    case 'UNLIKE':
      if (value === undefined) return ['LIKE and UNLIKE require a non-empty, regular expression value'];
      try {
        new RegExp(value);
        return [];
      } catch {
        return ['is not a valid regular expression'];
      }
    case 'IS':
      return /^[a-zA-Z0-9_/.-]*$/.test(value ?? '')
        ? []
        : [
            'IS only supports Mesos text and float values (see http://mesos.apache.org/documentation/latest/attributes-resources/)',
          ];
    default:
      return ['operator must be one of the following UNIQUE, CLUSTER, GROUP_BY, LIKE, MAX_PER, UNLIKE or IS'];
  }
}

/** How the instances spread over the values of one field. */
type Groups = readonly (readonly Instance[])[];

function spread(groups: Groups, without: ReadonlySet<string>): number {
  const sizes = groups.map((group) => group.filter(({ id }) => !without.has(id)).length);
  return Math.max(...sizes) - Math.min(...sizes);
}

function fullest(groups: Groups, without: ReadonlySet<string>): Instance[] {
  const left = groups.map((group) => group.filter(({ id }) => !without.has(id)));
  const sizes = left.map((group) => group.length);
  const most = Math.max(...sizes);
  return most === Math.min(...sizes) ? [] : left.filter((group) => group.length === most).flat();
}

/**
 * Up to `count` instances to kill so that GROUP_BY constraints stay as even as they can be. It may find fewer, and
 * none when the app has no such constraint.
 */
export function selectToKeepEven(
  constraints: readonly Constraint[],
  running: readonly Instance[],
  count: number,
): Instance[] {
  if (count <= 0) return [];
  if (count >= running.length) return [...running];
  const distributions = constraints
    .filter(([, operator]) => operator === 'GROUP_BY')
    .map(([field]): Groups => {
      const groups = new Map<string | undefined, Instance[]>();
      for (const instance of running) {
        const value = instance.placement && fieldValue(instance.placement, field);
        const group = groups.get(value);
        if (group) group.push(instance);
        else groups.set(value, [instance]);
      }
      return [...groups.values()];
    });
  if (distributions.length === 0) return [];

  const chosen: Instance[] = [];
  const ids = new Set<string>();
  while (chosen.length < count) {
    const candidates = [
      ...[...distributions].sort((a, b) => spread(b, ids) - spread(a, ids)).flatMap((groups) => fullest(groups, ids)),
      ...running.filter(({ id }) => !ids.has(id)),
    ];
    const next = candidates.find((candidate) => {
      const without = new Set(ids).add(candidate.id);
      return distributions.every((groups) => {
        const after = spread(groups, without);
        return after <= 1 || after < spread(groups, new Set());
      });
    });
    if (!next) break;
    chosen.push(next);
    ids.add(next.id);
  }
  return chosen;
}
