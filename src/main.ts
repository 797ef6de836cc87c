#!/usr/bin/env node
import { Command, InvalidArgumentError } from 'commander';
import { runMigrate } from './commands/migrate.ts';
import { listOperatorsCommand, putInChargeCommand } from './commands/operators.ts';
import {
  type EraseCommandOptions,
  eraseCommand,
  listOrganizationsCommand,
} from './commands/organizations.ts';
import { retentionCommand } from './commands/retention.ts';
import { checkSchema, listSchemas, showSchema } from './commands/schemas.ts';
import { showSettings } from './commands/show-settings.ts';
import { type ListOptions, listCommand, showCommand, showErrorsCommand } from './commands/uploads.ts';
import { type RecoverCommandOptions, recoverCommand } from './commands/uploads-recover.ts';
import { cancelCommand, type ReplayOptions, replayCommand, retryCommand } from './commands/uploads-rerun.ts';
import { describeVersion } from './commands/version.ts';
import {
  type DeliveriesOptions,
  enableWebhookCommand,
  listDeliveriesCommand,
  listWebhooksCommand,
  testWebhookCommand,
} from './commands/webhooks.ts';
import { readSettings, SettingsError } from './settings.ts';
import { endAtSignals } from './support/end-at-signals.ts';
import { StartupError } from './support/listen.ts';

// The environment has the passwords of the stores; a diagnostic report is for people who look for a fault.
if (process.report) process.report.excludeEnv = true;

const program = new Command('piing')
  .description(
    'Takes files by SFTP and HTTP and turns them into validated rows. Settings come from the environment: see piing settings.',
  )
  .version(describeVersion(), '--version', 'which release this is')
  .showHelpAfterError();

const settings = () => readSettings(process.env);
// Each role loads only what it needs: the operator no SSH, the others no Kubernetes client (40 MB).
const roles = () => import('./commands/roles.ts');

program
  .command('standalone')
  .description('everything in one process, with a PostgreSQL of its own')
  .action(async () => (await import('./commands/standalone.ts')).runStandalone(settings()));
program
  .command('gateway')
  .description('the SFTP gateway')
  .action(async () => (await roles()).runGateway(settings()));
program
  .command('api')
  .description('the HTTP upload API')
  .action(async () => (await roles()).runApi(settings()));
program
  .command('worker')
  .description('the pipeline from stored files to rows')
  .action(async () => (await roles()).runWorker(settings()));
program
  .command('operator')
  .description('the Kubernetes operator: from Organizations and SchemaEnablements to tenants')
  .action(async () => (await import('./commands/operator.ts')).runOperator(settings()));
program
  .command('migrate')
  .description('create or upgrade both databases')
  .option('--dry-run', 'print what would be done, and change nothing')
  .action((options: { dryRun?: boolean }) => runMigrate(settings(), options));

program
  .command('settings')
  .description('the environment variables, their defaults and meaning')
  .action(showSettings);

const JSON_OPTION = ['--json', 'print JSON for scripts'] as const;
const YES_OPTION = ['--yes', 'do not ask'] as const;
const schemas = program.command('schemas').description('look at the schema types, and check a new one');
schemas
  .command('list')
  .description('every schema type')
  .option(...JSON_OPTION)
  .action((options: { json?: boolean }) => listSchemas(settings(), options));
schemas
  .command('show <name>')
  .description('a schema type with its columns')
  .option(...JSON_OPTION)
  .action((name: string, options: { json?: boolean }) => showSchema(settings(), name, options));
schemas
  .command('check <file>')
  .description('whether a file can be put into PIING_SCHEMAS_DIR')
  .option(...JSON_OPTION)
  .action((file: string, options: { json?: boolean }) => checkSchema(settings(), file, options));

const uploads = program.command('uploads').description('look at uploads, run them again, stop them');

uploads
  .command('list')
  .description('uploads, newest first')
  .option('--organization <id>', 'only this organization')
  .option('--schema <type>', 'only this schema type')
  .option('--status <status>', 'only this status, such as FAILED')
  .option('--file <name>', 'only this file name')
  .option('--limit <count>', 'at most so many', wholeNumber, 50)
  .option(...JSON_OPTION)
  .action((options: ListOptions) => listCommand(settings(), options));
uploads
  .command('show <id>')
  .description('everything known of one upload')
  .option(...JSON_OPTION)
  .action((id: string, options: { json?: boolean }) => showCommand(settings(), id, options));
uploads
  .command('errors <id>')
  .description('what was wrong in the file, line by line')
  .option('--limit <count>', 'at most so many', wholeNumber, 1000)
  .option(...JSON_OPTION)
  .action((id: string, options: { json?: boolean; limit: number }) =>
    showErrorsCommand(settings(), id, options),
  );
uploads
  .command('retry [ids...]')
  .description('run failed uploads again from their stored files')
  .option('--all-retryable', 'every upload that failed through no fault of its file')
  .option('--no-wait', 'do not wait for the outcome')
  .option(...YES_OPTION)
  .option(...JSON_OPTION)
  .action(
    (ids: string[], options: { allRetryable?: boolean; wait: boolean; yes?: boolean; json?: boolean }) =>
      retryCommand(settings(), ids, options),
  );
