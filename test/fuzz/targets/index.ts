import type { Target } from '../guided/target.ts';

interface TargetEntry {
  /** Files whose blocks guide the search. */
  readonly covers: RegExp;
  /** Loads the code that is fuzzed: only what is loaded later than {@link covers} is known is counted. */
  readonly open: () => Promise<Target>;
}

/** What can be fuzzed by `npm run fuzz`, by its name and that of its corpus. */
export const TARGETS: Readonly<Record<string, TargetEntry>> = {
  csv: {
    covers: /\/src\/(pipeline|schemas)\/|\/node_modules\/csv-parse\//,
    open: async () => (await import('./files.ts')).openCsv(),
  },
  json: {
    covers: /\/src\/(pipeline|schemas)\/|\/node_modules\/stream-json\//,
    open: async () => (await import('./files.ts')).openJson(),
  },
  sftp: {
    covers: /\/src\/(gateway\/(sftp|session)|intake)\//,
    open: async () => (await import('./sftp.ts')).openSftp(),
  },
  ssh: {
    covers:
      /\/src\/gateway\/(?!session|sftp)|\/node_modules\/ssh2\/lib\/(server|protocol\/(?!crypto\/|SFTP))/,
    open: async () => (await import('./ssh.ts')).openSsh(),
  },
  proxy: {
    covers: /\/src\/gateway\/listen\/proxy-protocol/,
    open: async () => (await import('./proxy.ts')).openProxy(),
  },
  multipart: {
    covers: /\/src\/api\/multipart|\/node_modules\/(@fastify\/(multipart|busboy)|busboy)\//,
    open: async () => (await import('./multipart.ts')).openMultipart(),
  },
  transformer: {
    covers: /\/src\/(pipeline\/transform|schemas|tenancy)\//,
    open: async () => (await import('./transformer.ts')).openTransformer(),
  },
  manifest: {
    covers: /\/src\/(tenancy|support)\/|\/node_modules\/yaml\//,
    open: async () => (await import('./manifest.ts')).openManifest(),
  },
};
