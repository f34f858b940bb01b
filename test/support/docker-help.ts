/** An option of `docker run`. */
export interface RunOption {
  /** Without dashes. */
  name: string;
  /** Its letter. */
  letter: string | undefined;
  /** What its help calls the value; undefined for a switch. */
  value: string | undefined;
}

/** The options that `docker run --help` lists. */
export function runOptions(help: string): RunOption[] {
  return help.split('\n').flatMap((line) => {
    const [found, letter, name = '', value] = /^\s{2,6}(?:-(\w), )?--([\w-]+)(?: (\S+))?(?:\s{2,}|$)/.exec(line) ?? [];
    return found === undefined ? [] : [{ name, letter, value }];
  });
}
