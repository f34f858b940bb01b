// Configured by its environment only: GREETING and COLOR. Try: devcluster update /samples/hello --set env.COLOR=tomato
import { html, serve } from './serve.mjs';

const { GREETING = 'Hello', COLOR = 'black', HOST, PORT0, MESOS_TASK_ID, MARATHON_APP_VERSION } = process.env;
serve(() => ({
  type: 'text/html; charset=utf-8',
  body: `<!doctype html><title>${html(GREETING)}</title>
<body style="font-family:sans-serif;margin:4em">
<h1 style="color:${html(COLOR)}">${html(GREETING)}</h1>
<p>Task <code>${html(MESOS_TASK_ID)}</code> on ${html(HOST)}:${html(PORT0)}, version ${html(MARATHON_APP_VERSION)}</p>
`,
}));
