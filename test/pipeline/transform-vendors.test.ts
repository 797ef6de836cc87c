import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { writeToString } from 'fast-csv';
import { loadCatalogue } from '../../src/schemas/catalogue.ts';
import { templateRows } from '../../src/schemas/file-columns.ts';
import { validateTransformer } from '../../src/schemas/validate-transformer.ts';
import { readManifests } from '../../src/tenancy/manifests.ts';
import { startTestPipeline, type TestPipeline } from '../support/pipeline.ts';

interface Sample {
  readonly vendor: string;
  readonly enablement: string;
  readonly file: string;
  readonly columns: readonly string[];
  readonly rows: readonly (readonly (string | null)[])[];
  readonly warnings?: readonly string[];
}

/** Times are in UTC, so that what the vendor's local time meant can be seen. */
const SAMPLES: readonly Sample[] = [
  {
    vendor: 'square',
    enablement: 'square-transactions',
    file: 'transactions.csv',
    columns: [
      ...['transaction_id', 'location_id', 'transaction_type', 'status', 'business_date', 'opened_at'],
      ...[
        'time_zone',
        'currency',
        'gross_amount',
        'discount_amount',
        'tip_amount',
        'total_amount',
        'channel',
      ],
    ],
    rows: [
      [
        ...[
          'dXeN8QcYt2LhAs0aPqRz1FkT6eB',
          'Harbour Street',
          'sale',
          'closed',
          '2026-02-20',
          '2026-02-20 23:31:07+00',
        ],
        ...['America/New_York', 'USD', '1250.0000', '-50.0000', '180.0000', '1476.0000', 'Dine In'],
      ],
      [
        ...[
          'pLm3KjHgFd4SaZxCvBn5QwErTy6',
          'Harbour Street',
          'sale',
          'closed',
          '2026-02-20',
          '2026-02-21 04:58:41+00',
        ],
        ...['America/New_York', 'USD', '18.5000', '0.0000', '3.0000', '22.9800', 'To Go'],
      ],
      [
        ...[
          'qWe8RtYuIo9PaSdFgHj0KlZxCv1',
          'Harbour Street',
          'return',
          'closed',
          '2026-02-21',
          '2026-02-21 14:05:00+00',
        ],
        ...['America/New_York', 'USD', '-18.5000', '0.0000', '0.0000', '-19.9800', 'To Go'],
      ],
    ],
  },
  {
    vendor: 'toast',
    enablement: 'toast-orders',
    file: 'OrderDetails.csv',
    columns: [
      ...['transaction_id', 'receipt_number', 'business_date', 'opened_at', 'closed_at', 'status'],
      ...['tax_amount', 'tip_amount', 'total_amount', 'guest_count', 'channel', 'currency'],
    ],
    rows: [
      [
        ...[
          '1300000015734303122',
          '5001',
          '2026-02-20',
          '2026-02-20 23:17:00+00',
          '2026-02-21 00:48:00+00',
          'closed',
        ],
        ...['6.9200', '15.0000', '108.4200', '4', 'Dine In', 'USD'],
      ],
      [
        ...[
          '1300000015734303123',
          '5002',
          '2026-02-20',
          '2026-02-21 05:52:00+00',
          '2026-02-21 06:31:00+00',
          'closed',
        ],
        ...['1.9200', '4.8000', '30.7200', '2', 'Dine In', 'USD'],
      ],
      [
        ...['1300000015734303124', '5003', '2026-02-21', '2026-02-21 06:05:00+00', null, 'voided'],
        ...['1.1200', '0.0000', '15.1200', '1', 'Take Out', 'USD'],
      ],
    ],
  },
  {
    vendor: 'toast',
    enablement: 'toast-items',
    file: 'ItemSelectionDetails.csv',
    columns: [
      'line_id',
      'business_date',
      'sold_at',
      'sku',
      'item_name',
      'quantity',
      'tax_amount',
      'net_amount',
      'is_voided',
    ],
    rows: [
      [
        '1300000015734303101',
        '2026-02-20',
        '2026-02-20 23:20:00+00',
        '00412',
        'Margherita',
        '2.000000',
        '2.2400',
        '28.0000',
        'false',
      ],
      [
        '1300000015734303102',
        '2026-02-20',
        '2026-02-20 23:20:00+00',
        null,
        'House red 0.25 l',
        '2.000000',
        '0.5440',
        '6.8000',
        'false',
      ],
      [
        '1300000015734303103',
        '2026-02-21',
        '2026-02-21 06:06:00+00',
        '00412',
        'Margherita',
        '1.000000',
        '1.1200',
        '14.0000',
        'true',
      ],
    ],
  },
  {
    vendor: 'toast',
    enablement: 'toast-time-entries',
    file: 'TimeEntries.csv',
    columns: [
      ...['shift_id', 'employee_id', 'job_title', 'clock_in_at', 'clock_out_at', 'auto_clocked_out'],
      ...['unpaid_break_minutes', 'paid_break_minutes', 'regular_hours', 'overtime_hours', 'hourly_rate'],
    ],
    rows: [
      [
        ...[
          '900000004018475556',
          '900000000128688048',
          'Server',
          '2026-02-20 21:57:00+00',
          '2026-02-21 03:01:00+00',
          'false',
        ],
        ...['0', '10', '5.0700', '0.0000', '15.0000'],
      ],
      [
        ...[
          '900000004018475557',
          '900000000128688049',
          'Cook',
          '2026-02-20 20:00:00+00',
          '2026-02-21 07:15:00+00',
          'true',
        ],
        ...['30', '0', '8.0000', '2.7500', '19.5000'],
      ],
    ],
  },
  {
    vendor: 'clover',
    enablement: 'clover-payments',
    file: 'payments.csv',
    columns: [
      'transaction_id',
      'receipt_number',
      'opened_at',
      'closed_at',
      'business_date',
      'tip_amount',
      'total_amount',
      'status',
    ],
    rows: [
      [
        '8XK2M4P6Q8R0S',
        '000017',
        '2026-02-20 22:58:00+00',
        '2026-02-20 23:31:00+00',
        '2026-02-20',
        '9.0000',
        '57.6000',
        'closed',
      ],
      [
        '9YL3N5Q7R9S1T',
        '000018',
        '2026-11-01 05:28:00+00',
        '2026-11-01 05:30:00+00',
        '2026-11-01',
        null,
        '12.5000',
        'closed',
      ],
      [
        '0ZM4P6R8S0T2U',
        '000019',
        '2026-11-01 06:29:00+00',
        '2026-11-01 06:30:00+00',
        '2026-11-01',
        null,
        '8.0000',
        'closed',
      ],
    ],
  },
  {
    vendor: 'lightspeed',
    enablement: 'lightspeed-sales',
    file: 'sales.csv',
    columns: [
      'transaction_id',
      'customer_id',
      'opened_at',
      'business_date',
      'status',
      'tax_amount',
      'total_amount',
      'currency',
    ],
    rows: [
      ['41872', null, '2026-02-19 21:15:22+00', '2026-02-20', 'closed', '5.9200', '45.4000', 'NZD'],
      ['41873', 'C-0098', '2026-02-19 22:02:09+00', '2026-02-20', 'closed', '-4.8000', '-36.8000', 'NZD'],
      ['41874', null, '2026-02-19 23:40:51+00', '2026-02-20', 'open', '177.0000', '1357.0000', 'NZD'],
    ],
    warnings: ['3 rows were left out: only rows whose "Line Type" is "Sale" are loaded.'],
  },
  {
    vendor: 'shopify',
    enablement: 'shopify-orders',
    file: 'orders_export.csv',
    columns: [
      'transaction_id',
      'receipt_number',
      'location_id',
      'status',
      'business_date',
      'opened_at',
      'closed_at',
      'total_amount',
      'channel',
    ],
    rows: [
      [
        '5712340987654',
        '#1001',
        'online',
        'closed',
        '2026-02-20',
        '2026-02-20 09:58:12+00',
        '2026-02-20 10:00:00+00',
        '37.3800',
        'web',
      ],
      [
        '5712340987655',
        '#1002',
        'Harbour Street',
        'open',
        '2026-02-20',
        '2026-02-21 04:59:59+00',
        null,
        '1150.0000',
        'pos',
      ],
      [
        '5712340987656',
        '#1003',
        'online',
        'voided',
        '2026-02-21',
        '2026-02-21 13:00:00+00',
        null,
        '15.7900',
        'web',
      ],
    ],
    warnings: ['1 row was left out: only rows with a value in "Financial Status" are loaded.'],
  },
  {
    vendor: 'deputy',
    enablement: 'deputy-timesheets',
    file: 'timesheets.csv',
    columns: [
      'shift_id',
      'employee_id',
      'job_title',
      'business_date',
      'clock_in_at',
      'clock_out_at',
      'unpaid_break_minutes',
      'regular_hours',
      'currency',
    ],
    rows: [
      [
        '0017/20/02/2026/09:00:00',
        '0017',
        'Kitchen',
        '2026-02-20',
        '2026-02-19 22:00:00+00',
        '2026-02-20 06:30:00+00',
        '30',
        '8.0000',
        'AUD',
      ],
      [
        '0021/20/02/2026/18:00:00',
        '0021',
        'Bar',
        '2026-02-20',
        '2026-02-20 07:00:00+00',
        '2026-02-20 15:15:00+00',
        '45',
        '7.5000',
        'AUD',
      ],
      // The night in which daylight saving ends: six hours on the clock, seven of work.
      [
        '0021/04/04/2026/22:00:00',
        '0021',
        'Bar',
        '2026-04-04',
        '2026-04-04 11:00:00+00',
        '2026-04-04 18:00:00+00',
        '0',
        '7.0000',
        'AUD',
      ],
    ],
  },
];

