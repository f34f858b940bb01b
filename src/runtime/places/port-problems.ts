import { type PortName, standardPorts } from '../../plan/types.ts';
import { DevclusterError } from '../../support/errors.ts';
import type { Claim } from './claims.ts';
import { whyNotFree } from './free-port.ts';
import { blocks, describeOwner, type Listener, listListeners } from './listeners.ts';
import { portShifts } from './places.ts';

export const portNames = Object.keys(standardPorts) as PortName[];

/** What is taken on this machine. */
export interface Taken {
  claims: readonly Claim[];
  listeners: readonly Listener[];
  /** Whether somebody with more rights than this user is to listen, as a Docker engine does. */
  privileged?: boolean;
}

/** A problem that only this user would have is none where somebody with more rights is to listen. */
export function unlessPrivileged(problem: Problem | undefined, taken: Taken): Problem | undefined {
  return taken.privileged && problem?.code === 'EACCES' ? undefined : problem;
}

/** Why a node can't have a port. */
export interface Problem {
  address: string;
  port: number;
  protocol: 'tcp' | 'udp';
  /** EADDRINUSE, EACCES, EADDRNOTAVAIL. */
  code: string;
}

/** Why these addresses can't all have the port, if so. DNS needs it for both protocols. */
export async function firstProblem(
  addresses: readonly string[],
  port: number,
  name: PortName,
): Promise<Problem | undefined> {
  const protocols = name === 'dns' ? (['tcp', 'udp'] as const) : (['tcp'] as const);
  const tries = addresses.flatMap((address) =>
    protocols.map(async (protocol): Promise<Problem | undefined> => {
      const code = await whyNotFree(address, port, protocol);
      return code === undefined ? undefined : { address, port, protocol, code };
    }),
  );
  return (await Promise.all(tries)).find((problem) => problem !== undefined);
}

export async function shifted(
  name: PortName,
  addresses: readonly string[],
  standard: number,
  avoid: readonly number[],
) {
  for (const shift of portShifts) {
    const port = standard + shift;
    if (port > 65_535 || avoid.includes(port)) continue;
    if (!(await firstProblem(addresses, port, name))) return port;
  }
  throw new DevclusterError(
    'conflict',
    'PORT_IN_USE',
    `Port ${standard} (${name}) is taken, and so are all it could move to`,
    {
      hint: `Set ports.${name} to a port that is free.`,
    },
  );
}

/** Why, in words that follow the port. */
export function describeProblem(problem: Problem, taken: Taken): string {
  if (problem.code === 'EACCES') return 'needs rights that this user does not have';
  if (problem.code === 'EADDRINUSE') return `is in use by ${ownerOf(problem, taken)}`;
  return `can't be had (${problem.code})`;
}

function ownerOf({ address, port, protocol }: Problem, taken: Taken): string {
  const listeners = protocol === 'tcp' ? taken.listeners : listListeners('udp');
  return describeOwner(listeners.find((listener) => blocks(listener, address, port)));
}

/** A port that the user fixed and that is not to be had. */
export function portTaken(name: PortName, problem: Problem, taken: Taken): DevclusterError {
  const { port, address } = problem;
  return new DevclusterError(
    'conflict',
    'PORT_IN_USE',
    `Port ${port} of ${name} at ${address} ${describeProblem(problem, taken)}`,
    {
      hint: `End what uses it, set ports.${name} to another port, or leave it out to let devcluster choose.`,
      details: { port, name, address },
    },
  );
}

export function shiftRemark(name: PortName, problem: Problem, port: number, taken: Taken): string {
  if (problem.code === 'EACCES')
    return `Port ${problem.port} (${name}) needs rights this user does not have, so it is ${port} on every node; 'sudo sysctl net.ipv4.ip_unprivileged_port_start=${problem.port}' gives them to all users.`;
  return `Port ${problem.port} (${name}) is in use by ${ownerOf(problem, taken)}, so it is ${port} on every node; end that program and make the cluster anew to have ${problem.port}.`;
}
