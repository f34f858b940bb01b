/**
 * A timeline on stderr when DEVCLUSTER_TRACE is set: where the time of a command goes. Milliseconds since the process
 * was started.
 */
const enabled = Boolean(process.env.DEVCLUSTER_TRACE);

export function trace(text: string): void {
  if (enabled) process.stderr.write(`${performance.now().toFixed(1).padStart(8)} ms  ${text}\n`);
}
