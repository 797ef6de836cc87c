import assert from 'node:assert/strict';
import { readSettings, SettingsError } from '../src/settings.ts';

describe('The settings', () => {
  it('have defaults, and take no notice of other variables', () => {
    const settings = readSettings({ PATH: '/bin', HOME: '/' });
    assert.equal(settings.PIING_SFTP_PORT, 2222);
    assert.equal(settings.PIING_MAX_FILE_BYTES, 104_857_600);
    assert.equal(settings.DATABASE_URL, undefined);
  });

  it('take an empty variable for an absent one', () => {
    assert.equal(readSettings({ PIING_SFTP_PORT: '' }).PIING_SFTP_PORT, 2222);
  });

  it('tell every wrong variable at once, by its name', () => {
    assert.throws(
      () =>
        readSettings({
          PIING_SFTP_PORT: '99999',
          DATABASE_URL: 'mysql://x',
          PIING_S3_FORCE_PATH_STYLE: 'yes',
        }),
      (error: Error) => {
        assert.ok(error instanceof SettingsError);
        for (const name of ['PIING_SFTP_PORT', 'DATABASE_URL', 'PIING_S3_FORCE_PATH_STYLE'])
          assert.match(error.message, new RegExp(`^${name}: `, 'm'));
        return true;
      },
    );
  });

  it('refuse a PIING_ variable that nobody reads, which is usually a typo', () => {
    assert.throws(
      () => readSettings({ PIING_SFTP_PROT: '22' }),
      /PIING_SFTP_PROT is not a setting\. Known: .*PIING_SFTP_PORT/,
    );
  });

  it('do not repeat a password in an error', () => {
    assert.throws(
      () => readSettings({ DATABASE_URL: 'mysql://user:hunter2@host/db' }),
      (error: Error) => !error.message.includes('hunter2'),
    );
  });
});
