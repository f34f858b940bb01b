import type { Clock } from '../../../support/clock.ts';
import type { EventBus } from '../events.ts';
import type { Metrics } from '../metrics.ts';
import { transitiveGroups } from '../model/group.ts';
import type { Condition } from '../model/instance.ts';
import type { LeaderSession } from './session.ts';

/** What the leader's state looks like, asked for when metrics are read. */
export function describeLeader(metrics: Metrics, session: LeaderSession, clock: Clock, events: EventBus): void {
  const { catalog, tracker, deployments, queue, killer, launcher, housekeeping, groups } = session;
  const since = clock.monotonic();
  const seconds = () => (clock.monotonic() - since) / 1000;
  const inCondition = (condition: Condition) => () => {
    let count = 0;
    for (const instance of tracker.all()) if (instance.condition === condition) count++;
    return count;
  };
  metrics.gauge('apps.active.gauge', () => catalog.apps().length);
  metrics.gauge('pods.active.gauge', () => catalog.specs().length - catalog.apps().length);
  metrics.gauge('groups.active.gauge', () => transitiveGroups(catalog.root).length);
  metrics.gauge('deployments.active.gauge', () => deployments.size);
  metrics.gauge('instances.running.gauge', inCondition('Running'));
  metrics.gauge('instances.staged.gauge', inCondition('Staging'));
  metrics.gauge('instances.launchqueue.gauge', () => queue.size);
  metrics.gauge('instances.inflight-kills.gauge', () => killer.inFlight);
  metrics.gauge('instances.launch-overdue.gauge', () => housekeeping.overdue());
  metrics.gauge('leadership.duration.gauge.seconds', seconds);
  metrics.gauge('uptime.gauge.seconds', seconds);
  metrics.gauge('framework.connected.gauge', () => (session.driver.connected ? 1 : 0));
  metrics.total('tasks.launched.counter', () => launcher.launched);
  metrics.total('deployments.counter', () => deployments.ended);
  metrics.total('deployments.dismissed.counter', () => groups.dismissed);
  metrics.total('events.published.counter', () => events.published);
}
