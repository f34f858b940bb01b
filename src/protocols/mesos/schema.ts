import { enums as enumLines, messages as messageLines } from './schema-table.ts';

export type Scalar = 'string' | 'bytes' | 'bool' | 'double' | 'float' | 'int32' | 'int64' | 'uint32' | 'uint64';

export interface Field {
  name: string;
  number: number;
  label: 'optional' | 'required' | 'repeated' | 'map';
  /** The type of the value, of one element, or of the map's values. */
  type: { kind: 'scalar'; scalar: Scalar } | { kind: 'enum'; values: EnumType } | { kind: 'message'; message: string };
  /** Written into objects that lack the field. */
  default?: string | number | boolean;
  /** An absent list is read as an empty one. */
  neverAbsent?: true;
}

export interface EnumType {
  name: string;
  numbers: ReadonlyMap<string, number>;
  names: ReadonlyMap<number, string>;
}

export interface MessageType {
  name: string;
  fields: ReadonlyMap<string, Field>;
  byNumber: ReadonlyMap<number, Field>;
}

const scalars: ReadonlySet<string> = new Set([
  'string',
  'bytes',
  'bool',
  'double',
  'float',
  'int32',
  'int64',
  'uint32',
  'uint64',
]);

let texts: { messages: Map<string, string[]>; enums: Map<string, string[]> } | undefined;
const messageTypes = new Map<string, MessageType>();
const enumTypes = new Map<string, EnumType>();

/** The message of this name (`TaskInfo`, `scheduler.Call`). Read from the table at its first use. */
export function messageType(name: string): MessageType {
  let type = messageTypes.get(name);
  if (!type) {
    const words = table().messages.get(name);
    if (!words) throw new RangeError(`the schema has no message '${name}'`);
    const fields = words.map(parseField);
    type = {
      name,
      fields: new Map(fields.map((field) => [field.name, field])),
      byNumber: new Map(fields.map((field) => [field.number, field])),
    };
    messageTypes.set(name, type);
  }
  return type;
}

function enumType(name: string): EnumType | undefined {
  let type = enumTypes.get(name);
  if (!type) {
    const words = table().enums.get(name);
    if (!words) return undefined;
    const numbers = new Map(
      words.map((word) => {
        const colon = word.indexOf(':');
        return [word.slice(0, colon), Number(word.slice(colon + 1))] as const;
      }),
    );
    type = { name, numbers, names: new Map([...numbers].map(([key, number]) => [number, key])) };
    enumTypes.set(name, type);
  }
  return type;
}

function parseField(word: string): Field {
  const match = /^(\w+):(\d+)([!*+%]?)([A-Za-z][\w.]*)(?:=(.*))?$/.exec(word);
  if (!match) throw new RangeError(`the schema has the malformed field '${word}'`);
  const [, name, number, mark, typeName, declared] = match as unknown as [
    string,
    string,
    string,
    string,
    string,
    string?,
  ];
  const type = fieldType(typeName);
  return {
    name,
    number: Number(number),
    label: mark === '!' ? 'required' : mark === '*' || mark === '+' ? 'repeated' : mark === '%' ? 'map' : 'optional',
    type,
    ...(mark === '+' ? { neverAbsent: true as const } : {}),
    ...(declared === undefined ? {} : { default: defaultValue(type, declared) }),
  };
}

function fieldType(name: string): Field['type'] {
  if (scalars.has(name)) return { kind: 'scalar', scalar: name as Scalar };
  const values = enumType(name);
  return values ? { kind: 'enum', values } : { kind: 'message', message: name };
}

function defaultValue(type: Field['type'], text: string): string | number | boolean {
  if (type.kind !== 'scalar' || type.scalar === 'string') return text;
  return type.scalar === 'bool' ? text === 'true' : Number(text);
}

function table() {
  texts ??= { messages: readLines(messageLines), enums: readLines(enumLines) };
  return texts;
}

function readLines(text: string): Map<string, string[]> {
  const entries = new Map<string, string[]>();
  let current: string[] = [];
  for (const line of text.split('\n')) {
    if (line === '') continue;
    const words = line.split(' ').filter((word) => word !== '');
    if (!line.startsWith(' ')) {
      current = [];
      entries.set(words.shift()!, current);
    }
    for (const word of words) current.push(word);
  }
  return entries;
}
