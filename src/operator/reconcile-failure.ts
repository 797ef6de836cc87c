import { ApiError } from './runtime/api-error.ts';

/** What a status may say about a failure. Messages of the database and of sockets name hosts and users. */
export function explainFailure(error: Error): string {
  if (error instanceof ApiError) return `The API server refused: ${error.message} It is tried again.`;
  const { code } = error as { code?: unknown };
  const detail = typeof code === 'string' && /^[A-Z0-9_]{2,30}$/.test(code) ? ` (${code})` : '';
  return `It could not be applied yet${detail} and is tried again. The operator's log says more.`;
}
