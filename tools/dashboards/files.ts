import { board } from './board.ts';
import { operator } from './operator.ts';
import { overview } from './overview.ts';
import { pipeline } from './pipeline.ts';
import { sftp } from './sftp.ts';
import { tenants } from './tenants.ts';

/** The files of charts/piing-gateway/dashboards, by name. */
export function dashboardFiles(): ReadonlyMap<string, string> {
  return new Map(
    [overview, sftp, pipeline, tenants, operator].map((spec) => [
      `${spec.uid}.json`,
      `${JSON.stringify(board(spec), null, 2)}\n`,
    ]),
  );
}
