import type { MarathonEvent } from '../protocols/marathon/types.ts';
import { shortId } from './instance-progress.ts';

/** What an event tells, in a line: the subject first. */
export function describeEvent(event: MarathonEvent): string {
  switch (event.eventType) {
    case 'status_update_event':
      return `${event.appId} ${shortId(event.taskId)} on ${event.host}: ${event.taskStatus}${event.message ? ` (${event.message})` : ''}`;
    case 'instance_changed_event':
      return `${event.runSpecId} ${shortId(event.instanceId)}${event.host ? ` on ${event.host}` : ''}: ${event.condition}`;
    case 'instance_health_changed_event':
      return `${event.runSpecId} ${shortId(event.instanceId)}: ${event.healthy === null ? 'health unknown' : event.healthy ? 'healthy' : 'unhealthy'}`;
    case 'health_status_changed_event':
      return `${event.appId} ${shortId(event.instanceId)}: ${event.alive ? 'alive' : 'not alive'}`;
    case 'failed_health_check_event':
      return `${event.appId} ${shortId(event.taskId)}: ${event.healthCheck.protocol} ${event.healthCheck.path ?? ''}`.trimEnd();
    case 'unhealthy_instance_kill_event':
      return `${event.appId} ${shortId(event.instanceId)} on ${event.host}: ${event.reason}`;
    case 'unknown_instance_terminated_event':
      return `${event.runSpecId} ${shortId(event.instanceId)}: ${event.condition}`;
    case 'deployment_info':
    case 'deployment_step_success':
    case 'deployment_step_failure':
      return `${event.plan.id.slice(0, 8)}: ${actions(event.currentStep.actions)}`;
    case 'deployment_success':
    case 'deployment_failed':
      return `${event.id.slice(0, 8)}${'reason' in event && event.reason ? `: ${event.reason}` : ''}`;
    case 'api_post_event':
      return `${event.uri} from ${event.clientIp}`;
    case 'group_change_success':
      return event.groupId;
    case 'group_change_failed':
      return `${event.groupId}: ${event.reason}`;
    case 'add_health_check_event':
    case 'remove_health_check_event':
    case 'app_terminated_event':
      return event.appId;
    case 'scheduler_registered_event':
    case 'scheduler_reregistered_event':
      return event.master;
    default:
      return '';
  }
}

/** Whether an event is about an app, or about one in the group of that id. */
export function isAbout(event: MarathonEvent, id: string): boolean {
  const inside = (app: string | undefined) =>
    app !== undefined && (app === id || app.startsWith(id === '/' ? '/' : `${id}/`));
  if ('appId' in event) return inside(event.appId);
  if ('runSpecId' in event) return inside(event.runSpecId);
  if ('plan' in event)
    return event.plan.steps.some(({ actions: all }) => all.some((action) => inside(action.app ?? action.pod)));
  if (event.eventType === 'api_post_event') return inside(event.appDefinition.id);
  return false;
}

function actions(all: readonly { action: string; app?: string; pod?: string }[]): string {
  return all.map(({ action, app, pod }) => `${action} ${app ?? pod ?? ''}`).join(', ');
}
