/**
 * The messages of the Mesos v1 scheduler API as facts: one line a message (continued by indented lines), its fields as
 * `name:number`, then a mark (`!` required, `*` repeated, `+` repeated and read as an empty list when absent, as
 * `types.ts` has it, `%` map from string), the type, and `=default` where the protocol declares one. Source: include/mesos/v1/mesos.proto and scheduler/scheduler.proto of Apache Mesos.
 */
export const messages = `
scheduler.Call framework_id:1FrameworkID type:2scheduler.Call.Type subscribe:3scheduler.Call.Subscribe
  accept:4scheduler.Call.Accept decline:5scheduler.Call.Decline
  accept_inverse_offers:13scheduler.Call.AcceptInverseOffers
  decline_inverse_offers:14scheduler.Call.DeclineInverseOffers revive:15scheduler.Call.Revive
  kill:6scheduler.Call.Kill shutdown:7scheduler.Call.Shutdown acknowledge:8scheduler.Call.Acknowledge
  acknowledge_operation_status:17scheduler.Call.AcknowledgeOperationStatus reconcile:9scheduler.Call.Reconcile
  reconcile_operations:18scheduler.Call.ReconcileOperations message:10scheduler.Call.Message
  request:11scheduler.Call.Request suppress:16scheduler.Call.Suppress
  update_framework:19scheduler.Call.UpdateFramework
scheduler.Event type:1scheduler.Event.Type subscribed:2scheduler.Event.Subscribed offers:3scheduler.Event.Offers
  inverse_offers:9scheduler.Event.InverseOffers rescind:4scheduler.Event.Rescind
  rescind_inverse_offer:10scheduler.Event.RescindInverseOffer update:5scheduler.Event.Update
  update_operation_status:11scheduler.Event.UpdateOperationStatus message:6scheduler.Event.Message
  failure:7scheduler.Event.Failure error:8scheduler.Event.Error
FrameworkID value:1!string
scheduler.Call.Subscribe framework_info:1!FrameworkInfo suppressed_roles:2*string
  offer_constraints:3scheduler.OfferConstraints
scheduler.Call.Accept offer_ids:1+OfferID operations:2*Offer.Operation filters:3Filters
scheduler.Call.Decline offer_ids:1+OfferID filters:2Filters
scheduler.Call.AcceptInverseOffers inverse_offer_ids:1*OfferID filters:2Filters
scheduler.Call.DeclineInverseOffers inverse_offer_ids:1*OfferID filters:2Filters
scheduler.Call.Revive roles:1*string
scheduler.Call.Kill task_id:1!TaskID agent_id:2AgentID kill_policy:3KillPolicy
scheduler.Call.Shutdown executor_id:1!ExecutorID agent_id:2!AgentID
scheduler.Call.Acknowledge agent_id:1!AgentID task_id:2!TaskID uuid:3!bytes
scheduler.Call.AcknowledgeOperationStatus agent_id:1AgentID resource_provider_id:2ResourceProviderID
  uuid:3!bytes operation_id:4!OperationID
scheduler.Call.Reconcile tasks:1*scheduler.Call.Reconcile.Task
scheduler.Call.ReconcileOperations operations:1*scheduler.Call.ReconcileOperations.Operation
scheduler.Call.Message agent_id:1!AgentID executor_id:2!ExecutorID data:3!bytes
scheduler.Call.Request requests:1*scheduler.Call.Request
scheduler.Call.Suppress roles:1*string
scheduler.Call.UpdateFramework framework_info:1!FrameworkInfo suppressed_roles:2*string
  offer_constraints:3scheduler.OfferConstraints
scheduler.Event.Subscribed framework_id:1!FrameworkID heartbeat_interval_seconds:2double master_info:3MasterInfo
scheduler.Event.Offers offers:1+Offer
scheduler.Event.InverseOffers inverse_offers:1*InverseOffer
scheduler.Event.Rescind offer_id:1!OfferID
scheduler.Event.RescindInverseOffer inverse_offer_id:1!OfferID
scheduler.Event.Update status:1!TaskStatus
scheduler.Event.UpdateOperationStatus status:1!OperationStatus
scheduler.Event.Message agent_id:1!AgentID executor_id:2!ExecutorID data:3!bytes
scheduler.Event.Failure agent_id:1AgentID executor_id:2ExecutorID status:3int32
scheduler.Event.Error message:1!string
FrameworkInfo user:1!string name:2!string id:3FrameworkID failover_timeout:4double=0.0 checkpoint:5bool=false
  role:6string roles:12*string hostname:7string principal:8string webui_url:9string
  capabilities:10*FrameworkInfo.Capability labels:11Labels offer_filters:13%OfferFilters
scheduler.OfferConstraints role_constraints:1%scheduler.OfferConstraints.RoleConstraints
OfferID value:1!string
Offer.Operation type:1Offer.Operation.Type id:12OperationID launch:2Offer.Operation.Launch
  launch_group:7Offer.Operation.LaunchGroup reserve:3Offer.Operation.Reserve
  unreserve:4Offer.Operation.Unreserve create:5Offer.Operation.Create destroy:6Offer.Operation.Destroy
  grow_volume:13Offer.Operation.GrowVolume shrink_volume:14Offer.Operation.ShrinkVolume
  create_disk:15Offer.Operation.CreateDisk destroy_disk:16Offer.Operation.DestroyDisk
Filters refuse_seconds:1double=5.0
TaskID value:1!string
AgentID value:1!string
KillPolicy grace_period:1DurationInfo
ExecutorID value:1!string
ResourceProviderID value:1!string
OperationID value:1!string
scheduler.Call.Reconcile.Task task_id:1!TaskID agent_id:2AgentID
scheduler.Call.ReconcileOperations.Operation operation_id:1!OperationID agent_id:2AgentID
  resource_provider_id:3ResourceProviderID
MasterInfo id:1!string ip:2!uint32 port:3!uint32=5050 pid:4string hostname:5string version:6string
  address:7Address domain:8DomainInfo capabilities:9*MasterInfo.Capability
Offer id:1!OfferID framework_id:2!FrameworkID agent_id:3!AgentID hostname:4!string url:8URL domain:11DomainInfo
  resources:5+Resource attributes:7*Attribute executor_ids:6*ExecutorID unavailability:9Unavailability
  allocation_info:10Resource.AllocationInfo
InverseOffer id:1!OfferID url:2URL framework_id:3!FrameworkID agent_id:4AgentID unavailability:5!Unavailability
  resources:6*Resource
TaskStatus task_id:1!TaskID state:2!TaskState message:4string source:9TaskStatus.Source
  reason:10TaskStatus.Reason data:3bytes agent_id:5AgentID executor_id:7ExecutorID timestamp:6double
  uuid:11bytes healthy:8bool check_status:15CheckStatusInfo labels:12Labels container_status:13ContainerStatus
  unreachable_time:14TimeInfo limitation:16TaskResourceLimitation
OperationStatus operation_id:1OperationID state:2!OperationState message:3string converted_resources:4*Resource
  uuid:5UUID agent_id:6AgentID resource_provider_id:7ResourceProviderID
FrameworkInfo.Capability type:1FrameworkInfo.Capability.Type
Labels labels:1+Label
OfferFilters min_allocatable_resources:1OfferFilters.MinAllocatableResources
scheduler.OfferConstraints.RoleConstraints groups:1*scheduler.OfferConstraints.RoleConstraints.Group
Offer.Operation.Launch task_infos:1+TaskInfo
Offer.Operation.LaunchGroup executor:1!ExecutorInfo task_group:2!TaskGroupInfo
Offer.Operation.Reserve source:2*Resource resources:1+Resource
Offer.Operation.Unreserve resources:1+Resource
Offer.Operation.Create volumes:1+Resource
Offer.Operation.Destroy volumes:1+Resource
Offer.Operation.GrowVolume volume:1!Resource addition:2!Resource
Offer.Operation.ShrinkVolume volume:1!Resource subtract:2!Value.Scalar
Offer.Operation.CreateDisk source:1!Resource target_type:2!Resource.DiskInfo.Source.Type target_profile:3string
Offer.Operation.DestroyDisk source:1!Resource
DurationInfo nanoseconds:1!int64
Address hostname:1string ip:2string port:3!int32
DomainInfo fault_domain:1DomainInfo.FaultDomain
MasterInfo.Capability type:1MasterInfo.Capability.Type
URL scheme:1!string address:2!Address path:3string query:4*Parameter fragment:5string
Resource provider_id:12ResourceProviderID name:1!string type:2!Value.Type scalar:3Value.Scalar
  ranges:4Value.Ranges set:5Value.Set role:6string allocation_info:11Resource.AllocationInfo
  reservation:8Resource.ReservationInfo reservations:13*Resource.ReservationInfo disk:7Resource.DiskInfo
  revocable:9Resource.RevocableInfo shared:10Resource.SharedInfo
Attribute name:1!string type:2!Value.Type scalar:3Value.Scalar ranges:4Value.Ranges set:6Value.Set
  text:5Value.Text
Unavailability start:1!TimeInfo duration:2DurationInfo
Resource.AllocationInfo role:1string
CheckStatusInfo type:1CheckInfo.Type command:2CheckStatusInfo.Command http:3CheckStatusInfo.Http
  tcp:4CheckStatusInfo.Tcp
ContainerStatus container_id:4ContainerID network_infos:1*NetworkInfo cgroup_info:2CgroupInfo
  executor_pid:3uint32
TimeInfo nanoseconds:1!int64
TaskResourceLimitation resources:1*Resource
UUID value:1!bytes
Label key:1!string value:2string
OfferFilters.MinAllocatableResources quantities:1*OfferFilters.ResourceQuantities
scheduler.OfferConstraints.RoleConstraints.Group attribute_constraints:1*scheduler.AttributeConstraint
TaskInfo name:1!string task_id:2!TaskID agent_id:3!AgentID resources:4*Resource executor:5ExecutorInfo
  command:7CommandInfo container:9ContainerInfo health_check:8HealthCheck check:13CheckInfo
  kill_policy:12KillPolicy data:6bytes labels:10Labels discovery:11DiscoveryInfo
  max_completion_time:14DurationInfo limits:15%Value.Scalar
ExecutorInfo type:15ExecutorInfo.Type executor_id:1!ExecutorID framework_id:8FrameworkID command:7CommandInfo
  container:11ContainerInfo resources:5*Resource name:9string source:10string data:4bytes
  discovery:12DiscoveryInfo shutdown_grace_period:13DurationInfo labels:14Labels
TaskGroupInfo tasks:1+TaskInfo
Value.Scalar value:1!double
DomainInfo.FaultDomain region:1!DomainInfo.FaultDomain.RegionInfo zone:2!DomainInfo.FaultDomain.ZoneInfo
Parameter key:1!string value:2!string
Value.Ranges range:1+Value.Range
Value.Set item:1+string
Resource.ReservationInfo type:4Resource.ReservationInfo.Type role:3string principal:1string labels:2Labels
Resource.DiskInfo persistence:1Resource.DiskInfo.Persistence volume:2Volume source:3Resource.DiskInfo.Source
Resource.RevocableInfo
Resource.SharedInfo
Value.Text value:1!string
CheckStatusInfo.Command exit_code:1int32
CheckStatusInfo.Http status_code:1uint32
CheckStatusInfo.Tcp succeeded:1bool
ContainerID value:1!string parent:2ContainerID
NetworkInfo ip_addresses:5*NetworkInfo.IPAddress name:6string groups:3*string labels:4Labels
  port_mappings:7*NetworkInfo.PortMapping
CgroupInfo net_cls:1CgroupInfo.NetCls
OfferFilters.ResourceQuantities quantities:1%Value.Scalar
scheduler.AttributeConstraint selector:1!scheduler.AttributeConstraint.Selector
  predicate:2!scheduler.AttributeConstraint.Predicate
CommandInfo uris:1*CommandInfo.URI environment:2Environment shell:6bool=true value:3string arguments:7*string
  user:5string
ContainerInfo type:1!ContainerInfo.Type volumes:2*Volume hostname:4string docker:3ContainerInfo.DockerInfo
  mesos:5ContainerInfo.MesosInfo network_infos:7*NetworkInfo linux_info:8LinuxInfo rlimit_info:9RLimitInfo
  tty_info:10TTYInfo
HealthCheck delay_seconds:2double=15.0 interval_seconds:3double=10.0 timeout_seconds:4double=20.0
  consecutive_failures:5uint32=3 grace_period_seconds:6double=10.0 type:8HealthCheck.Type command:7CommandInfo
  http:1HealthCheck.HTTPCheckInfo tcp:9HealthCheck.TCPCheckInfo
CheckInfo type:1CheckInfo.Type command:2CheckInfo.Command http:3CheckInfo.Http tcp:7CheckInfo.Tcp
  delay_seconds:4double=15.0 interval_seconds:5double=10.0 timeout_seconds:6double=20.0
DiscoveryInfo visibility:1!DiscoveryInfo.Visibility name:2string environment:3string location:4string
  version:5string ports:6Ports labels:7Labels
DomainInfo.FaultDomain.RegionInfo name:1!string
DomainInfo.FaultDomain.ZoneInfo name:1!string
Value.Range begin:1!uint64 end:2!uint64
Resource.DiskInfo.Persistence id:1!string principal:2string
Volume mode:3!Volume.Mode container_path:1!string host_path:2string image:4Image source:5Volume.Source
Resource.DiskInfo.Source type:1!Resource.DiskInfo.Source.Type path:2Resource.DiskInfo.Source.Path
  mount:3Resource.DiskInfo.Source.Mount vendor:7string id:4string metadata:5Labels profile:6string
NetworkInfo.IPAddress protocol:1NetworkInfo.Protocol=IPv4 ip_address:2string
NetworkInfo.PortMapping host_port:1!uint32 container_port:2!uint32 protocol:3string
CgroupInfo.NetCls classid:1uint32
scheduler.AttributeConstraint.Selector
  pseudoattribute_type:1scheduler.AttributeConstraint.Selector.PseudoattributeType attribute_name:2string
scheduler.AttributeConstraint.Predicate exists:1scheduler.AttributeConstraint.Predicate.Exists
  not_exists:2scheduler.AttributeConstraint.Predicate.NotExists
  text_equals:3scheduler.AttributeConstraint.Predicate.TextEquals
  text_not_equals:4scheduler.AttributeConstraint.Predicate.TextNotEquals
  text_matches:5scheduler.AttributeConstraint.Predicate.TextMatches
  text_not_matches:6scheduler.AttributeConstraint.Predicate.TextNotMatches
CommandInfo.URI value:1!string executable:2bool extract:3bool=true cache:4bool output_file:5string
Environment variables:1+Environment.Variable
ContainerInfo.DockerInfo image:1!string network:2ContainerInfo.DockerInfo.Network=HOST
  port_mappings:3*ContainerInfo.DockerInfo.PortMapping privileged:4bool=false parameters:5*Parameter
  force_pull_image:6bool volume_driver:7string
ContainerInfo.MesosInfo image:1Image
LinuxInfo capability_info:1CapabilityInfo bounding_capabilities:2CapabilityInfo
  effective_capabilities:3CapabilityInfo share_pid_namespace:4bool seccomp:5SeccompInfo
  ipc_mode:6LinuxInfo.IpcMode shm_size:7uint32 share_cgroups:8bool=true
RLimitInfo rlimits:1*RLimitInfo.RLimit
TTYInfo window_size:1TTYInfo.WindowSize
HealthCheck.HTTPCheckInfo protocol:5NetworkInfo.Protocol=IPv4 scheme:3string port:1!uint32 path:2string
  statuses:4*uint32
HealthCheck.TCPCheckInfo protocol:2NetworkInfo.Protocol=IPv4 port:1!uint32
CheckInfo.Command command:1!CommandInfo
CheckInfo.Http port:1!uint32 path:2string
CheckInfo.Tcp port:1!uint32
Ports ports:1+Port
Image type:1!Image.Type appc:2Image.Appc docker:3Image.Docker cached:4bool=true
Volume.Source type:1Volume.Source.Type docker_volume:2Volume.Source.DockerVolume
  host_path:5Volume.Source.HostPath sandbox_path:3Volume.Source.SandboxPath secret:4Secret
  csi_volume:6Volume.Source.CSIVolume
Resource.DiskInfo.Source.Path root:1string
Resource.DiskInfo.Source.Mount root:1string
scheduler.AttributeConstraint.Predicate.Exists
scheduler.AttributeConstraint.Predicate.NotExists
scheduler.AttributeConstraint.Predicate.TextEquals value:1!string
scheduler.AttributeConstraint.Predicate.TextNotEquals value:1!string
scheduler.AttributeConstraint.Predicate.TextMatches regex:1!string
scheduler.AttributeConstraint.Predicate.TextNotMatches regex:1!string
Environment.Variable name:1!string type:3Environment.Variable.Type=VALUE value:2string secret:4Secret
ContainerInfo.DockerInfo.PortMapping host_port:1!uint32 container_port:2!uint32 protocol:3string
CapabilityInfo capabilities:1*CapabilityInfo.Capability
SeccompInfo profile_name:1string unconfined:2bool
RLimitInfo.RLimit type:1RLimitInfo.RLimit.Type hard:2uint64 soft:3uint64
TTYInfo.WindowSize rows:1!uint32 columns:2!uint32
Port number:1!uint32 name:2string protocol:3string visibility:4DiscoveryInfo.Visibility labels:5Labels
Image.Appc name:1!string id:2string labels:3Labels
Image.Docker name:1!string credential:2Credential config:3Secret
Volume.Source.DockerVolume driver:1string name:2!string driver_options:3Parameters
Volume.Source.HostPath path:1!string mount_propagation:2MountPropagation
Volume.Source.SandboxPath type:1Volume.Source.SandboxPath.Type path:2!string
Secret type:1Secret.Type reference:2Secret.Reference value:3Secret.Value
Volume.Source.CSIVolume plugin_name:1!string static_provisioning:2Volume.Source.CSIVolume.StaticProvisioning
Credential principal:1!string secret:2string
Parameters parameter:1*Parameter
MountPropagation mode:1MountPropagation.Mode
Secret.Reference name:1!string key:2string
Secret.Value data:1!bytes
Volume.Source.CSIVolume.StaticProvisioning volume_id:1!string
  volume_capability:2!Volume.Source.CSIVolume.VolumeCapability node_stage_secrets:3%Secret
  node_publish_secrets:4%Secret volume_context:5%string
Volume.Source.CSIVolume.VolumeCapability block:1Volume.Source.CSIVolume.VolumeCapability.BlockVolume
  mount:2Volume.Source.CSIVolume.VolumeCapability.MountVolume
  access_mode:3!Volume.Source.CSIVolume.VolumeCapability.AccessMode
Volume.Source.CSIVolume.VolumeCapability.BlockVolume
Volume.Source.CSIVolume.VolumeCapability.MountVolume fs_type:1string mount_flags:2*string
Volume.Source.CSIVolume.VolumeCapability.AccessMode
  mode:1!Volume.Source.CSIVolume.VolumeCapability.AccessMode.Mode
`;

