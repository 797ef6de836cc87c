import { spawnSync } from 'node:child_process';
import type { Context } from 'mocha';

/**
 * Skips a suite whose client is missing, loudly; in CI it fails instead, because there `.ci/run` has installed
 * every client.
 */
export function requireClient(context: Context, name: string, isThere: boolean): void {
  if (isThere) return;
  const message = `${name} is not installed: its suite did not run. Install it as .ci/run does.`;
  if (process.env.CI === 'true') throw new Error(message);
  process.stderr.write(`\n    !! ${message}\n\n`);
  context.skip();
}

export function hasProgram(name: string): boolean {
  return spawnSync('sh', ['-c', `command -v ${name}`]).status === 0;
}

/** Path of a Python that has a module: whichever is first on the PATH, or Debian's own. */
export function pythonWith(module: string): string | undefined {
  for (const python of ['python3', '/usr/bin/python3']) {
    const script = `import ${module}, sys; print(sys.executable)`;
    const { status, stdout } = spawnSync(python, ['-c', script], { encoding: 'utf8' });
    if (status === 0) return stdout.trim();
  }
  return undefined;
}
