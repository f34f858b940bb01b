import { nodeContainerName } from '../plan/docker-names.ts';
import type { ClusterPlan, NodePlan } from '../plan/types.ts';
import { type Component, components } from '../protocols/versions.ts';

/** The name of a component's group, as Ansible wants names. */
const groupOf = (component: Component) => component.replaceAll('-', '_');

/**
 * An Ansible inventory of a cluster, as YAML's document: a host for each node with how to connect to it and where its
 * services listen, a group for each component, and the addresses of the whole as variables of all.
 */
export function inventory(plan: ClusterPlan): object {
  const hosts = Object.fromEntries(plan.nodes.map((node) => [node.name, hostVariables(plan, node)]));
  const children = Object.fromEntries(
    components.map((component) => [groupOf(component), { hosts: membersOf(plan, (node) => carries(node, component)) }]),
  );
  return {
    all: {
      vars: {
        devcluster_name: plan.name,
        devcluster_domain: plan.domain,
        zk_hosts: plan.endpoints.zookeeper,
        mesos_master: `zk://${plan.endpoints.zookeeper}/mesos`,
        marathon_urls: plan.endpoints.marathon,
      },
      hosts,
      children: { control: { hosts: membersOf(plan, (node) => node.control) }, ...children },
    },
  };
}

function hostVariables(plan: ClusterPlan, node: NodePlan): Record<string, unknown> {
  const { address, ports } = node.site;
  const connection =
    plan.runtime === 'docker'
      ? { ansible_connection: 'community.docker.docker', ansible_host: nodeContainerName(plan.name, node.name) }
      : { ansible_connection: 'local', ansible_host: address };
  const own = components.filter((component) => carries(node, component));
  return {
    ...connection,
    node_address: address,
    ...Object.fromEntries(
      own.map((component) => [`${groupOf(component)}_port`, ports[component === 'mesos-dns' ? 'dns' : component]]),
    ),
    ...Object.fromEntries(Object.entries(node.attributes).map(([name, value]) => [`attribute_${name}`, value])),
  };
}

function carries(node: NodePlan, component: Component): boolean {
  return node.units.some(({ services }) => services.some((service) => service.component === component));
}

function membersOf(plan: ClusterPlan, belongs: (node: NodePlan) => boolean): Record<string, null> {
  return Object.fromEntries(plan.nodes.filter(belongs).map(({ name }) => [name, null]));
}
