import { writeToString } from 'fast-csv';
import type { FastifyInstance, FastifyRequest } from 'fastify';
import { fileColumns, templateRows } from '../schemas/file-columns.ts';
import type { SchemaType } from '../schemas/schema-type.ts';
import type { TransformerSpec } from '../schemas/transformer-spec.ts';
import type { ApiOptions } from './api-options.ts';
import { accessOf } from './authentication.ts';
import { attachment } from './content-disposition.ts';
import { ref } from './openapi/components.ts';
import { ETAG_HEADER, json, NOT_MODIFIED, problems, textOf, WITH_TOKEN } from './openapi/responses.ts';
import { Problem } from './problems.ts';
import { query } from './query-parameters.ts';

type Catalogue = ApiOptions['catalogue'];
type TypeRequest = FastifyRequest<{ Params: { readonly type: string } }>;

/** A schema type as this organization's files have to be: its SchemaEnablement is taken into account. */
interface EnabledType {
  readonly schema: SchemaType;
  readonly transformer: TransformerSpec;
}

/** What may be sent: `GET /schemas`, `GET /schemas/{type}` and `GET /schemas/{type}/template.csv`. */
export function schemaRoutes(app: FastifyInstance, catalogue: Catalogue): void {
  app.get('/schemas', { schema: LIST }, async (request) => ({
    schemas: enabledTypes(request, catalogue).map(schemaView),
  }));
  app.get('/schemas/:type', { schema: DOCUMENT }, async (request: TypeRequest) =>
    schemaView(enabledType(request, catalogue)),
  );
  app.get('/schemas/:type/template.csv', { schema: TEMPLATE }, async (request: TypeRequest, reply) => {
    const enabled = enabledType(request, catalogue);
    reply
      .type('text/csv; charset=utf-8')
      .header('content-disposition', attachment(`${enabled.schema.name}.csv`));
    return template(enabled);
  });
}

/** @throws {Problem} the same for a type that there is not and for one that is not enabled */
function enabledType(request: TypeRequest, catalogue: Catalogue): EnabledType {
  const enabled = enabledTypes(request, catalogue).find(({ schema }) => schema.name === request.params.type);
  if (!enabled) throw new Problem('NOT_FOUND', 'Your organization has no schema type of this name enabled.');
  return enabled;
}

function enabledTypes(request: Pick<FastifyRequest, 'access'>, catalogue: Catalogue): EnabledType[] {
  const { schemaTypes } = accessOf(request);
  return [...schemaTypes]
    .flatMap(([name, transformer]) => {
      const schema = catalogue.get(name);
      return schema ? [{ schema, transformer }] : [];
    })
    .sort((one, other) => (one.schema.name < other.schema.name ? -1 : 1));
}

function schemaView({ schema, transformer }: EnabledType) {
  const { name, title, description, naturalKey } = schema;
  const columns = fileColumns(schema, transformer).map(({ column, headers, required, examples }) => ({
    name: column.name,
    header: headers[0],
    ...(headers.length > 1 && { headers }),
    type: column.type,
    required,
    description: column.description,
    example: examples[0],
    aliases: column.aliases,
    ...(column.enum && { enum: column.enum }),
  }));
  return { schemaType: name, title, description, naturalKey, columns };
}

function template({ schema, transformer }: EnabledType): Promise<string> {
  return writeToString(templateRows(schema, transformer), {
    rowDelimiter: '\r\n',
    includeEndRowDelimiter: true,
  });
}

const route = { tags: ['Schema types'], querystring: query({}) };

const ofType = {
  ...route,
  params: {
    type: 'object',
    properties: { type: { type: 'string', description: 'The name of a schema type.' } },
    required: ['type'],
  },
};

const LIST = {
  ...route,
  operationId: 'listSchemaTypes',
  summary: 'The schema types that your organization may send',
  response: {
    200: json(
      'The enabled schema types, by name.',
      {
        type: 'object',
        properties: { schemas: { type: 'array', items: ref('SchemaType') } },
        required: ['schemas'],
        additionalProperties: false,
      },
      ETAG_HEADER,
    ),
    ...NOT_MODIFIED,
    ...problems(...WITH_TOKEN, 'INVALID_PARAMETER'),
  },
};

const DOCUMENT = {
  ...ofType,
  operationId: 'getSchemaType',
  summary: 'What a file of a schema type has to look like',
  response: {
    200: json('The schema type.', ref('SchemaType'), ETAG_HEADER),
    ...NOT_MODIFIED,
    ...problems(...WITH_TOKEN, 'INVALID_PARAMETER', 'NOT_FOUND'),
  },
};

const TEMPLATE = {
  ...ofType,
  operationId: 'getTemplate',
  summary: 'A header line and an example row: a file that can be sent as it is',
  response: {
    200: textOf('text/csv', 'The template.'),
    ...NOT_MODIFIED,
    ...problems(...WITH_TOKEN, 'INVALID_PARAMETER', 'NOT_FOUND'),
  },
};
