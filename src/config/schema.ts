import * as z from 'zod/mini';
import { attributeFault } from '../protocols/mesos/attributes.ts';
import { components } from '../protocols/versions.ts';
import { defaults, maxNodes } from './defaults.ts';
import { clusterNamePattern, clusterNameRule, nodeNamePattern } from './names.ts';
import { imageSetNames, type PortName, type RawConfig, standardPorts } from './types.ts';

/** What editors show for a key. */
function doc<T extends z.ZodMiniType>(schema: T, description: string, byDefault?: unknown): T {
  z.globalRegistry.add(schema, { description, ...(byDefault === undefined ? {} : { default: byDefault }) });
  return schema;
}

const positive = () => z.number().check(z.gt(0, 'must be greater than 0'));
const seconds = () => z.number().check(z.gt(0, 'must be a number of seconds greater than 0'));
const port = () => z.int().check(z.gte(1, 'must be a port, 1 to 65535'), z.lte(65535, 'must be a port, 1 to 65535'));
const ip = () => z.ipv4('must be an IPv4 address');
const scalar = () => z.union([z.string(), z.number(), z.boolean()]);
const attributeText = () =>
  z.string().check(
    z.regex(/^[^;\n]*$/, 'must not hold a semicolon or a line break'),
    z.refine((text) => attributeFault(text) === undefined, {
      error: ({ input }) => `must be text, a number or ranges; this ${attributeFault(String(input)) ?? 'is none'}`,
    }),
  );

const node = z.strictObject({
  name: z.optional(
    doc(
      z.string().check(z.regex(nodeNamePattern, 'must be a host name of one label: small letters, digits and hyphens')),
      'Name of the node. Default: node-1, node-2, …',
    ),
  ),
  control: z.optional(
    doc(
      z.boolean(),
      'Whether it carries ZooKeeper, a Mesos master and Marathon. Set on some node, it decides for all.',
    ),
  ),
  cpus: z.optional(doc(positive(), 'CPUs that its agent offers', defaults.node.cpus)),
  mem: z.optional(doc(positive(), 'Memory that its agent offers, in MB', defaults.node.mem)),
  disk: z.optional(doc(positive(), 'Disk that its agent offers, in MB', defaults.node.disk)),
  gpus: z.optional(doc(z.int().check(z.gte(0, 'must not be negative')), 'GPUs that its agent offers', 0)),
  attributes: z.optional(
    doc(
      z.record(
        z.string().check(z.regex(/^[A-Za-z0-9_.-]+$/, 'must be letters, digits, dots, hyphens and underscores')),
        z.union([attributeText(), z.number()]),
      ),
      "Attributes of its agent; 'node' is set to the node's name",
    ),
  ),
  ports: z.optional(
    doc(
      z.int().check(z.gte(1, 'must be at least 1'), z.lte(1000, 'must be at most 1000')),
      'How many task ports its agent offers',
      defaults.node.ports,
    ),
  ),
});

const component = () =>
  z.strictObject({
    engine: z.optional(doc(z.enum(['mesos', 'embedded']), "Whose program: the real one or devcluster's own server")),
    image: z.optional(doc(z.string().check(z.minLength(1)), 'Image of the real program')),
    version: z.optional(doc(z.string().check(z.minLength(1)), 'Tag of the image')),
    env: z.optional(doc(z.record(z.string(), scalar()), 'Environment variables for the program')),
    flags: z.optional(
      doc(
        z.record(z.string(), z.union([z.string(), z.number(), z.boolean(), z.null()])),
        "The program's own flags, over those that devcluster sets; null leaves one of these out",
      ),
    ),
  });

const portNames = Object.keys(standardPorts) as PortName[];

