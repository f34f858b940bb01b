/** Rows in columns as wide as their widest cell; a row's last cell takes what it needs. ANSI colours take no room. */
export function formatTable(rows: readonly (readonly string[])[], indent = ''): string {
  const widths: number[] = [];
  for (const row of rows)
    for (const [i, cell] of row.slice(0, -1).entries()) widths[i] = Math.max(widths[i] ?? 0, width(cell));
  return rows
    .map((row) => indent + row.map((cell, i) => (i === row.length - 1 ? cell : pad(cell, widths[i]!))).join('  '))
    .map((line) => line.trimEnd())
    .join('\n');
}

function pad(text: string, columns: number): string {
  return text + ' '.repeat(Math.max(0, columns - width(text)));
}

function width(text: string): number {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: the escape character is what is looked for
  return text.replace(/\u001b\[[0-9;]*m/g, '').length;
}

/** The beginning of a line that fits into so many columns, an ellipsis at its end if it was cut. ANSI colours take no room. */
export function cutLine(line: string, columns: number): string {
  if (width(line) <= columns) return line;
  let cut = '';
  let room = Math.max(0, columns - 1);
  // biome-ignore lint/suspicious/noControlCharactersInRegex: the escape character is what is looked for
  for (const [part] of line.matchAll(/\u001b\[[0-9;]*m|./gsu)) {
    if (part.startsWith('\u001b')) cut += part;
    else if (room-- > 0) cut += part;
  }
  return `${cut}…`;
}

/** Words with commas between them, in lines of at most 80 columns. */
export function formatList(heading: string, words: readonly string[], indent = '  '): string {
  const lines: string[] = [];
  let line = `${indent}${heading}`;
  for (const [i, word] of words.entries()) {
    const text = i < words.length - 1 ? `${word},` : word;
    if (width(line) + 1 + width(text) > 80) {
      lines.push(line);
      line = `${indent}${' '.repeat(width(heading))}`;
    }
    line += ` ${text}`;
  }
  return [...lines, line].join('\n');
}
