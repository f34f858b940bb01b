import type { CommandEnd } from '../../protocols/mesos/task-record.ts';
import type { KillPolicy, TaskState } from '../../protocols/mesos/types.ts';

/** Why a task is being ended, if it is. */
export type KillCause = 'asked' | 'unhealthy' | 'completion-time' | 'group';

export interface Ending {
  state: TaskState;
  message: string;
  reason?: string;
  healthy?: false;
}

/**
 * The final state of a command, or of a container. Sources: src/launcher/executor.cpp and src/docker/executor.cpp of
 * Apache Mesos, and recorded updates.
 */
export function endingOf(end: CommandEnd, killed: KillCause | undefined, what = 'Command'): Ending {
  const message = `${what} ${describeEnd(end)}`;
  switch (killed) {
    case 'completion-time':
      return { state: 'TASK_FAILED', message, reason: 'REASON_MAX_COMPLETION_TIME_REACHED' };
    case 'unhealthy':
      return { state: 'TASK_KILLED', message, healthy: false };
    case 'asked':
    case 'group':
      return { state: 'TASK_KILLED', message };
    case undefined:
      return { state: 'status' in end && end.status === 0 ? 'TASK_FINISHED' : 'TASK_FAILED', message };
  }
}

/** `exited with status 3`, `terminated with signal Killed (core dumped)`. */
export function describeEnd(end: CommandEnd): string {
  if ('status' in end) return `exited with status ${end.status}`;
  return `terminated with signal ${signalTexts[end.signal] ?? end.signal}${end.coreDumped ? ' (core dumped)' : ''}`;
}

/** What strsignal(3) of glibc says. */
const signalTexts: Readonly<Record<string, string>> = {
  SIGHUP: 'Hangup',
  SIGINT: 'Interrupt',
  SIGQUIT: 'Quit',
  SIGILL: 'Illegal instruction',
  SIGTRAP: 'Trace/breakpoint trap',
  SIGABRT: 'Aborted',
  SIGIOT: 'Aborted',
  SIGBUS: 'Bus error',
  SIGFPE: 'Floating point exception',
  SIGKILL: 'Killed',
  SIGUSR1: 'User defined signal 1',
  SIGSEGV: 'Segmentation fault',
  SIGUSR2: 'User defined signal 2',
  SIGPIPE: 'Broken pipe',
  SIGALRM: 'Alarm clock',
  SIGTERM: 'Terminated',
  SIGSTKFLT: 'Stack fault',
  SIGCHLD: 'Child exited',
  SIGCONT: 'Continued',
  SIGSTOP: 'Stopped (signal)',
  SIGTSTP: 'Stopped',
  SIGTTIN: 'Stopped (tty input)',
  SIGTTOU: 'Stopped (tty output)',
  SIGURG: 'Urgent I/O condition',
  SIGXCPU: 'CPU time limit exceeded',
  SIGXFSZ: 'File size limit exceeded',
  SIGVTALRM: 'Virtual timer expired',
  SIGPROF: 'Profiling timer expired',
  SIGWINCH: 'Window changed',
  SIGIO: 'I/O possible',
  SIGPOLL: 'I/O possible',
  SIGPWR: 'Power failure',
  SIGSYS: 'Bad system call',
};

/** Between SIGTERM and SIGKILL when neither the task nor the kill says otherwise. */
const defaultGraceMs = 3000;

/** The grace period of the first policy that has one. */
export function graceOf(...policies: (KillPolicy | undefined)[]): number {
  for (const policy of policies) {
    const nanoseconds = policy?.grace_period?.nanoseconds;
    if (nanoseconds !== undefined) return Math.max(0, Number(nanoseconds) / 1e6);
  }
  return defaultGraceMs;
}
