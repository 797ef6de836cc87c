type Write = (fields: Readonly<Record<string, unknown>>, message: string) => void;

/** What the runtime needs of a logger; pino has it. */
export interface Logger {
  readonly debug: Write;
  readonly info: Write;
  readonly warn: Write;
  readonly error: Write;
}
