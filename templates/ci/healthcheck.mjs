// Exit code 0 when Marathon has a leader that is registered with a Mesos master.
import { networkInterfaces } from 'node:os';

const addresses = Object.values(networkInterfaces()).flatMap((list) => list ?? []);
const own = addresses.find((entry) => entry.family === 'IPv4' && !entry.internal)?.address ?? '127.0.0.1';
const answer = await fetch(`http://${own}:8080/v2/info`, { signal: AbortSignal.timeout(3000) });
const { leader, frameworkId } = await answer.json();
process.exit(leader && frameworkId ? 0 : 1);
