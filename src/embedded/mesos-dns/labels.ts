import { createHash } from 'node:crypto';

/** Turns any text into one DNS label; '' when nothing is left. */
export type Mangle = (text: string) => string;

/** RFC 1123: lower case, `-` for `-`, `.` and `_`, everything else but letters and digits dropped, at most 63. */
export const rfc1123: Mangle = (text) => mangle(text, 63, /^-+/);

/** RFC 952: at most 24, and no leading digit. */
export const rfc952: Mangle = (text) => mangle(text, 24, /^[-\d]+/);

function mangle(text: string, max: number, leading: RegExp): string {
  const clean = text
    .replace(/[._]/g, '-')
    .replace(/[^A-Za-z0-9-]/g, '')
    .toLowerCase()
    .replace(leading, '');
  const cut = clean.slice(0, max);
  const label = cut.replace(/-+$/, '');
  // As the real one does it, what follows a cut at hyphens fills the room that they leave.
  const rest = clean.slice(cut.length).replace(/^-+/, '');
  return label + rest.slice(0, cut.length - label.length);
}

/** A name of several labels, each mangled by itself; empty ones are left out. */
export function mangleDomain(name: string, mangleLabel: Mangle): string {
  return name
    .split('.')
    .map(mangleLabel)
    .filter((label) => label !== '')
    .join('.');
}

const zBase32 = 'ybndrfg8ejkmcpqxot1uwisza345h769';

/** The first five characters of a task id's SHA-1 in z-base-32. */
export function hashTaskId(id: string): string {
  const digest = createHash('sha1').update(id).digest();
  const bits = digest.readUInt32BE(0);
  let text = '';
  for (let i = 0; i < 5; i++) text += zBase32[(bits >>> (27 - 5 * i)) & 31];
  return text;
}

/** The last part of an agent's id: `…-S0` → `s0`. */
export function agentTail(agentId: string): string {
  return agentId.slice(agentId.lastIndexOf('-') + 1).toLowerCase();
}
