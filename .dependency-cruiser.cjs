// The import rules of the design: imports point inwards, towards the code that knows the least.
const only = (name, from, allowed, comment) => ({
  name,
  comment,
  severity: 'error',
  from: { path: `^src/${from}/` },
  to: { path: '^src/', pathNot: [`^src/${from}/`, ...allowed.map((folder) => `^src/${folder}`)] },
});

// Small vocabularies that know nothing of the rest of the tree.
const SHARED = ['support/', 'telemetry/', 'settings\\.ts$'];

module.exports = {
  forbidden: [
    { name: 'no-circular', severity: 'error', from: {}, to: { circular: true } },
    {
      name: 'nobody-imports-commands',
      comment: 'Commands build the world; nothing depends on them but the command line.',
      severity: 'error',
      from: { path: '^src/', pathNot: ['^src/commands/', '^src/main\\.ts$'] },
      to: { path: '^src/(commands/|main\\.ts$)' },
    },
    only('gateway-stands-on-intake', 'gateway', ['intake/', 'tenancy/', 'schemas/', ...SHARED]),
    only('api-stands-on-intake', 'api', ['intake/', 'tenancy/', 'schemas/', 'storage/', ...SHARED]),
    only('intake-stands-on-storage', 'intake', [
      'storage/',
      'tenancy/',
      'schemas/',
      'database/',
      'webhooks/announce\\.ts',
      ...SHARED,
    ]),
    only('pipeline-knows-no-ssh', 'pipeline', [
      'schemas/',
      'storage/',
      'intake/',
      'tenancy/',
      'database/',
      'webhooks/announce\\.ts',
      ...SHARED,
    ]),
    // What is sent is the API's view of an upload, made from the same record.
    only('webhooks-stand-on-intake', 'webhooks', [
      'intake/',
      'database/',
      'api/upload-views\\.ts',
      ...SHARED,
    ]),
    only('retention-stands-on-pipeline', 'retention', [
      'pipeline/load/',
      'intake/',
      'storage/',
      'schemas/',
      'database/',
      ...SHARED,
    ]),
    only('storage-stands-alone', 'storage', SHARED),
    only('schemas-stand-alone', 'schemas', SHARED),
    only('tenancy-stands-on-schemas', 'tenancy', ['schemas/', 'database/', ...SHARED]),
    only('database-stands-alone', 'database', SHARED),
    only('telemetry-stands-alone', 'telemetry', ['support/']),
    only('operator-stands-on-tenancy', 'operator', ['tenancy/', 'schemas/', 'database/', ...SHARED]),
    {
      name: 'operator-runtime-could-be-a-package',
      comment: 'A controller runtime knows nothing of what its controllers do.',
      severity: 'error',
      from: { path: '^src/operator/runtime/' },
      to: { path: '^src/', pathNot: '^src/operator/runtime/' },
    },
    {
      name: 'only-the-operator-knows-kubernetes',
      severity: 'error',
      from: { path: '^src/', pathNot: '^src/(operator/|commands/operator)' },
      to: { path: 'node_modules/(@kubernetes/client-node|undici)/' },
    },
    {
      name: 'page-runs-in-a-browser',
      comment: 'The page knows the shape of the answers, and nothing of what makes them.',
      severity: 'error',
      from: { path: '^src/page/' },
      to: { path: '^src/', pathNot: '^src/page/', dependencyTypesNot: ['type-only'] },
    },
    {
      name: 'gateway-knows-no-sql',
      severity: 'error',
      from: { path: '^src/gateway/' },
      to: { path: 'node_modules/(pg|pg-copy-streams)/' },
    },
    {
      name: 'only-its-own-folder-knows-ssh2',
      comment: 'The edits of ssh2 have to be in place before it is loaded.',
      severity: 'error',
      from: { path: '^src/', pathNot: '^src/gateway/ssh2/' },
      to: { path: 'node_modules/ssh2/' },
    },
    {
      name: 'src-does-not-import-test-code',
      severity: 'error',
      from: { path: '^src/' },
      to: { path: '^test/|node_modules/(mocha|ssh2-sftp-client|fast-check)/' },
    },
  ],
  options: {
    parser: 'swc',
    doNotFollow: { path: 'node_modules' },
    tsPreCompilationDeps: true,
    enhancedResolveOptions: {
      extensions: ['.ts', '.tsx', '.js', '.mjs', '.cjs'],
      exportsFields: ['exports'],
      conditionNames: ['import', 'node', 'default'],
    },
  },
};
