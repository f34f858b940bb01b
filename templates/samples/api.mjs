// Between web and db; finds the database by its SRV record in Mesos-DNS.
import { ask, find, serve } from './serve.mjs';

serve(async (request, url, body) => {
  if (url.pathname !== '/products') return { status: 404, body: 'try /products\n' };
  const db = await find(process.env.DB);
  const items = JSON.parse(await ask(db, '/items', { method: request.method, ...(body ? { body } : {}) }));
  return { type: 'application/json', body: JSON.stringify({ db, servedBy: process.env.MESOS_TASK_ID, items }) };
});
