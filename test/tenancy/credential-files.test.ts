import assert from 'node:assert/strict';
import { mkdir, readdir, readFile, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { OrganizationId } from '../../src/support/ids.ts';
import { credentialFiles } from '../../src/tenancy/credential-files.ts';
import { generateClientId, generateClientSecret } from '../../src/tenancy/secrets.ts';
import { temporaryDirectory } from '../support/servers.ts';

const BISTRO = 'blue-bistro' as OrganizationId;
const newPair = () => ({ clientId: generateClientId(), clientSecret: generateClientSecret() });
const modeOf = async (path: string) => (await stat(path)).mode & 0o777;

describe('Credential files', () => {
  let directory: string;

  beforeEach(async () => {
    directory = join(await temporaryDirectory('credentials'), 'new', 'credentials');
  });

  it('hold client_id and client_secret, for this user only', async () => {
    const issued = newPair();
    await credentialFiles({ directory, onIssued: () => undefined })(BISTRO, 'pos', issued);
    const path = join(directory, 'blue-bistro-pos.json');
    assert.deepEqual(JSON.parse(await readFile(path, 'utf8')), {
      client_id: issued.clientId,
      client_secret: issued.clientSecret,
    });
    assert.equal(await modeOf(path), 0o600);
    assert.equal(await modeOf(directory), 0o700);
  });

  it('are reported when they are complete', async () => {
    const reports: unknown[][] = [];
    const issued = newPair();
    await credentialFiles({ directory, onIssued: (...report) => reports.push(report) })(
      BISTRO,
      'pos',
      issued,
    );
    assert.deepEqual(reports, [[BISTRO, 'pos', issued, join(directory, 'blue-bistro-pos.json')]]);
  });

  it('replace those of an earlier secret, and leave nothing else behind', async () => {
    const deliver = credentialFiles({ directory, onIssued: () => undefined });
    await deliver(BISTRO, 'pos', newPair());
    const rotated = newPair();
    await deliver(BISTRO, 'pos', rotated);
    assert.deepEqual(await readdir(directory), ['blue-bistro-pos.json']);
    assert.match(
      await readFile(join(directory, 'blue-bistro-pos.json'), 'utf8'),
      new RegExp(rotated.clientSecret),
    );
  });

  it('are private also where a directory or the rest of a crash lies open', async () => {
    await mkdir(directory, { recursive: true, mode: 0o755 });
    await writeFile(join(directory, 'blue-bistro-pos.json.new'), 'half', { mode: 0o644 });
    await credentialFiles({ directory, onIssued: () => undefined })(BISTRO, 'pos', newPair());
    assert.equal(await modeOf(directory), 0o700);
    assert.equal(await modeOf(join(directory, 'blue-bistro-pos.json')), 0o600);
  });

  it('that cannot be written are an error that names the file and not the secret', async () => {
    await mkdir(join(directory, '..'), { recursive: true });
    await writeFile(directory, 'a file where the directory should be');
    const issued = newPair();
    const reports: unknown[] = [];
    const deliver = credentialFiles({ directory, onIssued: () => reports.push('issued') });
    await assert.rejects(deliver(BISTRO, 'pos', issued), (error: Error) => {
      assert.match(error.message, /pos of blue-bistro cannot be written to .*blue-bistro-pos\.json: EEXIST/);
      assert.ok(!error.message.includes(issued.clientSecret));
      return true;
    });
    assert.deepEqual(reports, []);
  });
});
