import { posix } from 'node:path';
import { type ComponentContext, isDevelopment, publishedUrl, servicePlan, zkUrl } from './component.ts';
import { mesosPath } from './mesos-master.ts';
import type { ServicePlan } from './types.ts';

/**
 * Mesos-DNS, told by its `config.json`; `flags` of the configuration are keys of that file. It serves nothing before
 * its first successful look at a master, so an answer for `leader.<domain>` shows that it is ready.
 */
export function mesosDns(context: ComponentContext): ServicePlan {
  const { place, control, config, site } = context;
  const resolvers = config.network.resolvers.length > 0 ? config.network.resolvers : (site.resolvers ?? []);
  const configFile = posix.join(place.dataDir, 'mesos-dns', 'config.json');
  const settings: Record<string, unknown> = {
    zk: zkUrl(context, mesosPath),
    masters: control.map((master) => `${master.address}:${master.ports['mesos-master']}`),
    domain: config.network.domain,
    listener: place.address,
    port: place.ports.dns,
    HTTPListener: place.address,
    httpPort: place.ports['mesos-dns-http'],
    resolvers,
    // An empty list means the system's, which in a container ask this very server.
    ...(site.resolvers && resolvers.length === 0 ? { externalon: false } : {}),
    ...(isDevelopment(context)
      ? { refreshSeconds: 1, ttl: 1, stateTimeoutSeconds: 10, zkDetectionTimeout: 0 }
      : { refreshSeconds: 60, ttl: 60 }),
  };
  for (const [key, value] of Object.entries(config.components['mesos-dns'].flags)) {
    if (value === null) delete settings[key];
    else settings[key] = toJson(value);
  }
  const url = publishedUrl(place, 'mesos-dns-http');
  const { host, port } = place.published.dns;
  return servicePlan('mesos-dns', context, {
    args: [`-config=${configFile}`],
    container: { capabilities: { add: ['NET_BIND_SERVICE'], drop: ['ALL'] } },
    files: [{ path: configFile, content: `${JSON.stringify(settings, undefined, 2)}\n` }],
    ports: ['dns', 'mesos-dns-http'],
    url,
    probe: { kind: 'dns', host, port, name: `leader.${config.network.domain}` },
    after: ['mesos-master'],
  });
}

/** Flags are texts; numbers, truth values and lists among them are given as JSON. */
function toJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return text;
  }
}
