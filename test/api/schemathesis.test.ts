import assert from 'node:assert/strict';
import { writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { defaultHttpLimits } from '../../src/api/limits.ts';
import { readFirstRecord } from '../../src/pipeline/read/read-file.ts';
import { installPythonTools } from '../../tools/python-tools.mjs';
import { requireClient } from '../support/clients.ts';
import { TRANSACTIONS_HEADER, transactionLine } from '../support/csv-files.ts';
import { run } from '../support/run.ts';
import { temporaryDirectory } from '../support/servers.ts';
import { type ApiFixture, startApiFixture } from './api-fixture.ts';
import { csv, schemaType, upload } from './http-client.ts';

/** Examples of each operation, beside those that cover every limit of every parameter. */
const EXAMPLES = 25;
/** The same examples in every run; another seed is another search. */
const SEED = process.env.SCHEMATHESIS_SEED ?? '20260220';
const LONGEST_MS = 180_000;

/** Half of the ids and types are real ones. A form is more than its schema says: see the operation's description. */
const settings = (uploadId: string) => `
[auth.openapi.token]
bearer = "\${TOKEN}"
[dictionaries]
uploads = { values = ["${uploadId}"] }
types = { values = ["orgTransactions", "orgShifts"] }
[parameters]
"path.id" = { dictionary = "uploads", probability = 0.5 }
"path.type" = { dictionary = "types", probability = 0.5 }
schemaType = { dictionary = "types", probability = 0.5 }
[[operations]]
include-operation-id = "sendFile"
checks.positive_data_acceptance.expected-statuses = [202, 400, 403, 409, 413, 415, 422]
[[operations]]
include-operation-id = "listUploads"
checks.positive_data_acceptance.expected-statuses = [200, 400]
[[operations]]
include-operation-id = "getToken"
# Every denial takes 300 ms.
generation.max-examples = 5
checks.positive_data_acceptance.expected-statuses = [200, 400, 401]
`;

describe('Schemathesis', function () {
  this.timeout(2 * LONGEST_MS);
  let fixture: ApiFixture;
  let token: string;
  let modules: string | undefined;
  let configuration: string;

  before(async function () {
    modules = installPythonTools('schemathesis');
    requireClient(this, 'schemathesis', modules !== undefined);
    fixture = await startApiFixture({
      preflight: readFirstRecord,
      change: () => ({
        limits: defaultHttpLimits({ requestsPerMinute: 1_000_000, requestsPerMinuteAndAddress: 1_000_000 }),
      }),
    });
    token = await fixture.tokenOf(await fixture.addClient('acme'));
    const content = `${TRANSACTIONS_HEADER}\n${transactionLine(0)}\n${transactionLine(1).replace(',USD,', ',x,')}\n`;
    const { body } = await upload(fixture.api, token, [schemaType(), csv(content)]);
    await fixture.processJobs();
    configuration = join(await temporaryDirectory('schemathesis'), 'schemathesis.toml');
    await writeFile(configuration, settings(String(body.uploadId)));
  });
  after(() => fixture?.close());

  it('finds no answer that the API’s own description does not allow, whatever it sends', async () => {
    const { code, stdout, stderr } = await run(
      'python3',
      [
        '-m',
        'schemathesis.cli',
        '--config-file',
        configuration,
        'run',
        `${fixture.server.url}/openapi.json`,
        '--phases',
        'examples,coverage,fuzzing',
        '--max-examples',
        String(EXAMPLES),
        '--seed',
        SEED,
        // With more, Python 3.11 fails now and then (python/cpython#106905).
        '--workers',
        '1',
        '--request-timeout',
        '20',
        '--warnings',
        'off',
        '--generation-database',
        'none',
      ],
      {
        env: { TOKEN: token, PYTHONPATH: modules ?? '', NO_COLOR: '1' },
        // It keeps what it found below its working directory.
        cwd: dirname(configuration),
        timeoutMs: LONGEST_MS,
      },
    );
    assert.equal(code, 0, `${stdout.slice(-8_000)}\n${stderr.slice(-2_000)}`);
    assert.match(stdout, /Tested: 12/);
    const [, cases] = /(\d+) generated/.exec(stdout) ?? [];
    assert.ok(Number(cases) > 500, `${cases} test cases`);
  });
});
