/**
 * Runs `task` when asked; asked while it runs, it runs once more afterwards, however often it was asked. For work that
 * brings things up to date with what is true when it starts. `task` must not reject.
 * @returns asks; resolves when no run is due any more
 */
export function coalesce(task: () => Promise<void>): () => Promise<void> {
  let running: Promise<void> | undefined;
  let again = false;
  const run = async () => {
    do {
      again = false;
      await task();
    } while (again);
    running = undefined;
  };
  return () => {
    if (running) again = true;
    else running = run();
    return running ?? Promise.resolve();
  };
}
