import { readFileSync } from 'node:fs';
import { collectDefaultMetrics, Gauge, Registry } from 'prom-client';

/** From package.json, which lies beside `src/` and beside `dist/`. */
export const { version } = JSON.parse(
  readFileSync(new URL('../../package.json', import.meta.url), 'utf8'),
) as { version: string };

/** A registry with what every process has: Node's runtime and what was built. */
export function createRegistry(role: string): Registry {
  const registry = new Registry();
  collectDefaultMetrics({ register: registry });
  new Gauge({
    name: 'piing_build_info',
    help: 'Always 1; the version and the role of this process',
    labelNames: ['version', 'role'],
    registers: [registry],
  }).set({ version, role }, 1);
  return registry;
}
