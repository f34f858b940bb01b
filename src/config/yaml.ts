import { isMap, isPair, isScalar, LineCounter, type Node, parseDocument } from 'yaml';

/** A YAML text with the place of every key. */
export interface YamlText {
  value: unknown;
  /** Errors of syntax; with any of them `value` means nothing. */
  errors: readonly { line: number; column: number; message: string }[];
  /**
   * Where a path begins; the nearest enclosing place when the path itself isn't there.
   * @param key the place of the last step's key instead of its value
   */
  place(path: readonly (string | number)[], key?: boolean): { line: number; column: number };
}

export function readYaml(text: string): YamlText {
  const lines = new LineCounter();
  const document = parseDocument(text, { lineCounter: lines, prettyErrors: false, uniqueKeys: true });
  const at = (offset: number) => {
    const { line, col } = lines.linePos(offset);
    return { line, column: col };
  };
  const problems = [...document.errors];
  let value: unknown;
  if (problems.length === 0) value = document.toJS({ maxAliasCount: 100 });
  return {
    value,
    errors: problems.map((error) => ({ ...at(error.pos[0]), message: error.message })),
    place(path, key = false) {
      let place = document.contents?.range ? at(document.contents.range[0]) : { line: 1, column: 1 };
      let node: unknown = document.contents;
      path.forEach((step, i) => {
        if (node === undefined) return;
        const wantsKey = key && i === path.length - 1;
        const found = isMap(node) ? pairOf(node.items, step) : undefined;
        if (found && (wantsKey || !found.value)) {
          if (found.key?.range) place = at(found.key.range[0]);
          node = found.value;
          return;
        }
        node = found ? found.value : childOf(node, step);
        const range = (node as Node | undefined)?.range;
        // A block below its key is better named by the key's line.
        const start = found?.key?.range && !isScalar(node) ? found.key.range : range;
        if (start) place = at(start[0]);
      });
      return place;
    },
  };
}

function pairOf(items: readonly unknown[], key: string | number): { key: Node; value: Node | undefined } | undefined {
  for (const item of items)
    if (isPair(item) && isScalar(item.key) && String(item.key.value) === String(key))
      return { key: item.key, value: (item.value as Node | null) ?? undefined };
  return undefined;
}

function childOf(node: unknown, step: string | number): unknown {
  const items = (node as { items?: unknown[] } | undefined)?.items;
  return typeof step === 'number' ? items?.[step] : undefined;
}
