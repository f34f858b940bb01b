// Agents that exist only as connections to the embedded master (src/protocols/mesos/agent-link.ts): every task they are
// given runs at once, and ends when it is told to.
import { randomUUID } from 'node:crypto';
import { Agent, request } from 'node:http';

const path = '/internal/agent';
const streamHeader = 'devcluster-agent-stream';

/**
 * @param onRunning called with a task's id when the agent says that it runs
 * @returns resolves when every agent is registered
 */
export async function startAgents(masterPort, count, onRunning = () => {}) {
  const agent = new Agent({ keepAlive: true });
  const tasks = new Set();
  const streams = [];
  const post = (body, headers = {}) =>
    new Promise((resolve, reject) => {
      const call = request({ host: '127.0.0.1', port: masterPort, path, method: 'POST', agent, headers }, resolve);
      call.once('error', reject);
      call.end(JSON.stringify(body));
    });

  const join = async (n) => {
    const scalar = (name, value) => ({ name, type: 'SCALAR', scalar: { value }, role: '*' });
    const resources = [
      scalar('cpus', 1000),
      scalar('mem', 1_000_000),
      scalar('disk', 1_000_000),
      { name: 'ports', type: 'RANGES', ranges: { range: [{ begin: 31000, end: 61000 }] }, role: '*' },
    ];
    const attributes = [{ name: 'node', type: 'TEXT', text: { value: `node-${n}` } }];
    const response = await post({
      type: 'SUBSCRIBE',
      agent: { hostname: `simulated-${n}`, port: 5051, resources, attributes },
      version: '1.12.0',
      pid: `slave(1)@127.0.0.1:${20_000 + n}`,
      capabilities: ['MULTI_ROLE', 'HIERARCHICAL_ROLE', 'RESERVATION_REFINEMENT'],
      resources,
      tasks: [],
      executors: [],
      frameworks: [],
    });
    if (response.statusCode !== 200) throw new Error(`the master answered an agent with ${response.statusCode}`);
    streams.push(response);
    const stream = { [streamHeader]: response.headers[streamHeader] };
    const say = async (message) => void (await post(message, stream)).resume();
    let id;
    const update = (framework_id, task_id, state) =>
      say({
        type: 'UPDATE',
        framework_id,
        status: {
          task_id,
          state,
          agent_id: id,
          executor_id: task_id,
          source: 'SOURCE_EXECUTOR',
          timestamp: Date.now() / 1000,
          uuid: Buffer.from(randomUUID().replaceAll('-', ''), 'hex').toString('base64'),
          container_status: {
            network_infos: [{ ip_addresses: [{ protocol: 'IPv4', ip_address: '127.0.0.1' }] }],
          },
        },
      });
    return new Promise((resolve) => {
      const handle = async (message) => {
        switch (message.type) {
          case 'SUBSCRIBED':
            id = message.agent_id;
            return resolve();
          case 'PING':
            return say({ type: 'PONG' });
          case 'LAUNCH': {
            const { task_id } = message.task;
            tasks.add(task_id.value);
            await update(message.framework.id, task_id, 'TASK_STARTING');
            onRunning(task_id.value);
            return update(message.framework.id, task_id, 'TASK_RUNNING');
          }
          case 'KILL':
            if (tasks.delete(message.task_id.value)) await update(message.framework_id, message.task_id, 'TASK_KILLED');
        }
      };
      readRecords(response, (message) => void handle(message).catch(() => {}));
    });
  };
  await Promise.all(Array.from({ length: count }, (_, i) => join(i + 1)));
  return {
    tasks,
    close() {
      for (const stream of streams) stream.destroy();
      agent.destroy();
    },
  };
}

/** RecordIO: the length in decimal, a line feed, the record. */
function readRecords(stream, onRecord) {
  let rest = Buffer.alloc(0);
  stream.on('data', (chunk) => {
    rest = rest.length === 0 ? chunk : Buffer.concat([rest, chunk]);
    for (;;) {
      const end = rest.indexOf(10);
      if (end < 0) return;
      const length = Number(rest.subarray(0, end));
      if (rest.length < end + 1 + length) return;
      onRecord(JSON.parse(rest.subarray(end + 1, end + 1 + length).toString('utf8')));
      rest = rest.subarray(end + 1 + length);
    }
  });
  stream.on('error', () => {});
}
