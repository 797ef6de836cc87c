import { ref } from './components.ts';
import { json, problems, WITH_TOKEN } from './responses.ts';

/** `POST /upload`, as the document describes it. */
export const sendFile = {
  operationId: 'sendFile',
  tags: ['Uploads'],
  summary: 'Send a file',
  description:
    'Put schemaType and idempotencyKey before file. 202: the file is stored and will be processed, whatever happens. ' +
    'Anything else: nothing was stored.',
  consumes: ['multipart/form-data'],
  querystring: {
    type: 'object',
    properties: { schemaType: { type: 'string', description: 'In place of the field.' } },
  },
  headers: {
    type: 'object',
    properties: {
      'idempotency-key': {
        type: 'string',
        minLength: 1,
        maxLength: 255,
        description:
          'In place of the field, bare or quoted as in the IETF draft. Stands for the file for 24 hours.',
      },
    },
  },
  body: {
    type: 'object',
    properties: {
      schemaType: {
        type: 'string',
        description: 'What the file has; GET /api/external/schemas lists the names.',
      },
      idempotencyKey: {
        type: 'string',
        minLength: 1,
        maxLength: 255,
        description: 'Stands for the file for 24 hours.',
      },
      file: {
        type: 'string',
        format: 'binary',
        description: 'CSV or JSON, by its name or its content type.',
      },
    },
    required: ['file'],
  },
  response: {
    202: json('The file is stored and will be processed.', ref('Upload'), {
      location: { type: 'string', description: 'Where its status is.' },
      'idempotency-key-expires': {
        type: 'string',
        description: 'Until when the idempotency key stands for the file.',
      },
      'idempotency-replayed': {
        type: 'string',
        description: 'true: an earlier request with this key brought the file.',
      },
    }),
    ...problems(
      ...WITH_TOKEN,
      'INVALID_PARAMETER',
      'MALFORMED_MULTIPART',
      'TOO_MANY_PARTS',
      'FIELD_TOO_LONG',
      'FIELDS_AFTER_FILE',
      'MISSING_SCHEMA_TYPE',
      'MISSING_FILE',
      'MULTIPLE_FILES',
      'INCOMPLETE_FILE',
      'BAD_FILE_NAME',
      'INVALID_IDEMPOTENCY_KEY',
      'ACCESS_REVOKED',
      'SCHEMA_NOT_ENABLED',
      'IDEMPOTENCY_KEY_IN_USE',
      'FILE_TOO_LARGE',
      'UNSUPPORTED_MEDIA_TYPE',
      'UNSUPPORTED_FILE_FORMAT',
      'EMPTY_FILE',
      'UNUSABLE_FILE',
      'IDEMPOTENCY_KEY_REUSED',
      'TOO_MANY_UPLOADS',
      'DRAINING',
    ),
  },
};
