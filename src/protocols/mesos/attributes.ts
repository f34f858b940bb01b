import { formatRanges, parseRanges } from './ranges.ts';
import type { Attribute } from './types.ts';

/** An attribute text that can't be read. */
export class AttributeError extends Error {}

/**
 * Reads the `--attributes` flag of an agent: `rack:abc;level:10;keys:[1-5]`. Text up to the first colon is the name;
 * the value's form decides the type. Source: docs/attributes-resources.md, src/common/{attributes,values}.cpp of Apache
 * Mesos.
 * @throws AttributeError
 */
export function parseAttributes(text: string): Attribute[] {
  const attributes: Attribute[] = [];
  for (const piece of text.split(/[;\n]/)) {
    if (piece.trim() === '') continue;
    const colon = piece.indexOf(':');
    if (colon <= 0) throw new AttributeError(`Invalid attribute key:value pair '${piece.trim()}'`);
    const name = piece.slice(0, colon).trim();
    attributes.push({ name, ...parseValue(name, piece.slice(colon + 1)) });
  }
  return attributes;
}

/** Why a text can't be the value of an attribute; undefined when it can. The real agent ends when it is given one. */
export function attributeFault(text: string): string | undefined {
  const value = withoutSpaces(text);
  if (value === '') return 'is empty';
  if (['{}', '[]', '()'].some((pair) => !bracketsMatch(value, pair))) return 'has brackets that do not match';
  if (value.startsWith('{')) return 'is a set, which attributes know not';
  if (value.startsWith('[')) return parseRanges(value) ? undefined : 'begins like ranges, which are [1-5,7-9]';
  const bracket = /[[{]/.exec(value)?.[0];
  return bracket ? `has a ${bracket} that is not its beginning` : undefined;
}

function parseValue(name: string, text: string): Omit<Attribute, 'name'> {
  const fault = attributeFault(text);
  if (fault) throw new AttributeError(`Attribute '${name}': its value '${text.trim()}' ${fault}`);
  const value = withoutSpaces(text);
  const ranges = parseRanges(value);
  if (ranges) return { type: 'RANGES', ranges: { range: ranges } };
  if (isScalar(value)) return { type: 'SCALAR', scalar: { value: Number(value) } };
  return { type: 'TEXT', text: { value } };
}

/** Mesos takes them out of the middle of a value too. */
function withoutSpaces(text: string): string {
  return text.replaceAll(' ', '').trim();
}

/** A negative number is text. */
function isScalar(value: string): boolean {
  return /^\+?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?$|^0x[\da-f]+$/i.test(value) && Number.isFinite(Number(value));
}

function bracketsMatch(text: string, [open, close]: string): boolean {
  let depth = 0;
  for (const character of text) {
    if (character === open) depth++;
    else if (character === close && --depth < 0) return false;
  }
  return depth === 0;
}

/** Attributes as `/state` shows them: numbers for scalars, strings for the rest. */
export function attributesToState(attributes: readonly Attribute[] | undefined): Record<string, number | string> {
  const state: Record<string, number | string> = {};
  for (const attribute of attributes ?? []) state[attribute.name] = attributeValue(attribute);
  return state;
}

/** One attribute's value in its `/state` form. */
export function attributeValue(attribute: Attribute): number | string {
  switch (attribute.type) {
    case 'SCALAR':
      return attribute.scalar?.value ?? 0;
    case 'RANGES':
      return formatRanges(attribute.ranges?.range ?? []);
    case 'SET':
      return `{${(attribute.set?.item ?? []).join(', ')}}`;
    case 'TEXT':
      return attribute.text?.value ?? '';
  }
}
