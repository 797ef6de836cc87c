import assert from 'node:assert/strict';
import { mkdir, rename, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { Writable } from 'node:stream';
import { pino } from 'pino';
import { type Catalogue, loadCatalogue } from '../../src/schemas/catalogue.ts';
import type { FileWatcher } from '../../src/support/watch-files.ts';
import { ManifestError } from '../../src/tenancy/manifests.ts';
import {
  type ReconcileOptions,
  reconcileDirectory,
  watchDirectory,
} from '../../src/tenancy/reconcile-directory.ts';
import { migratedDatabase, type TestDatabase } from '../support/database.ts';
import { silentLogger } from '../support/logger.ts';
import { temporaryDirectory } from '../support/servers.ts';
import { Deliveries, listenToTenancy } from './fixture.ts';

const head = (kind: string, name: string, namespace = 'default') =>
  `---\napiVersion: piing.ai/v1alpha1\nkind: ${kind}\nmetadata: { name: ${name}, namespace: ${namespace} }\n`;
const organization = (name: string, spec = 'credentials: [{ name: pos }]', namespace?: string) =>
  `${head('Organization', name, namespace)}spec: { ${spec} }\n`;
const enablement = (name: string, organizationName: string, schemaType: string, namespace?: string) =>
  `${head('SchemaEnablement', name, namespace)}spec: { organizationRef: { name: ${organizationName} }, schemaType: ${schemaType} }\n`;

describe('A directory of manifests', () => {
  let db: TestDatabase;
  let catalogue: Catalogue;
  let directory: string;
  let deliveries: Deliveries;
  let options: ReconcileOptions;

  before(async () => {
    catalogue = await loadCatalogue('config/schemas');
  });
  beforeEach(async () => {
    db = await migratedDatabase();
    directory = await temporaryDirectory('manifests');
    deliveries = new Deliveries();
    options = { directory, pool: db.pool, catalogue, deliver: deliveries.deliver, logger: silentLogger };
  });
  afterEach(() => db.close());

  const write = (file: string, ...documents: string[]) =>
    writeFile(join(directory, file), documents.join(''));
  /** `organization: schema types` of everything that is open. */
  const open = async () => {
    const { rows } = await db.pool.query<{ line: string }>(
      `SELECT concat(o.id, ':', string_agg(' ' || e.schema_type, '' ORDER BY e.schema_type)) AS line
         FROM piing.organizations o LEFT JOIN piing.schema_enablements e ON e.organization_id = o.id
        WHERE o.deleted_at IS NULL GROUP BY o.id ORDER BY o.id`,
    );
    return rows.map(({ line }) => line);
  };

  describe('reconciled once', () => {
    it('becomes organizations, credentials and enablements, whatever the order of files', async () => {
      await write('a.yaml', enablement('bistro-shifts', 'bistro', 'orgShifts'));
      await write('b.yaml', organization('bistro'), organization('books', 'displayName: Books'));
      assert.deepEqual(await reconcileDirectory(options), {
        changed: [
          'Organization default/bistro',
          'Organization default/books',
          'SchemaEnablement default/bistro-shifts',
        ],
        removed: [],
        problems: [],
      });
      assert.deepEqual(await open(), ['bistro: orgShifts', 'books:']);
      assert.equal(deliveries.of('bistro/pos').length, 1);
    });

    it('changes nothing and notifies nobody the second time', async () => {
      await write('a.yaml', organization('bistro'), enablement('bistro-shifts', 'bistro', 'orgShifts'));
      await reconcileDirectory(options);
      const tenancy = await listenToTenancy(db.url);
      assert.deepEqual(await reconcileDirectory(options), { changed: [], removed: [], problems: [] });
      assert.deepEqual(await tenancy.heard(), []);
      await tenancy.close();
    });

    it('closes what it no longer describes, and opens it again', async () => {
      const bistro = [organization('bistro'), enablement('bistro-shifts', 'bistro', 'orgShifts')];
      await write('a.yaml', ...bistro);
      await write('b.yaml', organization('books'), enablement('books-any', 'books', 'generic_transactions'));
      await reconcileDirectory(options);
      await rm(join(directory, 'a.yaml'));
      await write('b.yaml', organization('books'));
      const { removed } = await reconcileDirectory(options);
      assert.deepEqual(removed.toSorted(), [
        'Organization default/bistro',
        'SchemaEnablement default/bistro-shifts',
        'SchemaEnablement default/books-any',
      ]);
      assert.deepEqual(await open(), ['books:']);
      await write('a.yaml', ...bistro);
      await reconcileDirectory(options);
      assert.deepEqual(await open(), ['bistro: orgShifts', 'books:']);
      assert.equal(deliveries.of('bistro/pos').length, 1);
    });

    it('may rename an enablement, or change what it enables, in one step', async () => {
      await write('a.yaml', organization('bistro'), enablement('one', 'bistro', 'orgShifts'));
      await reconcileDirectory(options);
      await write('a.yaml', organization('bistro'), enablement('two', 'bistro', 'orgShifts'));
      assert.deepEqual((await reconcileDirectory(options)).problems, []);
      await write('a.yaml', organization('bistro'), enablement('two', 'bistro', 'orgTransactions'));
      assert.deepEqual((await reconcileDirectory(options)).problems, []);
      assert.deepEqual(await open(), ['bistro: orgTransactions']);
    });

    it('leaves namespaces alone that it does not use, unless the whole database is its own', async () => {
      await write('a.yaml', organization('elsewhere', undefined, 'cluster'));
      await reconcileDirectory(options);
      await write('a.yaml', organization('bistro'));
      assert.deepEqual((await reconcileDirectory(options)).removed, []);
      assert.deepEqual(await open(), ['bistro:', 'elsewhere:']);
      const { removed } = await reconcileDirectory({ ...options, wholeDatabase: true });
      assert.deepEqual(removed, ['Organization cluster/elsewhere']);
    });

    it('reports what cannot be in effect, and applies the rest', async () => {
      await write(
        'a.yaml',
        organization('bistro'),
        organization('bistro', undefined, 'other'),
        enablement('first', 'bistro', 'orgShifts'),
        enablement('second', 'bistro', 'orgShifts'),
        enablement('lost', 'nobody', 'orgShifts'),
        enablement('odd', 'bistro', 'orgSales'),
        enablement('last', 'bistro', 'orgTransactions'),
      );
      const { problems } = await reconcileDirectory(options);
      assert.deepEqual(
        problems.map(({ resource, reason }) => `${resource} ${reason}`),
        [
          'Organization other/bistro Conflict',
          'SchemaEnablement default/second Conflict',
          'SchemaEnablement default/lost Waiting',
          'SchemaEnablement default/odd Invalid',
        ],
      );
      for (const { message } of problems) assert.match(message, /\.$/);
      assert.deepEqual(await open(), ['bistro: orgShifts orgTransactions']);
    });

    it('reports a secret that could not be delivered, and applies the rest', async () => {
      await write('a.yaml', organization('bistro'), organization('books', ''));
      const deliver = async () => {
        throw new Error('disk full');
      };
      const { problems } = await reconcileDirectory({ ...options, deliver });
      assert.deepEqual(problems, [
        { resource: 'Organization default/bistro', reason: 'Failed', message: 'disk full' },
      ]);
      assert.deepEqual(await open(), ['books:']);
    });

    it('changes nothing when one manifest is broken', async () => {
      await write('a.yaml', organization('bistro'));
      await reconcileDirectory(options);
      await write('a.yaml', organization('books'));
      await write('b.yaml', 'kind: Organization');
      await assert.rejects(reconcileDirectory(options), ManifestError);
      assert.deepEqual(await open(), ['bistro:']);
    });
  });

  describe('watched', () => {
    let watcher: FileWatcher | undefined;
    afterEach(() => watcher?.close());

    const until = async (what: string, condition: () => Promise<boolean> | boolean) => {
      const deadline = Date.now() + 5_000;
      while (!(await condition())) {
        assert.ok(Date.now() < deadline, `it never happened that ${what}`);
        await new Promise((resolve) => setTimeout(resolve, 20));
      }
    };
    const untilOpen = (...lines: string[]) =>
      until(`${lines} is open`, async () => String(await open()) === String(lines));

    it('is applied at the start and after every change', async () => {
      await write('a.yaml', organization('bistro'));
      watcher = watchDirectory(options);
      await untilOpen('bistro:');
      await write('b.yaml', organization('books'));
      await untilOpen('bistro:', 'books:');
      await write('b.yaml', organization('books'), enablement('any', 'books', 'generic_transactions'));
      await untilOpen('bistro:', 'books: generic_transactions');
      await rm(join(directory, 'a.yaml'));
      await untilOpen('books: generic_transactions');
    });

    it('closes an organization of which the last manifest of a namespace was removed', async () => {
      await write('a.yaml', organization('bistro', undefined, 'shops'));
      watcher = watchDirectory(options);
      await untilOpen('bistro:');
      await rm(join(directory, 'a.yaml'));
      await untilOpen();
    });

    it('is read when a file has settled, so that no half-written state is applied', async () => {
      await write('a.yaml', organization('bistro'));
      watcher = watchDirectory(options);
      await untilOpen('bistro:');
      const tenancy = await listenToTenancy(db.url);
      await write('a.yaml', '# being written');
      await new Promise((resolve) => setTimeout(resolve, 10));
      await write('a.yaml', organization('bistro', 'displayName: Changed, credentials: [{ name: pos }]'));
      const name = "SELECT 1 FROM piing.organizations WHERE display_name = 'Changed'";
      await until('the change is applied', async () => (await db.pool.query(name)).rowCount === 1);
      assert.deepEqual(await tenancy.heard(), ['bistro'], 'one change, and no removal before it');
      await tenancy.close();
    });

    it('logs a broken manifest, changes nothing, and goes on when it is mended', async () => {
      const lines: string[] = [];
      const sink = new Writable({
        write: (chunk, _encoding, done) => {
          lines.push(String(chunk));
          done();
        },
      });
      await write('a.yaml', organization('bistro'));
      watcher = watchDirectory({ ...options, logger: pino(sink), pollMs: 50 });
      await untilOpen('bistro:');
      await write('a.yaml', 'apiVersion: piing.ai/v1alpha1\nkind: Organisation\n');
      const broken = () => lines.filter((line) => line.includes('a.yaml, document 1, line 2, kind'));
      await until('the problem is logged', () => broken().length > 0);
      await new Promise((resolve) => setTimeout(resolve, 400));
      assert.equal(broken().length, 1, 'once, and not at every poll');
      assert.deepEqual(await open(), ['bistro:']);
      await write('a.yaml', organization('bistro'), organization('books'));
      await untilOpen('bistro:', 'books:');
    });

    it('is found again by polling when the directory was replaced', async () => {
      await write('a.yaml', organization('bistro'));
      watcher = watchDirectory({ ...options, pollMs: 50 });
      await untilOpen('bistro:');
      await rename(directory, `${directory}-old`);
      await mkdir(directory);
      await write('a.yaml', organization('bistro'), organization('books'));
      await untilOpen('bistro:', 'books:');
      await rm(`${directory}-old`, { recursive: true });
    });

    it('tries again at the next poll what failed for another reason than the manifests', async () => {
      let failures = 2;
      const deliver: typeof options.deliver = async (...issued) => {
        if (failures-- > 0) throw new Error('disk full');
        await deliveries.deliver(...issued);
      };
      await write('a.yaml', organization('bistro'));
      watcher = watchDirectory({ ...options, deliver, pollMs: 50 });
      await untilOpen('bistro:');
      assert.equal(deliveries.count, 1);
    });

    it('is left alone once the watcher is closed', async () => {
      watcher = watchDirectory({ ...options, pollMs: 20 });
      await watcher.close();
      await write('a.yaml', organization('bistro'));
      await new Promise((resolve) => setTimeout(resolve, 400));
      assert.deepEqual(await open(), []);
    });
  });
});
