// What a terminal shows, as pictures: the few escape sequences that devcluster and listr2 write, and an SVG whose frames
// follow each other by a style sheet alone.

const colors = { 31: '#f47067', 32: '#57ab5a', 33: '#c69026', 34: '#539bf5', 35: '#b083f0', 36: '#39c5cf' };

/** A screen of cells, each a character with its style; it scrolls when it is full. */
export function createScreen(columns, rows) {
  let cells = [[]];
  let [x, y] = [0, 0];
  let style = {};
  const sgr = (codes) => {
    for (const code of codes) {
      if (code === 0) style = {};
      else if (code === 1) style = { ...style, bold: true };
      else if (code === 2) style = { ...style, dim: true };
      else if (code === 22) style = { ...style, bold: false, dim: false };
      else if (code === 39) style = { ...style, color: undefined };
      else if (colors[code]) style = { ...style, color: colors[code] };
    }
  };
  const newLine = () => {
    y++;
    cells[y] ??= [];
    if (cells.length > rows) {
      cells = cells.slice(1);
      y--;
    }
  };
  const sequence = (parameters, final) => {
    const [n = 0] = parameters;
    if (final === 'm') sgr(parameters.length > 0 ? parameters : [0]);
    else if (final === 'A') y = Math.max(0, y - Math.max(1, n));
    else if (final === 'G') x = Math.max(0, n - 1);
    else if (final === 'K') cells[y] = n === 2 ? [] : (cells[y] ?? []).slice(0, x);
    else if (final === 'J') cells = n === 2 ? [[]] : cells.slice(0, y + 1);
    else if (final === 'H') [x, y] = [0, 0];
  };
  return {
    write(text) {
      // biome-ignore lint/suspicious/noControlCharactersInRegex: the escape character is what is looked for
      for (const [part, parameters, final] of text.matchAll(/\u001b\[([0-9;?]*)([A-Za-z])|./gsu)) {
        if (final) sequence(parameters.split(';').filter(Boolean).map(Number), final);
        else if (part === '\n') newLine();
        else if (part === '\r') x = 0;
        else if (part >= ' ') {
          if (x >= columns) {
            newLine();
            x = 0;
          }
          cells[y] ??= [];
          while (cells[y].length < x) cells[y].push({ char: ' ', style: {} });
          cells[y][x++] = { char: part, style };
        }
      }
    },
    lines: () => cells.map((line) => [...line]),
  };
}

const [charWidth, lineHeight, margin, bar] = [8.43, 19, 16, 28];

/** @param frames what was shown, and when (seconds) */
export function toSvg(frames, { columns, rows, title }) {
  const shown = thinOut(frames);
  const used = Math.min(rows, Math.max(...shown.map(({ lines }) => lines.length)) + 1);
  const [width, height] = [Math.ceil(columns * charWidth) + 2 * margin, used * lineHeight + 2 * margin + bar];
  // The last picture stays for a while, then it begins again.
  const total = (shown.at(-1)?.at ?? 0) + 6;
  const percent = (seconds) => `${((seconds / total) * 100).toFixed(3)}%`;
  const styles = shown.map(({ at }, i) => {
    const end = shown[i + 1]?.at ?? total;
    const visible = `${percent(at)}, ${percent(Math.max(at, end - 0.001))} { opacity: 1 }`;
    const before = at > 0 ? `0%, ${percent(at - 0.001)} { opacity: 0 }` : '';
    const after = end < total ? `${percent(end)}, 100% { opacity: 0 }` : '';
    return `@keyframes f${i} { ${before} ${visible} ${after} }\n@media (prefers-reduced-motion: no-preference) { #f${i} { animation: f${i} ${total.toFixed(2)}s step-end infinite } }`;
  });
  // Without motion the last picture stands still.
  const still = `g { opacity: 0 }\n#f${shown.length - 1} { opacity: 1 }`;
  return `<svg xmlns="http://www.w3.org/2000/svg" width="${width}" height="${height}" viewBox="0 0 ${width} ${height}" role="img" aria-label="${escapeXml(title)}">
<title>${escapeXml(title)}</title>
<style>
text { font: 14px ui-monospace, SFMono-Regular, Menlo, Consolas, monospace; fill: #cdd9e5; white-space: pre }
${still}
${styles.join('\n')}
</style>
<rect width="100%" height="100%" rx="8" fill="#1c2128"/>
${[0, 1, 2].map((i) => `<circle cx="${margin + 6 + i * 18}" cy="20" r="6" fill="${['#f47067', '#c69026', '#57ab5a'][i]}"/>`).join('\n')}
${shown.map(({ lines }, i) => `<g id="f${i}">\n${lines.map(toLine).filter(Boolean).join('\n')}\n</g>`).join('\n')}
</svg>
`;
}

/** At most some twenty pictures a second, none twice. */
function thinOut(frames) {
  const kept = [];
  for (const frame of frames) {
    const last = kept.at(-1);
    const key = JSON.stringify(frame.lines);
    if (last && last.key === key) continue;
    if (last && kept.length > 1 && frame.at - last.at < 0.05) kept[kept.length - 1] = { ...frame, at: last.at, key };
    else kept.push({ ...frame, key });
  }
  return kept;
}

function toLine(cells, row) {
  const spans = [];
  for (const { char, style } of cells) {
    const last = spans.at(-1);
    const look = `${style.color ? ` fill="${style.color}"` : ''}${style.bold ? ' font-weight="bold"' : ''}${style.dim ? ' opacity="0.6"' : ''}`;
    if (last && last.look === look) last.text += char;
    else spans.push({ look, text: char });
  }
  const text = spans.map((span) =>
    span.look ? `<tspan${span.look}>${escapeXml(span.text)}</tspan>` : escapeXml(span.text),
  );
  if (text.join('').trim() === '') return '';
  return `<text x="${margin}" y="${bar + margin + (row + 0.7) * lineHeight}">${text.join('')}</text>`;
}

function escapeXml(text) {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;').replaceAll('"', '&quot;');
}
