import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { parseAllDocuments } from 'yaml';
import { buildGoTools } from '../../tools/go-tools.mjs';
import { type Ran, run } from './run.ts';

export const CHART = 'charts/piing-gateway';
/** Installed under this name, roles and accounts are called piing-gateway, piing-operator and so on. */
export const RELEASE = 'piing';

export interface Rendered {
  readonly apiVersion: string;
  readonly kind: string;
  readonly metadata: {
    readonly name: string;
    readonly namespace?: string;
    readonly labels?: Readonly<Record<string, string>>;
    readonly annotations?: Readonly<Record<string, string>>;
  };
  // biome-ignore lint/suspicious/noExplicitAny: a manifest of any kind; each test knows what it looks at
  readonly spec?: any;
  readonly data?: Readonly<Record<string, string>>;
}

/** Every values file that the chart is tested with: those of CI, and those of the environments. */
export const VALUES_FILES: readonly string[] = [join(CHART, 'ci'), 'config/environments'].flatMap(
  (directory) =>
    readdirSync(directory)
      .filter((name) => name.endsWith('.yaml'))
      .map((name) => join(directory, name)),
);
export const MINIMAL_VALUES = join(CHART, 'ci', 'minimal-values.yaml');

/** Helm's own words on standard error; CRDs are linked into the chart, and it says so each time. */
const LINK_NOTICE = /^walk\.go:\d+: found symbolic link in path: .*\n/gm;

export async function helm(args: readonly string[], kubeconfig?: string): Promise<Ran> {
  const ran = await run(join(buildGoTools('helm'), 'helm'), args, {
    // Without a cluster of its own it must not find the developer's.
    env: { KUBECONFIG: kubeconfig ?? '/dev/null' },
  });
  return { ...ran, stderr: ran.stderr.replace(LINK_NOTICE, '') };
}

/** The same, and fails with what Helm said unless it succeeded. */
export async function mustHelm(args: readonly string[], kubeconfig?: string): Promise<string> {
  const { code, stdout, stderr } = await helm(args, kubeconfig);
  if (code !== 0) throw new Error(`helm ${args.join(' ')}: ${stderr}`);
  return stdout;
}

/** What `helm template` makes of a values file, as objects. */
export async function render(
  valuesFile: string,
  { namespace = 'piing', set = [], chart = CHART, only = [] }: RenderOptions = {},
): Promise<Rendered[]> {
  const text = await mustHelm([
    'template',
    RELEASE,
    chart,
    `--namespace=${namespace}`,
    `--values=${valuesFile}`,
    ...set.map((value) => `--set=${value}`),
    ...only.map((template) => `--show-only=templates/${template}`),
  ]);
  return parseAllDocuments(text)
    .map((document) => document.toJS() as Rendered | null)
    .filter((object) => object !== null);
}

export interface RenderOptions {
  readonly namespace?: string;
  readonly set?: readonly string[];
  readonly chart?: string;
  /** Templates, such as `operator/rbac.yaml`; default: all. */
  readonly only?: readonly string[];
}

export interface PodTemplate {
  /** Of the Deployment, the Job or the Pod itself. */
  readonly owner: Rendered;
  /** The role, by its label. */
  readonly role: string;
  readonly labels: Readonly<Record<string, string>>;
  // biome-ignore lint/suspicious/noExplicitAny: as in Rendered
  readonly spec: any;
}

/** Every pod that a release would make. */
export function podTemplates(objects: readonly Rendered[]): PodTemplate[] {
  return objects
    .filter(({ kind }) => ['Deployment', 'Job', 'Pod'].includes(kind))
    .map((owner) => {
      const template = owner.kind === 'Pod' ? owner : owner.spec.template;
      const labels = template.metadata.labels;
      return { owner, role: labels['app.kubernetes.io/component'], labels, spec: template.spec };
    });
}
