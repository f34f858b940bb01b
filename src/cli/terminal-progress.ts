import type { ListrTask } from 'listr2';
import type { Step } from '../support/progress.ts';
import { type CliProgress, createPlainProgress, type ProgressOptions } from './progress.ts';

interface TerminalStep {
  title: string;
  text: string;
  state: 'open' | 'done' | 'failed';
  /** Redraws; does nothing until listr2 runs the step. */
  changed: () => void;
}

/** What is done by then is not worth drawing; and listr2 is loaded when what the steps are about is under way. */
const drawAfterMs = 120;

/** listr2's spinning tasks for what takes a while, plain lines for the rest. */
export function createTerminalProgress(write: (text: string) => void, options: ProgressOptions): CliProgress {
  const plain = createPlainProgress(write, options);
  const open = new Set<TerminalStep>();
  const shows = new Set<Promise<void>>();
  /** Lines would be torn apart by the redrawing, so they wait for the tasks' end. */
  const held: (() => void)[] = [];
  let drawing = 0;
  const whenIdle = (text: string, print: () => void) => {
    if (drawing === 0) return print();
    held.push(print);
    // Whoever waits should read it now: it takes the place of what is said about the step that began last.
    const step = [...open].at(-1);
    if (!step) return;
    step.text = text.trim();
    step.changed();
  };

  const draw = async (steps: readonly TerminalStep[]) => {
    drawing++;
    try {
      const { Listr } = await import('listr2');
      await new Listr(
        steps.map((step) => toTask(step, options)),
        {
          concurrent: true,
          exitOnError: false,
          registerSignalListeners: false,
          rendererOptions: { collapseErrors: false, showErrorMessage: false },
        },
      ).run();
    } finally {
      drawing--;
      if (drawing === 0) for (const print of held.splice(0)) print();
    }
  };

  const show = async (steps: readonly TerminalStep[]) => {
    if (await endsSoon(steps, drawAfterMs)) printPlainly(plain, steps);
    else await draw(steps);
  };

  return {
    steps(titles) {
      const steps = titles.map((title): TerminalStep => ({ title, text: '', state: 'open', changed: () => {} }));
      for (const step of steps) open.add(step);
      const shown = show(steps).catch(() => {});
      shows.add(shown);
      void shown.then(() => shows.delete(shown));
      return steps.map((step): Step => {
        const end = (state: TerminalStep['state']) => (text?: string) => {
          if (step.state !== 'open') return;
          open.delete(step);
          step.state = state;
          step.text = text ?? '';
          step.changed();
        };
        return {
          update(text) {
            if (step.state !== 'open') return;
            step.text = text;
            step.changed();
          },
          done: end('done'),
          fail: end('failed'),
        };
      });
    },
    note: (text) => whenIdle(text, () => plain.note(text)),
    warn: (text) => whenIdle(text, () => plain.warn(text)),
    detail(text) {
      if (options.verbose) whenIdle(text, () => plain.detail(text));
    },
    async close() {
      for (const step of open) {
        step.state = 'failed';
        step.text = '';
        step.changed();
      }
      open.clear();
      await Promise.all(shows);
    },
  };
}

function toTask(step: TerminalStep, { style }: ProgressOptions): ListrTask {
  return {
    title: step.title,
    task: (_, task) =>
      new Promise<void>((resolve, reject) => {
        step.changed = () => {
          if (step.state === 'open') task.output = step.text;
          else {
            if (step.text) task.title = `${step.title} ${style.dim(step.text)}`;
            if (step.state === 'done') resolve();
            else reject(new Error(step.text || step.title));
          }
        };
        step.changed();
      }),
  };
}

/** Whether all steps end within that time; resolves as soon as that is known. */
function endsSoon(steps: readonly TerminalStep[], withinMs: number): Promise<boolean> {
  return new Promise((resolve) => {
    const haveEnded = () => steps.every(({ state }) => state !== 'open');
    const timer = setTimeout(() => resolve(haveEnded()), withinMs);
    for (const step of steps)
      step.changed = () => {
        if (!haveEnded()) return;
        clearTimeout(timer);
        resolve(true);
      };
  });
}

function printPlainly(plain: CliProgress, steps: readonly TerminalStep[]): void {
  const lines = plain.steps(steps.map(({ title }) => title));
  for (const [i, { state, text }] of steps.entries())
    if (state === 'done') lines[i]?.done(text);
    else lines[i]?.fail(text);
}
