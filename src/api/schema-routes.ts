import { writeToString } from 'fast-csv';
import type { FastifyInstance, FastifyRequest } from 'fastify';
import type { Column, SchemaType } from '../schemas/schema-type.ts';
import type { TransformerSpec } from '../schemas/transformer-spec.ts';
import type { ApiOptions } from './api-options.ts';
import { accessOf } from './authentication.ts';
import { attachment } from './content-disposition.ts';
import { Problem } from './problems.ts';

type Catalogue = ApiOptions['catalogue'];

/** A schema type as this organization's files have to be: its SchemaEnablement is taken into account. */
interface EnabledType {
  readonly schema: SchemaType;
  readonly transformer: TransformerSpec;
}

/** What may be sent: `GET /schemas` and `GET /schemas/{type}/template.csv`. */
export function schemaRoutes(app: FastifyInstance, catalogue: Catalogue): void {
  app.get('/schemas', async (request) => ({ schemas: enabledTypes(request, catalogue).map(schemaView) }));
  app.get('/schemas/:type/template.csv', async (request, reply) => {
    const { type } = request.params as { readonly type?: unknown };
    const enabled = enabledTypes(request, catalogue).find(({ schema }) => schema.name === type);
    if (!enabled)
      throw new Problem('NOT_FOUND', 'Your organization has no schema type of this name enabled.');
    reply
      .type('text/csv; charset=utf-8')
      .header('content-disposition', attachment(`${enabled.schema.name}.csv`));
    return template(enabled);
  });
}

function enabledTypes(request: FastifyRequest, catalogue: Catalogue): EnabledType[] {
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
  const columns = columnsOfFile({ schema, transformer }).map(({ column, header, required }) => ({
    name: column.name,
    header,
    type: column.type,
    required,
    description: column.description,
    example: column.example,
    aliases: column.aliases,
    ...(column.enum && { enum: column.enum }),
  }));
  return { schemaType: name, title, description, naturalKey, columns };
}

interface FileColumn {
  readonly column: Column;
  /** How this organization's exports call it. */
  readonly header: string;
  /** False also where the enablement has a value for rows that have none. */
  readonly required: boolean;
}

/** The columns that a file brings; those with a constant value are not looked up in it. */
function columnsOfFile({ schema, transformer }: EnabledType): FileColumn[] {
  const specs = new Map(transformer.columns.map((spec) => [spec.name, spec]));
  return schema.columns
    .filter((column) => specs.get(column.name)?.constant === undefined)
    .map((column) => {
      const spec = specs.get(column.name);
      const required = column.required && spec?.default === undefined;
      return { column, header: spec?.header ?? column.name, required };
    });
}

/** A header line and an example row: a file that can be sent as it is. */
function template(enabled: EnabledType): Promise<string> {
  const columns = columnsOfFile(enabled);
  const { decimalSeparator } = enabled.transformer;
  const example = ({ column }: FileColumn) =>
    column.type === 'number' ? column.example.replace('.', decimalSeparator) : column.example;
  const rows = [columns.map(({ header }) => header), columns.map(example)];
  return writeToString(rows, { rowDelimiter: '\r\n', includeEndRowDelimiter: true });
}
