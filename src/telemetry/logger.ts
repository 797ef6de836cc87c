import { type Logger, pino } from 'pino';

export type { Logger };

/** Fields whose values never reach a log, wherever in an object they stand. */
const SECRET_FIELDS = [
  'client_secret',
  'clientSecret',
  'password',
  'secret',
  'authorization',
  'access_token',
  'token',
];

export interface LoggerOptions {
  /** The process's role: `gateway`, `api`, `worker`, `standalone`, … */
  readonly role: string;
  readonly level: string;
  readonly format: 'json' | 'text';
}

/** Logs to standard error as JSON, or as text for people; standard output is left to what commands print. */
export function createLogger({ role, level, format }: LoggerOptions): Logger {
  const redact = {
    paths: SECRET_FIELDS.flatMap((field) => [field, `*.${field}`, `*.*.${field}`]),
    censor: '[secret]',
  };
  const options = { level, redact, base: { role }, timestamp: pino.stdTimeFunctions.isoTime };
  if (format === 'json') return pino(options, pino.destination({ dest: 2, sync: false }));
  return pino({
    ...options,
    transport: {
      target: 'pino-pretty',
      options: { destination: 2, ignore: 'pid,hostname,role', translateTime: 'HH:MM:ss', singleLine: true },
    },
  });
}
