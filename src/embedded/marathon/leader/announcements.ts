import type { EventBus } from '../events.ts';
import type { InstanceTracker } from '../instances.ts';
import { isApp, type RunSpec } from '../model/run-spec.ts';

/** Tells what becomes of instances. One that is forgotten has told its last condition before. */
export function announceInstances(tracker: InstanceTracker, events: EventBus): void {
  tracker.onChange(({ before, after }) => {
    if (!after) return;
    const { placement } = after;
    if (before?.condition !== after.condition)
      events.publish({
        eventType: 'instance_changed_event',
        instanceId: after.id,
        condition: after.condition,
        runSpecId: after.appId,
        ...(placement ? { agentId: placement.agentId, host: placement.host } : {}),
        runSpecVersion: after.appVersion,
      });
    if (before && before.healthy !== after.healthy)
      events.publish({
        eventType: 'instance_health_changed_event',
        instanceId: after.id,
        runSpecId: after.appId,
        healthy: after.healthy ?? null,
        runSpecVersion: after.appVersion,
      });
  });
}

/** Tells which health checks begin and end with a change of apps. */
export function announceHealthChecks(events: EventBus, changed: readonly RunSpec[], removed: readonly RunSpec[]): void {
  for (const app of changed.filter(isApp))
    if (app.version === app.versionInfo.lastConfigChangeAt)
      for (const healthCheck of app.healthChecks)
        events.publish({ eventType: 'add_health_check_event', appId: app.id, version: app.version, healthCheck });
  for (const app of removed.filter(isApp))
    for (const _ of app.healthChecks) events.publish({ eventType: 'remove_health_check_event', appId: app.id });
}