describe('Exports as vendors write them, with the enablement of config/samples', () => {
  let pipeline: TestPipeline;

  before(async () => {
    pipeline = await startTestPipeline();
  });
  after(() => pipeline.close());

  for (const { vendor, enablement, file, columns, rows, warnings = [] } of SAMPLES) {
    it(`${vendor}/${file} becomes rows with every value as meant`, async () => {
      const { enablements } = await readManifests(`config/samples/${vendor}`);
      const manifest = enablements.find(({ metadata }) => metadata.name === enablement);
      assert.ok(manifest, enablement);
      const { schemaType, transformer } = manifest.spec;
      const schema = (await loadCatalogue('config/schemas')).get(schemaType);
      assert.ok(schema, schemaType);
      assert.deepEqual(validateTransformer(schema, transformer), []);
      const tenant = await pipeline.tenant([schemaType], transformer);
      const content = await readFile(`config/samples/${vendor}/${file}`);
      const upload = await pipeline.send({ tenant, schemaType, fileName: file, content });
      assert.deepEqual(upload.errors, []);
      assert.equal(upload.status, 'COMPLETED');
      assert.deepEqual(await pipeline.rows(tenant, schema.table, columns), rows);
      assert.deepEqual(
        upload.warnings.filter(({ code }) => code !== 'UNKNOWN_COLUMNS').map(({ message }) => message),
        warnings,
      );
    });
  }

  for (const { vendor, enablement } of SAMPLES) {
    it(`a template of ${enablement} can be sent as it is`, async () => {
      const { enablements } = await readManifests(`config/samples/${vendor}`);
      const { schemaType, transformer } =
        enablements.find(({ metadata }) => metadata.name === enablement)?.spec ?? {};
      assert.ok(schemaType && transformer);
      const schema = (await loadCatalogue('config/schemas')).get(schemaType);
      assert.ok(schema);
      const tenant = await pipeline.tenant([schemaType], transformer);
      const content = await writeToString(templateRows(schema, transformer), {
        includeEndRowDelimiter: true,
      });
      const upload = await pipeline.send({ tenant, schemaType, fileName: 'template.csv', content });
      assert.deepEqual([upload.status, upload.errors], ['COMPLETED', []], content);
      assert.equal(upload.rows?.loaded, 1);
    });
  }
});
