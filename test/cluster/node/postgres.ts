// Run inside the node's namespaces: a PostgreSQL that pods reach, until it is killed.
//
//   node postgres.ts DIRECTORY PORT
import { mkdir, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { startEmbeddedPostgres } from '../../../src/database/embedded-postgres.ts';

const [directory = '', port] = process.argv.slice(2);
const access = join(dirname(directory), 'pg_hba.conf');
await mkdir(directory, { recursive: true, mode: 0o700 });
await writeFile(
  access,
  'local all all scram-sha-256\nhost all all 127.0.0.1/32 scram-sha-256\nhost all all 10.0.0.0/8 scram-sha-256\n',
);
await startEmbeddedPostgres({
  directory,
  port: Number(port),
  database: 'piing',
  settings: [
    'listen_addresses=*',
    `unix_socket_directories=${directory}`,
    `hba_file=${access}`,
    'max_connections=200',
    'fsync=off',
  ],
});
// The server's pipes keep this process alive.