export const configSchema = z.strictObject({
  $schema: z.optional(doc(z.string(), 'For editors')),
  version: z.optional(doc(z.literal(1), 'Version of this format')),
  name: z.optional(
    doc(
      z.string().check(z.regex(clusterNamePattern, `must be ${clusterNameRule}`)),
      'Name of the cluster. Default: DEVCLUSTER_NAME, else dev-<user>',
    ),
  ),
  runtime: z.optional(doc(z.enum(['auto', 'docker', 'process']), 'Where services run', defaults.runtime)),
  engine: z.optional(doc(z.enum(['auto', 'mesos', 'embedded']), 'Whose programs run', defaults.engine)),
  timing: z.optional(
    doc(
      z.enum(['development', 'production']),
      "Time limits and intervals that suit development, or the programs' own defaults",
      defaults.timing,
    ),
  ),
  nodes: z.optional(
    doc(
      z.union([
        z.int().check(z.gte(1, 'must be at least 1'), z.lte(maxNodes, `must be at most ${maxNodes}`)),
        z
          .array(node)
          .check(z.minLength(1, 'must name at least one node'), z.maxLength(maxNodes, `must be at most ${maxNodes}`)),
      ]),
      'How many nodes, or a list of them',
      defaults.nodes,
    ),
  ),
  components: z.optional(
    doc(
      z.strictObject(
        Object.fromEntries(components.map((name) => [name, z.optional(component())])) as Record<
          (typeof components)[number],
          z.ZodMiniOptional<ReturnType<typeof component>>
        >,
      ),
      'What differs for a component on all nodes',
    ),
  ),
  images: z.optional(
    doc(
      z.strictObject({
        set: z.optional(
          doc(
            z.enum(['auto', ...imageSetNames]),
            'Which set of images the real programs come from. Default: the one that suits the Docker engine',
            defaults.images.set,
          ),
        ),
        registry: z.optional(
          doc(
            z
              .string()
              .check(
                z.regex(
                  /^[a-zA-Z0-9][a-zA-Z0-9.-]*(:\d+)?(\/[a-z0-9._-]+)*\/?$/,
                  'must be a registry like mirror.example.com:5000 or mirror.example.com/folder',
                ),
              ),
            "A registry that has the same images, put before each of the set's references",
          ),
        ),
        dockerCli: z.optional(
          doc(
            z.string().check(z.regex(/^[^\s]+$/, "must be an image, 'auto' or 'none'")),
            "An image whose /usr/local/bin/docker, a static program, is the docker command of real agents; 'none': their own image's. 'auto' takes docker:28-cli where the set's Mesos has none that today's engines accept",
            defaults.images.dockerCli,
          ),
        ),
      }),
      'Where the images of the real programs come from',
    ),
  ),
  network: z.optional(
    doc(
      z.strictObject({
        addresses: z.optional(
          doc(
            z.enum(['auto', 'per-node', 'port-blocks']),
            'A loopback address for each node, or a block of ports for each on one address',
            defaults.network.addresses,
          ),
        ),
        subnet: z.optional(
          doc(z.cidrv4('must be an IPv4 subnet like 10.77.0.0/24'), "Subnet of the cluster's network"),
        ),
        domain: z.optional(
          doc(
            z.string().check(z.regex(/^[a-zA-Z0-9-]+(\.[a-zA-Z0-9-]+)*$/, 'must be a domain name')),
            'Domain of Mesos-DNS',
            defaults.network.domain,
          ),
        ),
        publish: z.optional(doc(ip(), 'Address to listen on instead of loopback ones')),
        resolvers: z.optional(doc(z.array(ip()), "Where Mesos-DNS sends other names. Default: the system's resolvers")),
      }),
      'Addresses and names',
    ),
  ),
  ports: z.optional(
    doc(
      z.strictObject(
        Object.fromEntries(portNames.map((name) => [name, z.optional(port())])) as Record<
          PortName,
          z.ZodMiniOptional<ReturnType<typeof port>>
        >,
      ),
      'Fixed ports; one that is taken is an error. Default: the standard ones, shifted when one is taken',
    ),
  ),
  apps: z.optional(doc(z.array(z.string()), 'Files or folders with app definitions that `up` deploys')),
  samples: z.optional(doc(z.boolean(), 'Whether `up` deploys the sample apps', defaults.samples)),
  secrets: z.optional(
    doc(
      z.record(
        z.string().check(z.regex(/^[A-Za-z0-9_.-]+$/, 'must be letters, digits, dots, hyphens and underscores')),
        z.union([z.strictObject({ file: z.string() }), z.strictObject({ env: z.string() })]),
      ),
      'Secrets by name, each read from a file or a variable when an app needs it',
    ),
  ),
  seed: z.optional(
    doc(
      z.string().check(z.minLength(1)),
      "Makes the random choices of devcluster's own servers repeatable: ports, ids, elections' time limits",
    ),
  ),
  timeouts: z.optional(
    doc(
      z.strictObject({
        up: z.optional(doc(seconds(), 'Seconds for `up` as a whole', defaults.timeouts.up)),
        service: z.optional(doc(seconds(), 'Seconds for a component to get ready', defaults.timeouts.service)),
        deployment: z.optional(doc(seconds(), 'Seconds for a deployment', defaults.timeouts.deployment)),
      }),
      'Time limits',
    ),
  ),
});

// The types that everything else uses are written by hand, so that they can be read; this holds them to the schema.
const _schemaFitsTypes = (value: z.infer<typeof configSchema>): RawConfig => value;
void _schemaFitsTypes;

/** The schema as JSON Schema, for editors. */
export function jsonSchema(): object {
  const schema = z.toJSONSchema(configSchema, { target: 'draft-7', io: 'input' });
  return { title: 'devcluster.yml', ...schema };
}
