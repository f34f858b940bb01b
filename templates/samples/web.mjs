// The page of the shop; finds the API by its SRV record in Mesos-DNS, on every request anew.
import { ask, find, html, serve } from './serve.mjs';

serve(async () => {
  const api = await find(process.env.API);
  const { db, servedBy, items } = JSON.parse(await ask(api, '/products'));
  const rows = items
    .map(({ name, price }) => `<tr><td>${html(name)}<td style="text-align:right">${html(price)} €`)
    .join('\n');
  return {
    type: 'text/html; charset=utf-8',
    body: `<!doctype html><title>The shop</title>
<body style="font-family:sans-serif;margin:4em;max-width:40em">
<h1>The shop</h1>
<p>A sample on the cluster <b>${html(process.env.CLUSTER)}</b>: this page comes from <code>web</code>, the goods through
<code>api</code> at ${html(api)} (${html(servedBy)}) from <code>db</code> at ${html(db)}, each found through Mesos-DNS.</p>
<table cellpadding="6">${rows}</table>
`,
  };
});
