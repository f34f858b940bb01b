/**
 * The layers, top to bottom. A layer imports any lower one, with two walls: cluster never imports apps, and
 * embedded imports only protocols and support and is imported by nobody.
 */
const layers = [
  'cli',
  'fixture',
  'apps',
  'cluster',
  'runtime',
  'plan',
  'config',
  'clients',
  'embedded',
  'protocols',
  'support',
];
const upward = layers.slice(1).map((layer, i) => ({
  name: `${layer}-imports-downward-only`,
  severity: 'error',
  from: { path: `^src/${layer}/` },
  to: { path: `^src/(${layers.slice(0, i + 1).join('|')})/` },
}));

module.exports = {
  forbidden: [
    ...upward,
    {
      name: 'cluster-and-apps-meet-only-in-cli-and-fixture',
      severity: 'error',
      from: { path: '^src/cluster/' },
      to: { path: '^src/apps/' },
    },
    {
      name: 'apps-does-not-know-cluster',
      severity: 'error',
      from: { path: '^src/apps/' },
      to: { path: '^src/cluster/' },
    },
    {
      name: 'embedded-is-imported-by-nobody',
      severity: 'error',
      from: { path: '^src/', pathNot: '^src/embedded/' },
      to: { path: '^src/embedded/' },
    },
    {
      name: 'embedded-components-do-not-know-each-other',
      severity: 'error',
      from: { path: '^src/embedded/(zookeeper|mesos-master|mesos-agent|marathon|mesos-dns)/' },
      to: {
        path: '^src/embedded/(zookeeper|mesos-master|mesos-agent|marathon|mesos-dns|host)/',
        pathNot: '^src/embedded/$1/',
      },
    },
    {
      name: 'no-cycles',
      severity: 'error',
      from: {},
      to: { circular: true, viaOnly: { dependencyTypesNot: ['dynamic-import'] } },
    },
  ],
  options: {
    doNotFollow: { path: 'node_modules' },
    parser: 'swc',
    tsPreCompilationDeps: true,

    enhancedResolveOptions: { extensions: ['.ts', '.js', '.json'] },
  },
};
