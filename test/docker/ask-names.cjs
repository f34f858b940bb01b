// Run where a question is to be asked, by `node -e` in containers: looks the names of services up, and asks whom it finds
// and whom it is given. The question comes in QUESTION, the answers go to standard output.
const { lookup, resolveSrv } = require('node:dns').promises;

const get = (address, port) =>
  fetch(`http://${address}:${port}/`).then(
    (response) => response.text(),
    (error) => error.cause?.code ?? error.message,
  );

async function ask(service) {
  const [{ name, port }] = await resolveSrv(service);
  const { address } = await lookup(name, { family: 4 });
  return { address, port, answer: await get(address, port) };
}

async function main({ services, hosts }) {
  const entries = [
    ...services.map(async (name) => [name, await ask(name).catch((error) => ({ answer: error.code }))]),
    ...hosts.map(async (host) => [host, { answer: await get(...host.split(':')) }]),
    lookup('leader.mesos', { family: 4 }).then(({ address }) => ['leader.mesos', { address }]),
  ];
  console.log(JSON.stringify(Object.fromEntries(await Promise.all(entries))));
}

void main(JSON.parse(process.env.QUESTION));
