// A store in memory: GET /items, POST /items adds the body. What it holds is gone with the task.
import { serve } from './serve.mjs';

const items = [
  { name: 'Teapot', price: 18 },
  { name: 'Cup', price: 4 },
  { name: 'Darjeeling, 100 g', price: 9 },
];

serve((request, url, body) => {
  if (url.pathname !== '/items') return { status: 404, body: 'try /items\n' };
  if (request.method === 'POST') items.push(JSON.parse(body));
  return { type: 'application/json', body: JSON.stringify(items) };
});
