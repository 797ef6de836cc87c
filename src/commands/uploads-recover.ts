import Table from 'cli-table3';
import { type RecoveredUpload, recoverUploads } from '../intake/recover.ts';
import type { Settings } from '../settings.ts';
import { administratorSettings } from './control-database.ts';
import { print, toJson } from './terminal.ts';
import { PLAIN_TABLE, size } from './uploads-tables.ts';
import { openWorld } from './world.ts';

/** The table at the end names no more. */
const SHOWN = 50;

export interface RecoverCommandOptions {
  readonly dryRun?: boolean;
  readonly json?: boolean;
}

/** `piing uploads recover`: stored files without a record, after the control database was restored. */
export async function recoverCommand(settings: Settings, options: RecoverCommandOptions): Promise<void> {
  const world = await openWorld(await administratorSettings(settings), 'recover');
  try {
    const found: RecoveredUpload[] = [];
    let objects = 0;
    const recovering = recoverUploads({
      control: world.control,
      store: world.store,
      dryRun: options.dryRun === true,
      onObjects: (count) => {
        objects += count;
        if (!options.json && process.stderr.isTTY)
          process.stderr.write(`\r${objects} objects, ${found.length} without a record`);
      },
    });
    for await (const upload of recovering) found.push(upload);
    if (!options.json && process.stderr.isTTY) process.stderr.write('\n');
    print(options.json ? toJson({ objects, uploads: found }) : summary(objects, found));
    const unknown = new Set(
      found.filter((one) => one.outcome === 'unknown-organization').map((one) => one.organizationId),
    );
    if (unknown.size > 0) {
      process.stderr.write(
        `The database does not know ${[...unknown].join(', ')}: apply their Organization resources, then run this again.\n`,
      );
      process.exitCode = 1;
    }
  } finally {
    await world.close();
  }
}

function summary(objects: number, found: readonly RecoveredUpload[]): string {
  if (found.length === 0) return `${objects} stored objects, and every file has its record.`;
  const table = new Table({
    ...PLAIN_TABLE,
    head: ['upload', 'organization', 'schema type', 'size', 'stored at', 'outcome'],
  });
  for (const { id, organizationId, schemaType, sizeBytes, receivedAt, outcome } of found.slice(0, SHOWN))
    table.push([id, organizationId, schemaType, size(sizeBytes), receivedAt.toISOString(), outcome]);
  const more = found.length > SHOWN ? `\nand ${found.length - SHOWN} more` : '';
  return `${table}${more}\n${objects} stored objects, ${found.length} files without a record.`;
}
