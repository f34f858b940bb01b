// Configured by its environment only: GREETING and COLOR. Try: devcluster update /samples/hello --set env.COLOR=tomato
import { serve } from './serve.mjs';

const { GREETING = 'Hello', COLOR = 'black', HOST, PORT0, MESOS_TASK_ID, MARATHON_APP_VERSION } = process.env;
const escape = (text) => String(text).replace(/[&<>"]/g, (character) => `&#${character.charCodeAt(0)};`);

serve(() => ({
  type: 'text/html; charset=utf-8',
  body: `<!doctype html><title>${escape(GREETING)}</title>
<body style="font-family:sans-serif;margin:4em">
<h1 style="color:${escape(COLOR)}">${escape(GREETING)}</h1>
<p>Task <code>${escape(MESOS_TASK_ID)}</code> on ${escape(HOST)}:${escape(PORT0)}, version ${escape(MARATHON_APP_VERSION)}</p>
`,
}));
