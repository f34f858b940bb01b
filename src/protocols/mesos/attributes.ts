import { formatRanges, parseRanges } from './ranges.ts';
import type { Attribute } from './types.ts';

/** An attribute text that can't be read. */
export class AttributeError extends Error {}

/**
 * Reads the `--attributes` flag of an agent: `rack:abc;level:10;keys:[1-5]`. Text up to the first colon is the name;
 * the value's form decides the type. Source: docs/attributes-resources.md of Apache Mesos.
 * @throws AttributeError
 */
export function parseAttributes(text: string): Attribute[] {
  const attributes: Attribute[] = [];
  for (const piece of text.split(/[;\n]/)) {
    if (piece.trim() === '') continue;
    const colon = piece.indexOf(':');
    if (colon <= 0) throw new AttributeError(`Invalid attribute key:value pair '${piece.trim()}'`);
    const name = piece.slice(0, colon).trim();
    attributes.push({ name, ...parseValue(piece.slice(colon + 1).trim()) });
  }
  return attributes;
}

function parseValue(text: string): Omit<Attribute, 'name'> {
  const ranges = parseRanges(text);
  if (ranges) return { type: 'RANGES', ranges: { range: ranges } };
  // Attributes know no sets; a value in braces stays text.
  if (text !== '' && Number.isFinite(Number(text))) return { type: 'SCALAR', scalar: { value: Number(text) } };
  return { type: 'TEXT', text: { value: text } };
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
