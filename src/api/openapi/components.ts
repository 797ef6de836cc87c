import type { FastifyInstance } from 'fastify';
import type { RowCounts, UploadSource, UploadStatus } from '../../intake/uploads.ts';
import { PROBLEM_TYPES } from '../problem-catalogue.ts';

/** Refers to a component by the name that the document shows. */
export const ref = (name: ComponentName) => ({ $ref: `${name}#` });

type ComponentName = 'Fault' | 'Problem' | 'SchemaType' | 'Upload' | 'UploadDetail' | 'Warning';

type JsonSchema = Readonly<Record<string, unknown>>;

const object = (properties: JsonSchema, optional: readonly string[] = []) => ({
  type: 'object',
  properties,
  required: Object.keys(properties).filter((name) => !optional.includes(name)),
  additionalProperties: false,
});

const text = (description: string, more: JsonSchema = {}) => ({ type: 'string', description, ...more });
const textOrNull = (description: string) => ({ type: ['string', 'null'], description });
const time = (description: string) => ({ type: ['string', 'null'], format: 'date-time', description });
const milliseconds = (description: string) => ({ type: ['integer', 'null'], minimum: 0, description });
const list = (items: JsonSchema, description: string) => ({ type: 'array', items, description });
const path = (description: string) => text(description, { format: 'uri-reference' });

/** Every status, in the order of an upload's life. A status that is missing here does not compile. */
const STATUS_ORDER: Readonly<Record<UploadStatus, number>> = {
  RECEIVING: 0,
  PENDING: 1,
  PROCESSING: 2,
  COMPLETED: 3,
  PARTIALLY_COMPLETED: 4,
  FAILED: 5,
  ABANDONED: 6,
};
export const STATUSES = Object.keys(STATUS_ORDER) as UploadStatus[];
export const SOURCES: readonly UploadSource[] = ['sftp', 'http'];

const ROW_COUNTS: Readonly<Record<keyof RowCounts, JsonSchema>> = {
  total: { type: 'integer', description: 'Rows of the file.' },
  loaded: { type: 'integer', description: 'Rows that are new or changed something.' },
  unchanged: {
    type: 'integer',
    description: 'Rows that were there already, or are superseded by later ones.',
  },
  rejected: { type: 'integer', description: 'Rows with errors.' },
};

const upload = {
  uploadId: text('A UUID version 7 (RFC 9562).', { format: 'uuid' }),
  status: text('PARTIALLY_COMPLETED: some rows were rejected. ABANDONED: never received completely.', {
    enum: STATUSES,
  }),
  schemaType: text('The name of a schema type.'),
  fileName: text('As the client named it.'),
  source: text('How the file came.', { enum: SOURCES }),
  sizeBytes: { type: ['integer', 'null'], description: 'Size of the file.' },
  sha256: textOrNull('Of the file, in hexadecimal: compare it with your own.'),
  receivedAt: time('When the file was acknowledged.'),
  startedAt: time('When its processing began.'),
  completedAt: time('When its status became final.'),
  rows: { ...object(ROW_COUNTS), type: ['object', 'null'] },
  errors: list(ref('Fault'), 'The first ten; all of them are at …/errors.'),
  warnings: list(ref('Warning'), 'What did not stop the file.'),
  retryable: {
    type: 'boolean',
    description: 'True when the service, not the file, was at fault: an administrator can run it again.',
  },
  duplicateOf: { ...textOrNull('An earlier upload with the same bytes.'), format: 'uuid' },
};

const timings = object({
  receivingMs: milliseconds('From the first byte to the acknowledgement.'),
  waitingMs: milliseconds('From the acknowledgement to the start of its processing.'),
  processingMs: milliseconds('From the start of its processing to its final status.'),
  totalMs: milliseconds('From the first byte to its final status.'),
});

const links = object(
  {
    self: path('This upload.'),
    status: path('Its status; ?wait= waits for the final one.'),
    events: path('Its changes of status as server-sent events.'),
    errors: path('All stored errors, in pages.'),
    rejects: path('The rejected rows, to be mended and sent again. Absent when there are none.'),
    schema: path('The schema type.'),
  },
  ['rejects'],
);

const column = object(
  {
    name: text('The column of the table.'),
    header: text('How the files of your organization call it.'),
    headers: list(
      { type: 'string' },
      'The headers that carry it together, when it is put together from several.',
    ),
    type: text('The type of its values.'),
    required: { type: 'boolean', description: 'True when every row needs a value.' },
    description: text('What it means.'),
    example: text('A value as it may stand in a file.'),
    aliases: list({ type: 'string' }, 'Other headers that are understood.'),
    enum: list({ type: 'string' }, 'The only values, when there are only some.'),
  },
  ['headers', 'enum'],
);

const COMPONENTS: Readonly<Record<ComponentName, JsonSchema>> = {
  Fault: {
    description: 'What is wrong in a file, and where.',
    ...object({
      line: {
        type: ['integer', 'null'],
        description: 'Of a CSV file from 1, the header; of JSON the record.',
      },
      column: textOrNull('The column, when one is at fault.'),
      code: text('Stable.'),
      message: text('A sentence for people.'),
      value: textOrNull('The value as it stands in the file, shortened.'),
    }),
  },
  Warning: { description: 'A remark.', ...object({ code: text('Stable.'), message: text('A sentence.') }) },
  Upload: { description: 'An upload. Null: not known, or not yet.', ...object(upload) },
  UploadDetail: {
    description: 'An upload with the time that each stage took, and where to go from it.',
    ...object({ ...upload, timings, links }),
  },
  SchemaType: {
    description: 'What a file of this type has to look like, for your organization.',
    ...object({
      schemaType: text('Its name.'),
      title: text('Its title.'),
      description: text('What it is for.'),
      naturalKey: list(
        { type: 'string' },
        'Rows with the same values here are one row: the later one counts.',
      ),
      columns: list(column, 'The columns that a file brings.'),
    }),
  },
  Problem: {
    description: 'Problem details (RFC 9457). The type leads to a page about it.',
    type: 'object',
    properties: {
      type: text('/problems/CODE', { enum: PROBLEM_TYPES }),
      title: text('The same for every problem of the type.'),
      status: { type: 'integer', minimum: 400, maximum: 599 },
      detail: text('What was wrong this time.'),
      instance: path('The path that was asked for.'),
      code: text('Stable; of an UNUSABLE_FILE the code of its fault.'),
    },
    required: ['type', 'title', 'status', 'detail', 'code'],
    additionalProperties: true,
  },
};

export function addComponents(app: FastifyInstance): void {
  for (const [name, schema] of Object.entries(COMPONENTS)) app.addSchema({ $id: name, ...schema });
}
