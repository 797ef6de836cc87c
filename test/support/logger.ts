import { type Level, type Logger, pino } from 'pino';

export const silentLogger = pino({ level: process.env.TEST_LOG_LEVEL ?? 'silent' });

type Line = Readonly<Record<string, unknown>>;

/** Keeps what was logged, from `debug` on. */
export class RecordingLogger {
  readonly lines: Line[] = [];
  readonly logger: Logger;

  constructor() {
    const write = (line: string) => {
      this.lines.push(JSON.parse(line) as Line);
    };
    this.logger = pino({ level: 'debug' }, { write });
  }

  find(matches: (line: Line) => boolean): Line | undefined {
    return this.lines.find(matches);
  }

  /** Lines of a level and above. */
  count(level: Level): number {
    return this.lines.filter((line) => Number(line.level) >= (pino.levels.values[level] ?? 0)).length;
  }
}
