// The page of the shop; finds the API by its SRV record in Mesos-DNS, on every request anew.
import { ask, find, serve } from './serve.mjs';

const escape = (text) => String(text).replace(/[&<>"]/g, (character) => `&#${character.charCodeAt(0)};`);

serve(async () => {
  const api = await find(process.env.API);
  const { db, servedBy, items } = JSON.parse(await ask(api, '/products'));
  const rows = items
    .map(({ name, price }) => `<tr><td>${escape(name)}<td style="text-align:right">${escape(price)} €`)
    .join('\n');
  return {
    type: 'text/html; charset=utf-8',
    body: `<!doctype html><title>The shop</title>
<body style="font-family:sans-serif;margin:4em;max-width:40em">
<h1>The shop</h1>
<p>A sample on the cluster <b>${escape(process.env.CLUSTER)}</b>: this page comes from <code>web</code>, the goods through
<code>api</code> at ${escape(api)} (${escape(servedBy)}) from <code>db</code> at ${escape(db)}, each found through Mesos-DNS.</p>
<table cellpadding="6">${rows}</table>
`,
  };
});
