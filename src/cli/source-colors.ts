import { styleText } from 'node:util';

const colors = ['cyan', 'green', 'yellow', 'magenta', 'blue', 'cyanBright', 'greenBright', 'magentaBright'] as const;

/** Gives each source of lines a colour of its own as long as there are enough, in the order in which they are met. */
export function createSourceColors(on: boolean): (source: string) => string {
  const given = new Map<string, (typeof colors)[number]>();
  return (source) => {
    if (!on) return source;
    const color = given.get(source) ?? colors[given.size % colors.length]!;
    given.set(source, color);
    return styleText(color, source);
  };
}
