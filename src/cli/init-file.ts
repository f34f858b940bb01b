/** What `init` asks for. */
export interface InitAnswers {
  name: string;
  nodes: number;
  runtime: 'auto' | 'docker' | 'process';
  engine: 'auto' | 'mesos' | 'embedded';
  samples: boolean;
}

/** A configuration with a comment for everything that can be set. */
export function initFile({ name, nodes, runtime, engine, samples }: InitAnswers): string {
  return `# The cluster of this folder; \`devcluster up\` makes it. Every key may be left out.
version: 1
name: ${name}

# How many nodes; or a list of them, each with name, cpus, mem, disk, attributes, ports.
nodes: ${nodes}

# Where services run: docker (containers), process (local processes, no Docker needed), or auto.
runtime: ${runtime}
# Whose programs run: mesos (the real ones), embedded (devcluster's own servers), or auto.
engine: ${engine}
# Time limits and intervals: development, or production (the real programs' own).
timing: development

# Whether a new cluster gets the sample apps.
samples: ${samples}

# Files or folders with Marathon definitions that \`up\` deploys.
# apps:
#   - marathon.json

# Secrets by name, which apps refer to with {{secret.NAME}}; each is read from a file or a variable.
# secrets:
#   DB_PASSWORD: { env: DB_PASSWORD }
#   TLS_KEY: { file: secrets/tls.key }

# What differs for a component on all nodes: env, flags, engine, version, image.
# components:
#   marathon:
#     flags: { max_instances_per_offer: 20 }

# Seconds to wait.
# timeouts: { up: 120, service: 60, deployment: 120 }
`;
}

/** A folder's name made fit for a cluster. */
export function nameFor(folder: string): string {
  const plain = folder
    .toLowerCase()
    .replace(/[^a-z0-9]+/g, '-')
    .replace(/^[^a-z]+|-+$/g, '')
    .slice(0, 31)
    .replace(/-+$/, '');
  return plain || 'dev';
}
