/** Where in a text something is; both from 1. */
export interface TextPlace {
  line: number;
  column: number;
}

/** The place of an offset (in UTF-16 units). */
export function placeOf(text: string, offset: number): TextPlace {
  const before = text.slice(0, offset).split('\n');
  return { line: before.length, column: (before.at(-1)?.length ?? 0) + 1 };
}

const around = 2;
const widest = 76;

/** The lines around a place, numbered, with a mark below the column; long lines are cut. */
export function excerpt(text: string, { line, column }: TextPlace): string {
  const lines = text.split(/\r?\n/);
  const first = Math.max(1, line - around);
  const last = Math.min(lines.length, line + around);
  const digits = String(last).length;
  const room = widest - digits - 5;
  // A long line is shown from where the place is in sight.
  const skip = column > room ? column - Math.floor(room / 2) : 0;
  const shown: string[] = [];
  for (let number = first; number <= last; number++) {
    const content = (lines[number - 1] ?? '').replaceAll('\t', ' ');
    shown.push(
      `${number === line ? '>' : ' '} ${String(number).padStart(digits)} | ${content.slice(skip, skip + room)}`.trimEnd(),
    );
    if (number === line) shown.push(`  ${' '.repeat(digits)} | ${' '.repeat(Math.max(0, column - 1 - skip))}^`);
  }
  return shown.join('\n');
}
