/** What of Marathon's flags the rules of this folder depend on. */
export interface ModelConfig {
  /** `--enable_features`: of `secrets`, `gpu_resources`, `external_volumes`, `task_killing`, `vips`. */
  readonly features: ReadonlySet<string>;
  /** `--mesos_role`, default `*`. */
  readonly mesosRole: string;
  /** `--default_network_name`. */
  readonly defaultNetworkName?: string;
  /** `--mesos_bridge_name`. */
  readonly mesosBridgeName: string;
  /** `--default_accepted_resource_roles`: `any` role, only `reserved` or only `unreserved` resources. */
  readonly defaultAcceptedResourceRoles: 'any' | 'reserved' | 'unreserved';
  /** `--local_port_min` and `--local_port_max`: service ports are drawn from [min, max). */
  readonly localPortMin: number;
  readonly localPortMax: number;
  /** `--env_vars_prefix`. */
  readonly envVarsPrefix?: string;
  /** `--executor`, default `//cmd`. */
  readonly executor: string;
  /** `--mesos_user`. */
  readonly mesosUser?: string;
  /** `--new_group_enforce_role`: whether new top-level groups enforce their name as role. */
  readonly newGroupEnforceRole: 'off' | 'top';
  /** `--gpu_scheduling_behavior`, default `restricted`: apps without GPUs stay off agents that have some. */
  readonly gpuSchedulingBehavior?: 'restricted' | 'unrestricted';
}

export const defaultModelConfig: ModelConfig = {
  features: new Set(),
  mesosRole: '*',
  mesosBridgeName: 'mesos-bridge',
  defaultAcceptedResourceRoles: 'any',
  localPortMin: 10000,
  localPortMax: 20000,
  executor: '//cmd',
  newGroupEnforceRole: 'off',
};