uploads
  .command('replay')
  .description('run received uploads again from their stored files, as after a transformer was mended')
  .requiredOption('--since <time>', 'received from then on: 2026-02-20, 2026-02-20T08:30Z, or 24h or 7d ago')
  .option('--until <time>', 'received before then')
  .option('--organization <id>', 'only this organization')
  .option('--schema <type>', 'only this schema type')
  .option('--status <statuses>', 'only these, such as COMPLETED,FAILED')
  .option('--dry-run', 'only tell how many there are')
  .option('--no-wait', 'do not wait for the outcome')
  .option(...YES_OPTION)
  .option(...JSON_OPTION)
  .action((options: ReplayOptions) => replayCommand(settings(), options));
uploads
  .command('recover')
  .description(
    'have stored files processed that the control database does not know, after it was restored from a backup',
  )
  .option('--dry-run', 'only tell which there are')
  .option(...JSON_OPTION)
  .action((options: RecoverCommandOptions) => recoverCommand(settings(), options));
uploads
  .command('cancel <ids...>')
  .description('stop uploads that wait or are being processed')
  .option(...JSON_OPTION)
  .action((ids: string[], options: { json?: boolean }) => cancelCommand(settings(), ids, options));

const organizations = program.command('organizations').description('tenants and what is kept of them');
organizations
  .command('list')
  .description('every organization, also those that are deleted and still have data')
  .option(...JSON_OPTION)
  .action((options: { json?: boolean }) => listOrganizationsCommand(settings(), options));
organizations
  .command('erase <id>')
  .description("remove one tenant's data everywhere; there is no way back")
  .requiredOption('--confirm <id>', 'the id once more')
  .option('--even-if-active', 'although its resource has not been deleted')
  .option(...JSON_OPTION)
  .action((id: string, options: EraseCommandOptions) => eraseCommand(settings(), id, options));

const operators = program
  .command('operators')
  .description('which operator writes the tenants of which namespaces');
operators
  .command('list')
  .description('every operator that has asked for this database')
  .option(...JSON_OPTION)
  .action((options: { json?: boolean }) => listOperatorsCommand(settings(), options));
operators
  .command('put-in-charge <id>')
  .description('let an operator take the place of another, as after the loss of a cluster')
  .action((id: string) => putInChargeCommand(settings(), id));

program
  .command('retention')
  .description('what is removed because its time is over')
  .command('run')
  .description('remove it now instead of in the night')
  .option('--dry-run', 'only tell how much it is')
  .option(...JSON_OPTION)
  .action((options: { dryRun?: boolean; json?: boolean }) => retentionCommand(settings(), options));

const webhooks = program
  .command('webhooks')
  .description('look at webhooks and what they were sent, and test them');

webhooks
  .command('list')
  .description('webhooks of the organizations, and whether they work')
  .option('--organization <id>', 'only this organization')
  .option(...JSON_OPTION)
  .action((options: { organization?: string; json?: boolean }) => listWebhooksCommand(settings(), options));
webhooks
  .command('deliveries')
  .description('messages and what came of them, newest first')
  .option('--organization <id>', 'only this organization')
  .option('--webhook <name>', 'only this webhook')
  .option('--state <state>', 'only PENDING, DELIVERED, GIVEN_UP or CANCELLED')
  .option('--limit <count>', 'at most so many', wholeNumber, 50)
  .option('--json', 'print JSON for scripts, with every attempt')
  .action((options: DeliveriesOptions) => listDeliveriesCommand(settings(), options));
webhooks
  .command('test <organization> <webhook>')
  .description('send a message of type webhook.test and show the answer')
  .option(...JSON_OPTION)
  .action((organization: string, webhook: string, options: { json?: boolean }) =>
    testWebhookCommand(settings(), organization, webhook, options),
  );
webhooks
  .command('enable <organization> <webhook>')
  .description('send again to one whose receiver had answered 410 Gone')
  .action((organization: string, webhook: string) => enableWebhookCommand(settings(), organization, webhook));

function wholeNumber(text: string): number {
  const value = Number(text);
  if (!Number.isInteger(value) || value < 1)
    throw new InvalidArgumentError('It has to be a whole number from 1 on.');
  return value;
}

endAtSignals();
try {
  await program.parseAsync();
  // Timers and sockets that libraries keep open must not keep a finished command alive.
  process.exit();
} catch (error) {
  const expected =
    error instanceof StartupError ||
    error instanceof SettingsError ||
    (error as Error).name === 'StillRunningError' ||
    (error as Error).name === 'CatalogueError' ||
    (error as Error).name === 'SchemaChangeError' ||
    (error as Error).name === 'ManifestError';
  process.stderr.write(expected ? `${(error as Error).message}\n` : `${(error as Error).stack}\n`);
  process.exit(1);
}
