/**
 * For `skipIf`: tells whether tests can't run here, and prints why when they can't.
 * @param needs what must be true for them to run
 */
export function skipped(needs: boolean, tests: string, reason: string): boolean {
  if (!needs) console.log(`skipped: ${tests} (${reason})`);
  return !needs;
}
