import type { ListrTask } from 'listr2';
import type { Step } from '../support/progress.ts';
import { type CliProgress, createPlainProgress, type ProgressOptions } from './progress.ts';

type Listr2 = typeof import('listr2');

interface TerminalStep {
  title: string;
  text: string;
  state: 'open' | 'done' | 'failed';
  /** Redraws; a no-op until listr2 is loaded and runs the step. */
  changed: () => void;
}

/**
 * listr2's spinning tasks. The library is loaded after the first steps were announced, so that it never delays what the
 * steps are about; until then (and for operations quicker than that) nothing is drawn but the end.
 */
export function createTerminalProgress(write: (text: string) => void, options: ProgressOptions): CliProgress {
  const open = new Set<TerminalStep>();
  const shows = new Set<Promise<void>>();
  const plain = createPlainProgress(write, options);
  let library: Promise<Listr2> | undefined;
  let running = 0;
  let held: (() => void)[] = [];
  /** Lines would be torn apart by the redrawing, so they wait for the tasks' end. */
  const whenIdle = (print: () => void) => {
    if (running > 0) held.push(print);
    else print();
  };

  const show = async (steps: TerminalStep[]) => {
    running++;
    try {
      library ??= import('listr2');
      const { Listr } = await library;
      const tasks = steps.map(
        (step): ListrTask => ({
          title: step.title,
          task: (_, task) =>
            new Promise<void>((resolve, reject) => {
              const draw = () => {
                task.title =
                  step.text && step.state !== 'open' ? `${step.title} ${options.style.dim(step.text)}` : step.title;
                if (step.state === 'open') task.output = step.text;
                else if (step.state === 'done') resolve();
                else reject(new Error(step.text || step.title));
              };
              step.changed = draw;
              draw();
            }),
        }),
      );
      await new Listr(tasks, {
        concurrent: true,
        exitOnError: false,
        registerSignalListeners: false,
        rendererOptions: { collapseErrors: false, showErrorMessage: false },
      }).run();
    } finally {
      running--;
      if (running === 0) {
        for (const print of held) print();
        held = [];
      }
    }
  };

  return {
    steps(titles) {
      const steps = titles.map((title): TerminalStep => ({ title, text: '', state: 'open', changed: () => {} }));
      for (const step of steps) open.add(step);
      const shown = show(steps).catch(() => {});
      shows.add(shown);
      void shown.then(() => shows.delete(shown));
      return steps.map((step): Step => {
        const set = (state: TerminalStep['state']) => (text?: string) => {
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
          done: set('done'),
          fail: set('failed'),
        };
      });
    },
    note: (text) => whenIdle(() => plain.note(text)),
    warn: (text) => whenIdle(() => plain.warn(text)),
    detail: (text) => whenIdle(() => plain.detail(text)),
    async close() {
      for (const step of open) {
        step.state = 'failed';
        step.changed();
      }
      open.clear();
      await Promise.all(shows);
    },
  };
}
