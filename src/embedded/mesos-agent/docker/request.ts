/** The body of POST /containers/create, as far as it is used here. Parameters of a task may fill any of it. */
export interface ContainerRequest {
  Image: string;
  Cmd?: string[];
  Entrypoint?: string[];
  Env: string[];
  Labels: Record<string, string>;
  Hostname?: string;
  Domainname?: string;
  User?: string;
  WorkingDir?: string;
  StopSignal?: string;
  StopTimeout?: number;
  MacAddress?: string;
  Tty?: boolean;
  OpenStdin?: boolean;
  Volumes?: Record<string, object>;
  ExposedPorts?: Record<string, object>;
  HostConfig: HostConfig;
  NetworkingConfig?: { EndpointsConfig: Record<string, EndpointConfig> };
}

export interface EndpointConfig {
  Aliases?: string[];
  IPAMConfig?: { IPv4Address?: string };
}

export interface Mount {
  Type: 'bind' | 'volume' | 'tmpfs';
  Source?: string;
  Target: string;
  ReadOnly: boolean;
}

export interface HostConfig {
  NetworkMode: string;
  Binds: string[];
  Mounts: Mount[];
  PortBindings?: Record<string, { HostIp: string; HostPort: string }[]>;
  VolumeDriver?: string;
  VolumesFrom?: string[];
  Privileged: boolean;
  CpuShares?: number;
  CpuQuota?: number;
  CpuPeriod?: number;
  NanoCpus?: number;
  CpusetCpus?: string;
  CpusetMems?: string;
  Memory?: number;
  MemoryReservation?: number;
  MemorySwap?: number;
  MemorySwappiness?: number;
  OomKillDisable?: boolean;
  OomScoreAdj?: number;
  PidsLimit?: number;
  BlkioWeight?: number;
  ShmSize?: number;
  CgroupParent?: string;
  CgroupnsMode?: string;
  IpcMode?: string;
  PidMode?: string;
  UTSMode?: string;
  UsernsMode?: string;
  Runtime?: string;
  Isolation?: string;
  Init?: boolean;
  ReadonlyRootfs?: boolean;
  CapAdd?: string[];
  CapDrop?: string[];
  GroupAdd?: string[];
  SecurityOpt?: string[];
  Dns?: string[];
  DnsSearch?: string[];
  DnsOptions?: string[];
  ExtraHosts?: string[];
  Links?: string[];
  Devices?: { PathOnHost: string; PathInContainer: string; CgroupPermissions: string }[];
  DeviceCgroupRules?: string[];
  Ulimits?: { Name: string; Soft: number; Hard: number }[];
  Sysctls?: Record<string, string>;
  Tmpfs?: Record<string, string>;
  StorageOpt?: Record<string, string>;
  LogConfig?: { Type?: string; Config?: Record<string, string> };
}

/** A task that can't be made a container of; the message is for its status. */
export class RequestError extends Error {}
