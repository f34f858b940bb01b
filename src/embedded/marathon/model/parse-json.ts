import { bad, good, problems, type Result } from './problem.ts';

/** How deep a body may nest; deeper ones could exhaust the stack of what walks them. */
const maxDepth = 200;

function isTooDeep(text: string): boolean {
  let depth = 0;
  let inString = false;
  for (let i = 0; i < text.length; i++) {
    const char = text.charCodeAt(i);
    if (inString) {
      if (char === 0x5c) i++;
      else if (char === 0x22) inString = false;
    } else if (char === 0x22) inString = true;
    else if (char === 0x7b || char === 0x5b) {
      if (++depth > maxDepth) return true;
    } else if (char === 0x7d || char === 0x5d) depth--;
  }
  return false;
}

/** Reads a body. An empty one and one that isn't JSON are refused with status 400. */
export function parseJson(text: string): Result<unknown> {
  if (text.trim() === '') return { ok: false, problem: problems.emptyBody('No content to map due to end-of-input') };
  if (isTooDeep(text)) return bad(400, { message: 'Invalid JSON', details: 'The document is nested too deeply' });
  try {
    return good(JSON.parse(text));
  } catch (error) {
    return { ok: false, problem: problems.notJson(error instanceof Error ? error.message : String(error)) };
  }
}
