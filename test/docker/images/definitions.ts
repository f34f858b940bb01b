import { readdirSync, readFileSync, realpathSync, statSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { findPrograms, systemJars } from '../../../src/runtime/process/programs.ts';
import type { ImageSpec } from './archive.ts';
import {
  copy,
  type Entry,
  folder,
  link,
  portable,
  program,
  script,
  text,
  tool,
  topLinks,
  tree,
} from './laptop-files.ts';

/** Names of the images, without a registry. */
export const testImages = {
  zookeeper: 'devcluster-test/zookeeper:3.8',
  mesos: 'devcluster-test/mesos:1.11',
  /** Another build of the same, to upgrade to. */
  mesosNext: 'devcluster-test/mesos:1.12',
  marathon: 'devcluster-test/marathon:v1.11',
  mesosDns: 'devcluster-test/mesos-dns:v0.6.0',
  /** Of the fork's form: a program in the working folder. */
  mesosDnsFork: 'devcluster-test/avhost/mesos-dns:latest',
  /** A Mesos without a docker CLI. */
  mesosBare: 'devcluster-test/mesos-bare:1.11',
  /** As `docker:28-cli`: a docker command that needs nothing of the image it runs in. */
  dockerCli: 'devcluster-test/docker:28-cli',
} as const;

const tools =
  'dash env cat ls mkdir mkfifo rm cp mv ln chmod chown id sleep head tail grep sed tr wc date true false hostname ps setpriv mktemp stat touch getent basename dirname readlink cut sort kill expr'.split(
    ' ',
  );
const zookeeperHome = 'apache-zookeeper-3.8.0-bin';
const path = '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin';
const service = (component: string) => `exec /usr/local/bin/node /devcluster/service.cjs ${component} "$@"`;
const starts = (at: string, component: string) => script(at, `#!/bin/sh\n${service(component)}\n`);

/**
 * What the layers hold. Files come from this machine: copying what its packages installed takes a second or two, where
 * debootstrap would fetch and unpack a whole system each time.
 * @param bundle code of the stand-ins (service.ts)
 */
export function layers(bundle: string): Record<string, readonly Entry[]> {
  const sources = fileURLToPath(new URL('.', import.meta.url));
  return {
    system: [
      ...topLinks(),
      ...tools.flatMap((name) => tool(name)),
      link('usr/bin/sh', 'dash'),
      text(
        'etc/passwd',
        'root:x:0:0:root:/root:/bin/sh\nzookeeper:x:1000:1000::/:/bin/sh\nnobody:x:65534:65534::/:/bin/sh\n',
      ),
      text('etc/group', 'root:x:0:\nzookeeper:x:1000:\nnogroup:x:65534:\n'),
      text('etc/nsswitch.conf', 'passwd: files\ngroup: files\nhosts: files dns\n'),
      folder('tmp', 0o1777),
      folder('root', 0o700),
      folder('var/lib'),
      folder('run'),
    ],
    node: program(process.execPath, 'usr/local/bin/node'),
    service: [text('devcluster/service.cjs', bundle)],
    mesos: [starts('usr/bin/mesos-master', 'mesos-master'), starts('usr/bin/mesos-agent', 'mesos-agent'), ...perl()],
    next: [text('etc/mesos-build', 'next\n')],
    docker: tool('docker'),
    dockerCli: portable(staticDocker ?? '/usr/bin/docker', 'usr/local/bin/docker'),
    marathon: [starts('marathon/bin/marathon', 'marathon'), link('marathon/bin/start', '/marathon/bin/marathon')],
    dns: [starts('usr/bin/mesos-dns', 'mesos-dns')],
    fork: [starts('app/main', 'mesos-dns')],
    java: zookeeperFiles(),
    zookeeper: [
      script('docker-entrypoint.sh', readFileSync(join(sources, 'zookeeper-entrypoint.sh'), 'utf8')),
      script(`${zookeeperHome}/bin/zkServer.sh`, readFileSync(join(sources, 'zkServer.sh'), 'utf8')),
      ...['conf', 'data', 'datalog', 'logs'].map((name): Entry => ({ type: 'folder', path: name, uid: 1000 })),
    ],
  };
}

export const images: readonly ImageSpec[] = [
  {
    tag: testImages.zookeeper,
    layers: ['system', 'java', 'zookeeper'],
    config: {
      Entrypoint: ['/docker-entrypoint.sh'],
      Cmd: ['zkServer.sh', 'start-foreground'],
      WorkingDir: `/${zookeeperHome}`,
      Env: [
        `PATH=${path}:/${zookeeperHome}/bin`,
        'ZOOCFGDIR=/conf',
        'ZOO_CONF_DIR=/conf',
        'ZOO_DATA_DIR=/data',
        'ZOO_DATA_LOG_DIR=/datalog',
        'ZOO_LOG_DIR=/logs',
        'ZOO_TICK_TIME=2000',
        'ZOO_INIT_LIMIT=5',
        'ZOO_SYNC_LIMIT=2',
        'ZOO_AUTOPURGE_PURGEINTERVAL=0',
        'ZOO_AUTOPURGE_SNAPRETAINCOUNT=3',
        'ZOO_MAX_CLIENT_CNXNS=60',
        'ZOO_STANDALONE_ENABLED=true',
        'ZOO_ADMINSERVER_ENABLED=true',
      ],
      Volumes: { '/data': {}, '/datalog': {}, '/logs': {} },
      ExposedPorts: { '2181/tcp': {}, '2888/tcp': {}, '3888/tcp': {}, '8080/tcp': {} },
    },
  },
  // As the real ones, without an entrypoint.
  { tag: testImages.mesos, layers: ['system', 'node', 'service', 'mesos', 'docker'], config: mesosConfig() },
  {
    tag: testImages.mesosNext,
    layers: ['system', 'node', 'service', 'mesos', 'docker', 'next'],
    config: mesosConfig(),
  },
  { tag: testImages.dockerCli, layers: ['dockerCli'], config: { Env: [`PATH=${path}`] } },
  { tag: testImages.mesosBare, layers: ['system', 'node', 'service', 'mesos'], config: mesosConfig() },
  {
    tag: testImages.marathon,
    layers: ['system', 'node', 'service', 'marathon'],
    config: {
      Entrypoint: ['/marathon/bin/marathon'],
      Cmd: [],
      WorkingDir: '/marathon',
      User: 'nobody',
      Env: [`PATH=${path}`, 'JAVA_HOME=/docker-java-home'],
    },
  },
  {
    tag: testImages.mesosDns,
    layers: ['system', 'node', 'service', 'dns'],
    config: { Entrypoint: ['/usr/bin/mesos-dns'], Env: [`PATH=${path}`] },
  },
  {
    tag: testImages.mesosDnsFork,
    layers: ['system', 'node', 'service', 'fork'],
    config: { Cmd: ['./main', '-config=/config.json'], WorkingDir: '/app', Env: [`PATH=${path}`] },
  },
];

/** Docker's own static build, where somebody has put it. */
const staticDocker = ['/usr/local/bin/docker'].find((file) => statSync(file, { throwIfNoEntry: false }));

function mesosConfig(): ImageSpec['config'] {
  return { Cmd: ['/bin/sh'], Env: [`PATH=${path}`] };
}

/** Debian's perl-base, which every Debian or Ubuntu has, those of the real images too. */
function perl(): Entry[] {
  const modules =
    process.arch === 'arm64' ? 'usr/lib/aarch64-linux-gnu/perl-base' : 'usr/lib/x86_64-linux-gnu/perl-base';
  return [...tool('perl'), ...tree(`/${modules}`, modules, ['unicore'])];
}

/** The jars of Debian's ZooKeeper and of all it needs. */
const jarNames =
  /^(zookeeper|slf4j-(api|simple)|netty|jackson-|jetty9-|servlet-api|commons-(cli|io)|metrics-core|snappy)/;

/** Java and ZooKeeper as Debian's packages have put them on this machine. */
function zookeeperFiles(): Entry[] {
  const [java = ''] = findPrograms([{ component: 'zookeeper' }], undefined, process.env)?.zookeeper?.command ?? [];
  const home = dirname(dirname(realpathSync(java)));
  const parts = ['man', 'legal', 'docs', 'jmods', 'include', 'ct.sym', 'src.zip', 'classes_nocoops.jsa'];
  return [
    ...tree(home, 'usr/lib/jvm/java', parts),
    link('usr/bin/java', '../lib/jvm/java/bin/java'),
    ...readdirSync(systemJars)
      .filter((name) => jarNames.test(name) && !/-\d[\w.+]*\.jar$/.test(name))
      .map((name) => copy(join(systemJars, name), `usr/share/java/${name}`)),
  ];
}
