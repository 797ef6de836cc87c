import { readdirSync } from 'node:fs';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';

/** The wall clock of a process, which can be set while it runs; its monotonic clock goes on as ever. */
export interface Clock {
  /** For the environment of the process that is to live by this clock. */
  readonly environment: Readonly<Record<string, string>>;
  /** How far it is ahead of the true time; negative: behind. The process sees it within two seconds. */
  set(seconds: number): Promise<void>;
}

/** Where Debian's package faketime has its library; undefined: it is not installed. */
export function faketimeLibrary(): string | undefined {
  for (const directory of ['/usr/lib', '/usr/local/lib'])
    for (const name of namesIn(directory))
      if (namesIn(join(directory, name, 'faketime')).includes('libfaketimeMT.so.1'))
        return join(directory, name, 'faketime', 'libfaketimeMT.so.1');
  return undefined;
}

function namesIn(directory: string): string[] {
  try {
    return readdirSync(directory);
  } catch {
    return [];
  }
}

/** A clock that is right; `file` is where it is kept. */
export async function makeClock(library: string, file: string): Promise<Clock> {
  const set = (seconds: number) => writeFile(file, `${seconds < 0 ? '' : '+'}${seconds}\n`, { mode: 0o644 });
  await set(0);
  return {
    environment: {
      LD_PRELOAD: library,
      FAKETIME_TIMESTAMP_FILE: file,
      FAKETIME_CACHE_DURATION: '1',
      FAKETIME_DONT_FAKE_MONOTONIC: '1',
    },
    set,
  };
}
