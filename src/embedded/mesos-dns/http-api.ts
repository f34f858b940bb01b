import { hostname } from 'node:os';
import { versions } from '../../protocols/versions.ts';
import { createHttpServer, HttpError, type HttpServer } from '../../support/http-server.ts';
import type { Logger } from '../../support/logger.ts';
import { recordName, splitTarget, type Zone } from './answer.ts';
import type { RecordMap } from './generator.ts';

/** The HTTP API of Mesos-DNS. Source: its HTTP interface page, and what the real one answered. */
export function createHttpApi(zone: () => Zone, log: Logger): HttpServer {
  const { config } = zone();
  const enumeration = <T>(answer: () => T): T => {
    if (!config.EnumerationOn) throw new HttpError(404, '404: Page Not Found');
    return answer();
  };
  return createHttpServer({
    log,
    allowedHosts: { names: [hostname().toLowerCase()], domain: config.Domain },
    notFound: () => ({ status: 404, body: '404: Page Not Found' }),
    routes: [
      {
        method: 'GET',
        path: /^\/v1\/version\/?$/,
        handler: () => ({
          status: 200,
          body: { Service: 'Mesos-DNS', Version: versions.mesosDns, URL: 'https://github.com/mesosphere/mesos-dns' },
        }),
      },
      {
        method: 'GET',
        path: /^\/v1\/config\/?$/,
        handler: () => ({ status: 200, body: shownConfig(zone()) }),
      },
      {
        method: 'GET',
        path: /^\/v1\/hosts\/(?<host>[^/]+)\/?$/,
        handler: ({ params }) => ({ status: 200, body: hosts(zone(), params.host ?? '') }),
      },
      {
        method: 'GET',
        path: /^\/v1\/hosts\/(?<host>[^/]+)\/ports\/?$/,
        handler: () => ({ status: 501, body: 'To be implemented...' }),
      },
      {
        method: 'GET',
        path: /^\/v1\/services\/(?<service>[^/]+)\/?$/,
        handler: ({ params }) => ({ status: 200, body: services(zone(), params.service ?? '') }),
      },
      {
        method: 'GET',
        path: /^\/v1\/enumerate\/?$/,
        handler: () => enumeration(() => ({ status: 200, body: { frameworks: zone().records.frameworks } })),
      },
      {
        method: 'GET',
        path: /^\/v1\/axfr\/?$/,
        handler: () => enumeration(() => ({ status: 200, body: transfer(zone()) })),
      },
    ],
  });
}

/** The whole configuration, in the real one's order; save the password, which is nobody's business. */
function shownConfig({ config, serial }: Zone): Record<string, unknown> {
  const shown: Record<string, unknown> = {};
  for (const [key, value] of Object.entries(config)) {
    if (key === 'SOARefresh') shown.SOASerial = serial;
    shown[key] = value;
  }
  const { Principal, Secret } = config.MesosCredentials;
  shown.MesosCredentials = { Principal, Secret: Secret && '***' };
  return shown;
}

function hosts({ records }: Zone, asked: string): { host: string; ip: string }[] {
  const host = recordName(asked);
  const found = [...(records.A.get(host) ?? []), ...(records.AAAA.get(host) ?? [])].map((ip) => ({ host, ip }));
  return found.length > 0 ? found : [{ host: '', ip: '' }];
}

function services({ records }: Zone, asked: string): { service: string; host: string; ip: string; port: string }[] {
  const found = [...(records.SRV.get(recordName(asked)) ?? [])].map((value) => {
    const { target, port } = splitTarget(value);
    const [ip = ''] = [...(records.A.get(target) ?? []), ...(records.AAAA.get(target) ?? [])];
    return { service: asked, host: target, ip, port: String(port) };
  });
  return found.length > 0 ? found : [{ service: '', host: '', ip: '', port: '' }];
}

function transfer({ config, records, serial }: Zone) {
  return {
    TTL: config.TTL,
    Serial: serial,
    RefreshSeconds: config.RefreshSeconds,
    Mname: config.SOAMname,
    Rname: config.SOARname,
    Domain: config.Domain,
    Records: { As: sorted(records.A), AAAAs: sorted(records.AAAA), SRVs: sorted(records.SRV) },
  };
}

function sorted(records: RecordMap): Record<string, string[]> {
  const names = [...records.keys()].sort();
  return Object.fromEntries(names.map((name) => [name, [...records.get(name)!]]));
}