/** The enums used above: `NAME:number` for each value. */
export const enums = `
scheduler.Call.Type UNKNOWN:0 SUBSCRIBE:1 TEARDOWN:2 ACCEPT:3 DECLINE:4 ACCEPT_INVERSE_OFFERS:13
  DECLINE_INVERSE_OFFERS:14 REVIVE:5 KILL:6 SHUTDOWN:7 ACKNOWLEDGE:8 ACKNOWLEDGE_OPERATION_STATUS:15 RECONCILE:9
  RECONCILE_OPERATIONS:16 MESSAGE:10 REQUEST:11 SUPPRESS:12 UPDATE_FRAMEWORK:17
scheduler.Event.Type UNKNOWN:0 SUBSCRIBED:1 OFFERS:2 INVERSE_OFFERS:9 RESCIND:3 RESCIND_INVERSE_OFFER:10
  UPDATE:4 UPDATE_OPERATION_STATUS:11 MESSAGE:5 FAILURE:6 ERROR:7 HEARTBEAT:8
Offer.Operation.Type UNKNOWN:0 LAUNCH:1 LAUNCH_GROUP:6 RESERVE:2 UNRESERVE:3 CREATE:4 DESTROY:5 GROW_VOLUME:11
  SHRINK_VOLUME:12 CREATE_DISK:13 DESTROY_DISK:14
TaskState TASK_STAGING:6 TASK_STARTING:0 TASK_RUNNING:1 TASK_KILLING:8 TASK_FINISHED:2 TASK_FAILED:3
  TASK_KILLED:4 TASK_ERROR:7 TASK_LOST:5 TASK_DROPPED:9 TASK_UNREACHABLE:10 TASK_GONE:11
  TASK_GONE_BY_OPERATOR:12 TASK_UNKNOWN:13
TaskStatus.Source SOURCE_MASTER:0 SOURCE_AGENT:1 SOURCE_EXECUTOR:2
TaskStatus.Reason REASON_COMMAND_EXECUTOR_FAILED:0 REASON_CONTAINER_LAUNCH_FAILED:21
  REASON_CONTAINER_LIMITATION:19 REASON_CONTAINER_LIMITATION_DISK:20 REASON_CONTAINER_LIMITATION_MEMORY:8
  REASON_CONTAINER_PREEMPTED:17 REASON_CONTAINER_UPDATE_FAILED:22 REASON_MAX_COMPLETION_TIME_REACHED:33
  REASON_EXECUTOR_REGISTRATION_TIMEOUT:23 REASON_EXECUTOR_REREGISTRATION_TIMEOUT:24 REASON_EXECUTOR_TERMINATED:1
  REASON_EXECUTOR_UNREGISTERED:2 REASON_FRAMEWORK_REMOVED:3 REASON_GC_ERROR:4 REASON_INVALID_FRAMEWORKID:5
  REASON_INVALID_OFFERS:6 REASON_IO_SWITCHBOARD_EXITED:27 REASON_MASTER_DISCONNECTED:7 REASON_RECONCILIATION:9
  REASON_RESOURCES_UNKNOWN:18 REASON_AGENT_DISCONNECTED:10 REASON_AGENT_DRAINING:34 REASON_AGENT_REMOVED:11
  REASON_AGENT_REMOVED_BY_OPERATOR:31 REASON_AGENT_REREGISTERED:32 REASON_AGENT_RESTARTED:12
  REASON_AGENT_UNKNOWN:13 REASON_TASK_KILLED_DURING_LAUNCH:30 REASON_TASK_CHECK_STATUS_UPDATED:28
  REASON_TASK_HEALTH_CHECK_STATUS_UPDATED:29 REASON_TASK_GROUP_INVALID:25 REASON_TASK_GROUP_UNAUTHORIZED:26
  REASON_TASK_INVALID:14 REASON_TASK_UNAUTHORIZED:15 REASON_TASK_UNKNOWN:16
OperationState OPERATION_UNSUPPORTED:0 OPERATION_PENDING:1 OPERATION_FINISHED:2 OPERATION_FAILED:3
  OPERATION_ERROR:4 OPERATION_DROPPED:5 OPERATION_UNREACHABLE:6 OPERATION_GONE_BY_OPERATOR:7
  OPERATION_RECOVERING:8 OPERATION_UNKNOWN:9
FrameworkInfo.Capability.Type UNKNOWN:0 REVOCABLE_RESOURCES:1 TASK_KILLING_STATE:2 GPU_RESOURCES:3
  SHARED_RESOURCES:4 PARTITION_AWARE:5 MULTI_ROLE:6 RESERVATION_REFINEMENT:7 REGION_AWARE:8
Resource.DiskInfo.Source.Type UNKNOWN:0 PATH:1 MOUNT:2 BLOCK:3 RAW:4
MasterInfo.Capability.Type UNKNOWN:0 AGENT_UPDATE:1 AGENT_DRAINING:2 QUOTA_V2:3
Value.Type SCALAR:0 RANGES:1 SET:2 TEXT:3
CheckInfo.Type UNKNOWN:0 COMMAND:1 HTTP:2 TCP:3
ExecutorInfo.Type UNKNOWN:0 DEFAULT:1 CUSTOM:2
Resource.ReservationInfo.Type UNKNOWN:0 STATIC:1 DYNAMIC:2
ContainerInfo.Type DOCKER:1 MESOS:2
HealthCheck.Type UNKNOWN:0 COMMAND:1 HTTP:2 TCP:3
DiscoveryInfo.Visibility FRAMEWORK:0 CLUSTER:1 EXTERNAL:2
Volume.Mode RW:1 RO:2
NetworkInfo.Protocol IPv4:1 IPv6:2
scheduler.AttributeConstraint.Selector.PseudoattributeType UNKNOWN:0 HOSTNAME:1 REGION:2 ZONE:3
ContainerInfo.DockerInfo.Network HOST:1 BRIDGE:2 NONE:3 USER:4
LinuxInfo.IpcMode UNKNOWN:0 PRIVATE:1 SHARE_PARENT:2
Image.Type APPC:1 DOCKER:2
Volume.Source.Type UNKNOWN:0 DOCKER_VOLUME:1 HOST_PATH:4 SANDBOX_PATH:2 SECRET:3 CSI_VOLUME:5
Environment.Variable.Type UNKNOWN:0 VALUE:1 SECRET:2
CapabilityInfo.Capability UNKNOWN:0 CHOWN:1000 DAC_OVERRIDE:1001 DAC_READ_SEARCH:1002 FOWNER:1003 FSETID:1004
  KILL:1005 SETGID:1006 SETUID:1007 SETPCAP:1008 LINUX_IMMUTABLE:1009 NET_BIND_SERVICE:1010 NET_BROADCAST:1011
  NET_ADMIN:1012 NET_RAW:1013 IPC_LOCK:1014 IPC_OWNER:1015 SYS_MODULE:1016 SYS_RAWIO:1017 SYS_CHROOT:1018
  SYS_PTRACE:1019 SYS_PACCT:1020 SYS_ADMIN:1021 SYS_BOOT:1022 SYS_NICE:1023 SYS_RESOURCE:1024 SYS_TIME:1025
  SYS_TTY_CONFIG:1026 MKNOD:1027 LEASE:1028 AUDIT_WRITE:1029 AUDIT_CONTROL:1030 SETFCAP:1031 MAC_OVERRIDE:1032
  MAC_ADMIN:1033 SYSLOG:1034 WAKE_ALARM:1035 BLOCK_SUSPEND:1036 AUDIT_READ:1037 PERFMON:1038 BPF:1039
  CHECKPOINT_RESTORE:1040
RLimitInfo.RLimit.Type UNKNOWN:0 RLMT_AS:1 RLMT_CORE:2 RLMT_CPU:3 RLMT_DATA:4 RLMT_FSIZE:5 RLMT_LOCKS:6
  RLMT_MEMLOCK:7 RLMT_MSGQUEUE:8 RLMT_NICE:9 RLMT_NOFILE:10 RLMT_NPROC:11 RLMT_RSS:12 RLMT_RTPRIO:13
  RLMT_RTTIME:14 RLMT_SIGPENDING:15 RLMT_STACK:16
Volume.Source.SandboxPath.Type UNKNOWN:0 SELF:1 PARENT:2
Secret.Type UNKNOWN:0 REFERENCE:1 VALUE:2
MountPropagation.Mode UNKNOWN:0 HOST_TO_CONTAINER:1 BIDIRECTIONAL:2
Volume.Source.CSIVolume.VolumeCapability.AccessMode.Mode UNKNOWN:0 SINGLE_NODE_WRITER:1
  SINGLE_NODE_READER_ONLY:2 MULTI_NODE_READER_ONLY:3 MULTI_NODE_SINGLE_WRITER:4 MULTI_NODE_MULTI_WRITER:5
`;
