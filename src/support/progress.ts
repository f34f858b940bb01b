/** One thing that is under way and shown as such. */
export interface Step {
  /** What it waits for at the moment. */
  update(text: string): void;
  /** @param text what came of it, shown behind the title */
  done(text?: string): void;
  fail(text?: string): void;
}

/** How long operations tell what they do. It never holds results, and losing all of it changes nothing. */
export interface Progress {
  /** Steps that run at the same time, in the order in which they are shown. */
  steps(titles: readonly string[]): Step[];
  /** A sentence the user should see, whatever is under way. */
  note(text: string): void;
  /** Like `note`, for what went wrong without ending the operation. */
  warn(text: string): void;
  /** Only with --verbose. */
  detail(text: string): void;
}

const silentStep: Step = { update() {}, done() {}, fail() {} };

export const silentProgress: Progress = {
  steps: (titles) => titles.map(() => silentStep),
  note() {},
  warn() {},
  detail() {},
};
