import { expect } from 'vitest';
import type { PodJson, QueuePodItem } from '../../../../src/protocols/marathon/pods.ts';
import type { Area, Fact } from './fact.ts';

const pods = 'conformance/marathon/pods.test.ts';
const model = 'unit/marathon-model/pods.test.ts';
const volumes = 'conformance/marathon/volumes.test.ts';
const secrets = 'conformance/marathon/secrets.test.ts';
const placement = 'conformance/marathon/placement.test.ts';

const there = (file: string, title: string, ...facts: string[]): Fact[] => facts.map((fact) => ({ fact, file, title }));

export const podsAndData: Area = {
  title: 'Pods, data and secrets',
  facts: [
    ...there(
      pods,
      'is created, shown, scaled, replaced and removed',
      '`POST /v2/pods`: 201 with the pod, every default filled in, `Marathon-Deployment-Id` and `Location`',
      '`PUT /v2/pods/{id}`: 200 with the pod',
      '`DELETE /v2/pods/{id}`: 202, `Marathon-Deployment-Id`',
      '`GET /v2/pods/{id}::status`: pod, instances, containers and their states',
      '`GET /v2/pods/{id}::versions[/{v}]`',
      '`pod_created_event`, `pod_updated_event`, `pod_deleted_event`',
      'task ids of pods end in the name of the container',
      'a pod that is only scaled keeps its instances; one that changes is replaced',
    ),
    ...there(
      pods,
      'put again unchanged is restarted, for pods have no other way to be',
      'the same pod again restarts it',
    ),
    ...there(
      pods,
      'is one of its group, and of deployments under the names that pods have there',
      '`pods` of groups',
      'deployments: StartPod, ScalePod, RestartPod, StopPod; `affectedPods`',
      'lists of apps and of tasks know nothing of pods',
    ),
    ...there(
      pods,
      'loses an instance by request: the same again, or wiped for another',
      '`DELETE /v2/pods/{id}::instances` and `::instances/{i}`, with `wipe`',
    ),
    ...there(
      pods,
      'whose container fails is launched again as a whole, and remembers how it ended',
      'the containers of an instance live and die together',
      'pod status: `terminationHistory`',
    ),
    ...there(
      pods,
      'with health checks is ready when all of its containers are healthy',
      'health checks of containers: http, tcp, exec, carried out by Mesos',
      'pod status: condition `healthy`, `DEGRADED` while one is not',
    ),
    ...there(
      pods,
      'tells its containers who they are, where their ports are, and shares a folder among them',
      'environment of containers: `MARATHON_*`, `ENDPOINT_*`, `EP_HOST_*`, `EP_CONTAINER_*`',
      'ephemeral volumes, shared by the containers of an instance',
    ),
    ...there(pods, 'is handed from leader to leader', 'pods survive the loss of the leader'),
    ...there(pods, 'what is refused', 'validation of pods, with the original’s paths and texts'),
    ...there(
      pods,
      'another id than the path has, a pod that exists, one at the path of an app',
      '`PUT` of another id: 400; `POST` of one that exists: 409; an app at the path: 422',
    ),
    ...there(
      model,
      'are launched as one group, each part with its share of what was offered',
      'LAUNCH_GROUP with the default executor, resources split over executor and containers',
    ),
    ...there(
      model,
      'off the host network their containers are reached by the ports of their own',
      'container networks, port mappings and discovery of pods',
    ),
    {
      fact: '`/v2/queue`: a pod that waits is there as `pod`',
      async run(world) {
        const id = `${world.fresh()}/pod`;
        const { json } = await world.ask<PodJson>(
          'POST',
          '/v2/pods',
          { id, containers: [{ name: 'a', resources: { cpus: 100, mem: 32 } }] },
          201,
        );
        expect(json.id).toBe(id);
        const queue = async () => (await world.ask<{ queue: QueuePodItem[] }>('GET', '/v2/queue')).json.queue;
        await expect.poll(async () => (await queue()).map(({ pod }) => pod?.id)).toContain(id);
        await world.ask('DELETE', `/v2/pods${id}?force=true`, undefined, 202);
      },
    },
    ...there(
      volumes,
      'gets back to its volume, whatever becomes of its tasks',
      'persistent volumes: RESERVE and CREATE with the labels of framework and instance',
      'a killed or upgraded instance is launched on its reservation again, its task’s number raised',
      'resident apps scaled down are stopped, and come back to their data',
      'an app that is removed destroys its volumes and gives its reservations back',
      '`localVolumes` of tasks',
    ),
    ...there(volumes, 'starts anew when it is wiped', '`wipe=true` gives volume and reservation up'),
    ...there(
      volumes,
      'has its data on the disk it asks for: a part of a path, the whole of the smallest mount that does',
      'volumes of the types root, path and mount',
    ),
    ...there(
      volumes,
      'can not be given other volumes or resources',
      'volumes and resources of a resident app can’t be changed',
    ),
    ...there(
      volumes,
      'may not run more instances during an upgrade',
      'resident: maximumOverCapacity 0, unreachableStrategy disabled, acceptedResourceRoles `*`',
    ),
    ...there(
      volumes,
      'a pod keeps data as well, and all of its containers may see it',
      'persistent volumes of pods, held by the executor',
    ),
    {
      fact: 'reservations that are not made in `--task_reservation_timeout` are given up',
      file: 'unit/marathon/reservations.test.ts',
      title: 'are given up when no offer shows them in time',
    },
    {
      fact: 'containers of pods with images',
      missing:
        'handed to Mesos; the embedded agents run images as Docker containers only, so such a pod fails and says why',
    },
    {
      fact: 'external volumes are mounted',
      missing: 'they are checked and handed to Mesos; the agents have no drivers',
    },
    ...there(
      secrets,
      'an app gets its secrets as a variable and as a file, and the API shows neither',
      'secrets of apps reach the task as variables and as files',
    ),
    ...there(secrets, 'so do the containers of a pod', 'secrets of pods'),
    ...there(placement, 'constraints on attributes', 'constraints on the attributes of a real agent, every operator'),
    ...there(
      placement,
      'only accepted roles are looked at',
      'acceptedResourceRoles with statically reserved resources',
    ),
    ...there(
      placement,
      'are kept for those who need them where the app or the flag says so',
      'GPUs, `--gpu_scheduling_behavior` and the label of the same name',
    ),
  ],
};
