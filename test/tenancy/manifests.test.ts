import assert from 'node:assert/strict';
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { ManifestError, readManifests } from '../../src/tenancy/manifests.ts';
import { temporaryDirectory } from '../support/servers.ts';

const ORGANIZATION = `apiVersion: piing.ai/v1alpha1
kind: Organization
metadata:
  name: blue-bistro
`;
const ENABLEMENT = `apiVersion: piing.ai/v1alpha1
kind: SchemaEnablement
metadata:
  name: blue-bistro-shifts
`;
const REFERENCE = 'organizationRef: { name: blue-bistro }, schemaType: orgShifts';

async function directoryOf(files: Readonly<Record<string, string>>): Promise<string> {
  const directory = await temporaryDirectory('manifests');
  for (const [name, text] of Object.entries(files)) await writeFile(join(directory, name), text);
  return directory;
}

/** The lines of the error that reading the files ends in. */
async function problemsOf(files: Readonly<Record<string, string>>): Promise<string[]> {
  const directory = await directoryOf(files);
  const error = await readManifests(directory).then(
    () => assert.fail('these manifests were accepted'),
    (reason: unknown) => reason,
  );
  assert.ok(error instanceof ManifestError, String(error));
  return error.message.split('\n');
}

describe('readManifests', () => {
  it('reads every document of every *.yaml and *.yml, and no other file', async () => {
    const directory = await directoryOf({
      'b.yaml': `# two documents\n---\n${ORGANIZATION}spec: {}\n---\n# nothing but a comment\n---\n${ENABLEMENT}spec: { ${REFERENCE} }\n`,
      'a.yml': `${ORGANIZATION.replace('blue-bistro', 'corner-books')}spec: {}\n`,
      'notes.txt': 'not: [yaml',
      '.#b.yaml': 'what an editor: [left',
    });
    const { organizations, enablements } = await readManifests(directory);
    assert.deepEqual(
      organizations.map(({ metadata }) => metadata.name),
      ['corner-books', 'blue-bistro'],
    );
    assert.deepEqual(
      enablements.map(({ metadata }) => metadata.name),
      ['blue-bistro-shifts'],
    );
  });

  it('fills in the defaults, as the API server does', async () => {
    const directory = await directoryOf({
      'a.yaml': `${ORGANIZATION}spec: { credentials: [{ name: pos }] }\n---\n${ENABLEMENT}spec: { ${REFERENCE} }\n`,
    });
    const { organizations, enablements } = await readManifests(directory);
    assert.deepEqual(organizations[0], {
      apiVersion: 'piing.ai/v1alpha1',
      kind: 'Organization',
      metadata: { name: 'blue-bistro', namespace: 'default' },
      spec: {
        suspended: false,
        credentials: [
          { name: 'pos', rotation: 1, rotationOverlap: '24h', revoked: false, deliveryTTL: '24h' },
        ],
        allowedSourceRanges: [],
        webhooks: [],
      },
    });
    assert.deepEqual(enablements[0]?.spec, {
      organizationRef: { name: 'blue-bistro' },
      schemaType: 'orgShifts',
      transformer: {
        columns: [],
        ambiguousLocalTime: 'reject',
        decimalSeparator: '.',
        onDuplicate: 'update',
        onRowError: 'skip',
      },
    });
  });

  it('takes everything that the CRDs allow, and what kubectl prints', async () => {
    const directory = await directoryOf({
      'a.yaml': `apiVersion: piing.ai/v1alpha1
kind: Organization
metadata:
  name: ${'a'.repeat(63)}
  namespace: tenants
  labels: { team: "1" }
  annotations: { piing.ai/note: text }
  uid: 0193
  resourceVersion: "5"
  generation: 2
  creationTimestamp: 2026-02-20T10:15:00Z
  managedFields: [{ manager: kubectl }]
spec:
  displayName: Bläu Bistro №1
  suspended: true
  credentials:
    - &base { name: pos, rotation: 2, rotationOverlap: 1h30m, expiresAt: 2027-06-30T00:00:00.5+02:00 }
    - { <<: *base, name: erp, revoked: true }
  allowedSourceRanges: [0.0.0.0/0, 203.0.113.0/24, 2001:db8::/32, "::/0"]
  limits: { maxFileBytes: 1099511627776 }
  webhooks:
    - { name: erp, url: "https://hooks.example.com:8443/piing?a=b&c=%20", secretRef: { name: hooks } }
    - { name: v6, url: "http://[2001:db8::1]/", secretRef: { name: hooks.v6, key: v6.txt }, events: [upload.failed] }
status:
  observedGeneration: 2
  conditions:
    - { type: Ready, status: "True", reason: Applied, message: "", lastTransitionTime: 2026-02-20T10:15:00Z }
---
${ENABLEMENT}spec:
  ${REFERENCE.replace(', ', '\n  ')}
  transformer:
    timeZone: Etc/GMT+5
    decimalSeparator: ","
    columns:
      - { name: shift_id, header: "Schicht, Nr.\\n(alt)", default: "" }
      - { name: currency, constant: EUR }
`,
    });
    const { organizations } = await readManifests(directory);
    assert.equal(organizations[0]?.spec.credentials[1]?.expiresAt, '2027-06-30T00:00:00.5+02:00');
    assert.deepEqual(
      organizations[0]?.spec.webhooks.map(({ secretRef, events }) => [secretRef.key, events.length]),
      [
        ['secret', 4],
        ['v6.txt', 1],
      ],
    );
  });

  it('takes an empty directory for one without tenants', async () => {
    assert.deepEqual(await readManifests(await directoryOf({})), { organizations: [], enablements: [] });
  });

  it('says what to set when there is no such directory', async () => {
    const missing = join(await directoryOf({}), 'missing');
    await assert.rejects(readManifests(missing), /missing cannot be read: ENOENT.*set PIING_TENANTS_DIR/);
  });

  it('names a file that cannot be read', async () => {
    const directory = await directoryOf({});
    await mkdir(join(directory, 'folder.yaml'));
    await assert.rejects(readManifests(directory), /folder\.yaml cannot be read: EISDIR.* move it away\.$/);
  });

  it('lists all problems of all files, in their order', async () => {
    const problems = await problemsOf({
      'a.yaml': `${ORGANIZATION}spec:\n  limits: { maxFileBytes: 0 }\n  suspended: 1\n`,
      'b.yaml': `${ENABLEMENT}spec: { ${REFERENCE} }\n---\nkind: Organization\n`,
    });
    assert.deepEqual(problems, [
      'a.yaml, document 1, line 6, spec.limits.maxFileBytes: is 0, and has to be at least 1.',
      'a.yaml, document 1, line 7, spec.suspended: is 1, and has to be true or false.',
      'b.yaml, document 2, line 7, apiVersion: is missing, and has to be piing.ai/v1alpha1.',
    ]);
  });

  const spec = (text: string) => `${ORGANIZATION}spec: { ${text} }\n`;
  const credentialWith = (text: string) => spec(`credentials: [{ name: pos, ${text} }]`);
  const webhook = (text: string) => spec(`webhooks: [{ name: erp, ${text} }]`);
  const webhookTo = (url: string) => webhook(`url: "${url}", secretRef: { name: hooks }`);
  const secretRef = (text: string) => webhook(`url: "https://a.example/", secretRef: { ${text} }`);
  const column = (text: string) =>
    `${ENABLEMENT}spec: { ${REFERENCE}, transformer: { columns: [${text}] } }\n`;
  const transformer = (text: string) => `${ENABLEMENT}spec: { ${REFERENCE}, transformer: { ${text} } }\n`;

  const BAD: readonly (readonly [what: string, text: string, problem: RegExp])[] = [
    ['an empty file', '\n', /^a\.yaml is empty\. Write a manifest into it, or delete it\.$/],
    ['what is not YAML', 'a: [', /^a\.yaml, document 1, line 1: is not YAML: /],
    [
      'an escape that a line break cuts',
      'a: "\\u\n  b"\n',
      /^a\.yaml, document 1, line 1: is not YAML: [^\n]*$/,
    ],
    [
      'a key over two lines',
      `${ORGANIZATION}spec: { "a\\nb": 1 }\n`,
      /^a\.yaml, document 1, line 5, spec\.a b: is not a known field/,
    ],
    ['a key twice', `${ORGANIZATION}spec: {}\nspec: {}\n`, /line 6: is not YAML: Map keys must be unique\.$/],
    ['an alias of nothing', 'a: *b', /^a\.yaml, document 1: cannot be read: Unresolved alias/],
    [
      'a list',
      '- 1',
      /line 1, document: has to be a resource with apiVersion: piing\.ai\/v1alpha1 and a kind\.$/,
    ],
    ['another API', 'apiVersion: v1', /apiVersion: is "v1", and has to be piing\.ai\/v1alpha1\.$/],
    [
      'another kind',
      'apiVersion: piing.ai/v1alpha1\nkind: Tenant',
      /line 2, kind: is "Tenant", and has to be Organization or SchemaEnablement\.$/,
    ],
    [
      'a secret of a cluster',
      spec('displayName: Blue, credentials: [{ name: pos }, { name: erp, secretRef: { name: own } }]'),
      /^a\.yaml, document 1, line 5, spec\.credentials\[1\]\.secretRef: names Secret own, and there are no Secrets outside of Kubernetes\. Leave secretRef out: a pair is then issued/,
    ],
    ['no spec', ORGANIZATION, /spec: is missing\. What the administrator wants\.$/],
    [
      'no name',
      'apiVersion: piing.ai/v1alpha1\nkind: Organization\nmetadata: {}\nspec: {}',
      /metadata\.name: is missing/,
    ],
    [
      'a name in capitals',
      ORGANIZATION.replace('blue', 'Blue').concat('spec: {}'),
      /line 4, metadata\.name: "Blue-bistro" does not have the form/,
    ],
    [
      'a name with a dot',
      ORGANIZATION.replace('blue-', 'blue.').concat('spec: {}'),
      /line 4, metadata\.name: The name of an Organization is an id of at most 63 /,
    ],
    [
      'a name of 64 characters',
      ORGANIZATION.replace('blue-bistro', 'a'.repeat(64)).concat('spec: {}'),
      /metadata\.name: .* at most 63 lower-case letters, digits and -, without dots\.$/,
    ],
    [
      'an unknown field',
      spec('displayname: Blue'),
      /line 5, spec\.displayname: is not a known field\. Known here: displayName, suspended, credentials, allowedSourceRanges, limits, webhooks\.$/,
    ],
    [
      'an unknown field of metadata',
      `${ORGANIZATION}  nmaespace: a\nspec: {}`,
      /line 5, metadata\.nmaespace: is not a known field/,
    ],
    [
      'a label that is a number',
      `${ORGANIZATION}  labels: { a: 1 }\nspec: {}`,
      /metadata\.labels\.a: has to be a text, and YAML reads 1 as a number\. Put it in quotes\.$/,
    ],
    [
      'a value left out',
      spec('displayName: '),
      /spec\.displayName: is empty\. Give a text, or leave the field out\.$/,
    ],
    [
      'a display name with a control character',
      spec('displayName: "a\\0"'),
      /spec\.displayName: "a\\u0000" does not have the form/,
    ],
    ['yes for true', spec('suspended: yes'), /spec\.suspended: is "yes", and has to be true or false\.$/],
    [
      'a credential twice',
      spec('credentials: [{ name: pos }, { name: pos }]'),
      /spec\.credentials\[1\]\.name: "pos" is there twice, as entries 0 and 1\. Remove one\.$/,
    ],
    [
      'a credential that is a text',
      spec('credentials: [piing_sk_secret]'),
      /spec\.credentials\[0\]: has to be a map of fields\. One pair of client_id and client_secret\.$/,
    ],
    [
      'a credential without a name',
      spec('credentials: [{}]'),
      /spec\.credentials\[0\]\.name: is missing\. What it is for, such as pos or erp\.$/,
    ],
    [
      'a long credential name',
      spec(`credentials: [{ name: ${'a'.repeat(41)} }]`),
      /\.name: is too long: it may have 40 characters\.$/,
    ],
    [
      '51 credentials',
      spec(`credentials: [${Array.from({ length: 51 }, (_, n) => `{ name: c${n} }`)}]`),
      /spec\.credentials: has too many entries: there may be 50\.$/,
    ],
    ['rotation 0', credentialWith('rotation: 0'), /\.rotation: is 0, and has to be at least 1\.$/],
    [
      'half a rotation',
      credentialWith('rotation: 1.5'),
      /\.rotation: is 1\.5, and has to be a whole number\.$/,
    ],
    [
      'an overlap in days',
      credentialWith('rotationOverlap: 2d'),
      /\.rotationOverlap: "2d" does not have the form .* such as 24h, 1h30m or 0s\.$/,
    ],
    [
      'a date without a time',
      credentialWith('expiresAt: 2027-01-01'),
      /\.expiresAt: "2027-01-01" is not a date and time with an offset .* such as 2027-06-30T00:00:00Z\.$/,
    ],
    [
      'a day that no month has',
      credentialWith('expiresAt: 2027-02-30T00:00:00Z'),
      /\.expiresAt: "2027-02-30T00:00:00Z" is not a date and time/,
    ],
    [
      'a time without an offset',
      credentialWith('expiresAt: 2027-01-01T00:00:00'),
      /\.expiresAt: .* is not a date and time/,
    ],
    [
      'an address without a prefix',
      spec('allowedSourceRanges: [203.0.113.7]'),
      /spec\.allowedSourceRanges\[0\]: A network is written in CIDR notation, such as 203\.0\.113\.0\/24 .*\.$/,
    ],
    [
      'a prefix that is too long',
      spec('allowedSourceRanges: [10.0.0.0/33]'),
      /allowedSourceRanges\[0\]: A network is written in CIDR notation/,
    ],
    [
      'an IPv6 zone',
      spec('allowedSourceRanges: ["fe80::%eth0/64"]'),
      /A network is written in CIDR notation/,
    ],
    [
      'a range twice',
      spec('allowedSourceRanges: [10.0.0.0/8, 10.0.0.0/8]'),
      /"10\.0\.0\.0\/8" is there twice, as entries 0 and 1/,
    ],
    [
      'a webhook without a secret',
      webhook('url: "https://a.example/"'),
      /spec\.webhooks\[0\]\.secretRef: is missing\. The Secret of this namespace that holds the signing secret/,
    ],
    [
      'a webhook without an address',
      webhook('secretRef: { name: hooks }'),
      /spec\.webhooks\[0\]\.url: is missing\. The address, such as https:/,
    ],
    ...[
      'ftp://a.example/',
      'https://',
      'https:///a',
      'https://u:p@a.example/',
      'https://u@a.example/',
      '//a.example',
    ].map(
      (url) => [`the webhook address ${url}`, webhookTo(url), /\.url: ".*" does not have the form/] as const,
    ),
    ...['https://a.example/#part', 'https://a.example/\\\\b', 'https://a b/', 'https://a.example/\\n'].map(
      (url) => [`the webhook address ${url}`, webhookTo(url), /\.url: ".*" does not have the form/] as const,
    ),
    ...['https://a.example:99999/', 'https://[::1/', 'https://1.2.3.4.5/'].map(
      (url) =>
        [
          `the webhook address ${url}`,
          webhookTo(url),
          /webhooks\[0\]\.url: This is not a URL such as/,
        ] as const,
    ),
    [
      'a long webhook address',
      webhookTo(`https://a.example/${'a'.repeat(2_048)}`),
      /\.url: is too long: it may have 2048 characters\.$/,
    ],
    [
      'a webhook twice',
      spec(
        `webhooks: [${['a', 'a'].map((name) => `{ name: ${name}, url: "https://a.example/", secretRef: { name: b } }`)}]`,
      ),
      /spec\.webhooks\[1\]\.name: "a" is there twice/,
    ],
    [
      'six webhooks',
      spec(
        `webhooks: [${Array.from({ length: 6 }, (_, n) => `{ name: w${n}, url: "https://a.example/", secretRef: { name: b } }`)}]`,
      ),
      /spec\.webhooks: has too many entries: there may be 5\.$/,
    ],
    ['a way out as a secret', secretRef('name: ".."'), /secretRef\.name: "\.\." does not have the form/],
    ['a path as a secret', secretRef('name: a/b'), /secretRef\.name: "a\/b" does not have the form/],
    ['a way out as a key', secretRef('name: a, key: ".."'), /secretRef\.key: "\.\." does not have the form/],
    [
      'an event that is none',
      webhook('url: "https://a.example/", secretRef: { name: b }, events: [upload.received]'),
      /events\[0\]: is "upload\.received", and has to be one of "upload\.completed"/,
    ],
    [
      'no event',
      webhook('url: "https://a.example/", secretRef: { name: b }, events: []'),
      /\.events: has too few entries: it needs at least 1\.$/,
    ],
    [
      'a reference without a name',
      `${ENABLEMENT}spec: { organizationRef: {}, schemaType: a }`,
      /spec\.organizationRef\.name: is missing\. Name of the Organization\.$/,
    ],
    [
      'no schema type',
      `${ENABLEMENT}spec: { organizationRef: { name: a } }`,
      /spec\.schemaType: is missing\. The kind of file, such as orgTransactions\.$/,
    ],
    [
      'a choice that is none',
      transformer('onDuplicate: merge'),
      /\.onDuplicate: is "merge", and has to be one of "update", "ignore", "reject"\.$/,
    ],
    [
      'a time zone that is an offset',
      transformer('timeZone: "+02:00"'),
      /\.timeZone: "\+02:00" does not have the form/,
    ],
    [
      'a constant beside a header',
      column('{ name: a, header: A, constant: x }'),
      /spec\.transformer\.columns\[0\]: A constant leaves no room for .*Give the constant alone\.$/,
    ],
    [
      'a constant beside a default',
      column('{ name: a, default: "", constant: x }'),
      /A constant leaves no room/,
    ],
    [
      'a constant that is a number',
      column('{ name: a, constant: 5 }'),
      /\.constant: has to be a text, and YAML reads 5 as a number\. Put it in quotes\.$/,
    ],
    [
      'a constant with NUL',
      column('{ name: a, constant: "\\0" }'),
      /\.constant: "\\u0000" does not have the form/,
    ],
    ['a column twice', column('{ name: a }, { name: a }'), /columns\[1\]\.name: "a" is there twice/],
  ];

  for (const [what, text, expected] of BAD) {
    it(`refuses ${what}`, async () => {
      const problems = await problemsOf({ 'a.yaml': text });
      assert.ok(
        problems.some((problem) => expected.test(problem)),
        problems.join('\n'),
      );
    });
  }

  it('refuses a resource that is there twice, and says where the first is', async () => {
    const text = `${ORGANIZATION}spec: {}\n`;
    assert.deepEqual(await problemsOf({ 'a.yaml': text, 'b.yaml': `---\n${text}` }), [
      'b.yaml, document 1, line 5, metadata.name: Organization default/blue-bistro is already in a.yaml, document 1, line 4. Rename one.',
    ]);
  });

  it('refuses two credentials whose secrets would be delivered under one name', async () => {
    const text = (name: string, credential: string) =>
      `${ORGANIZATION.replace('blue-bistro', name)}spec: { credentials: [{ name: ${credential} }] }\n`;
    assert.deepEqual(
      await problemsOf({ 'a.yaml': text('blue', 'bistro-pos'), 'b.yaml': text('blue-bistro', 'pos') }),
      [
        'b.yaml, document 1, line 5, spec.credentials[0].name: its secret would be delivered as blue-bistro-pos, and so would one of blue. Rename one of the credentials.',
      ],
    );
  });

  it('never shows a secret that was put where it does not belong', async () => {
    const secret = 'piing_sk_0123456789';
    const problems = await problemsOf({
      'a.yaml': spec(`credentials: [${secret}, { name: pos, secret: ${secret} }]`),
    });
    assert.ok(!problems.join('\n').includes(secret));
  });

  it('says nothing past its error, also about a key that is a map', async () => {
    const warnings: Error[] = [];
    const listen = (warning: Error) => warnings.push(warning);
    process.on('warning', listen);
    await problemsOf({ 'a.yaml': spec('{ displayName: Blue }: 1') });
    await new Promise((resolve) => setImmediate(resolve));
    process.off('warning', listen);
    assert.deepEqual(warnings, []);
  });
});
