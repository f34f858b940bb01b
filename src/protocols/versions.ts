/** Which version each embedded server claims to be: the one table. */
export const versions = {
  zookeeper: '3.8.0',
  mesos: '1.11.0',
  marathon: '1.11.24',
  mesosDns: '0.8.0',
} as const;

export const components = ['zookeeper', 'mesos-master', 'mesos-agent', 'marathon', 'mesos-dns'] as const;

/** What a service is, on whichever node and by whichever engine. */
export type Component = (typeof components)[number];
