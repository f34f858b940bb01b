import type { Component } from '../protocols/versions.ts';
import type { Progress, Step } from '../support/progress.ts';

const titles: Record<Component, string> = {
  zookeeper: 'ZooKeeper',
  'mesos-master': 'Mesos masters',
  'mesos-agent': 'Mesos agents',
  marathon: 'Marathon',
  'mesos-dns': 'Mesos-DNS',
};

/** A step for each component; what is said after a step has ended is dropped. */
export function openSteps(present: readonly Component[], progress: Progress): { component: Component; step: Step }[] {
  const steps = progress.steps(present.map((component) => titles[component]));
  const done = new Set<Component>();
  return present.map((component, i) => {
    const step = steps[i]!;
    return {
      component,
      step: {
        update: (text) => {
          if (!done.has(component)) step.update(text);
        },
        done: (text) => {
          if (!done.has(component)) step.done(text);
          done.add(component);
        },
        fail: (text) => {
          if (!done.has(component)) step.fail(text);
          done.add(component);
        },
      },
    };
  });
}

/** What is shown of a component that is ready. */
export function summaryOf(component: Component, services: number, leader: string | undefined): string {
  if (leader) return `${services === 1 ? 'on' : 'led by'} ${leader}`;
  return component === 'mesos-agent' ? `${services} registered` : `on ${services} node${services === 1 ? '' : 's'}`;
}
