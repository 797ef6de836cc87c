import { readdirSync, readFileSync } from 'node:fs';

const TICKS_PER_SECOND = 100;

interface Process {
  readonly parent: number;
  readonly ownTicks: number;
  readonly reapedTicks: number;
}

function readProcess(pid: number): Process | undefined {
  try {
    const text = readFileSync(`/proc/${pid}/stat`, 'utf8');
    const fields = text
      .slice(text.lastIndexOf(')') + 2)
      .split(' ')
      .map(Number);
    const [, parent = 0] = fields;
    const [user = 0, system = 0, childUser = 0, childSystem = 0] = fields.slice(11, 15);
    return { parent, ownTicks: user + system, reapedTicks: childUser + childSystem };
  } catch {
    return undefined;
  }
}

/** The process and everything that it started, directly or not. */
function family(root: number): Map<number, Process> {
  const all = new Map<number, Process>();
  for (const name of readdirSync('/proc')) {
    const process = /^\d+$/.test(name) ? readProcess(Number(name)) : undefined;
    if (process) all.set(Number(name), process);
  }
  const belongs = (pid: number): boolean =>
    pid === root || ((all.get(pid)?.parent ?? 0) > 1 && belongs(all.get(pid)?.parent ?? 0));
  return new Map([...all].filter(([pid]) => belongs(pid)));
}

/** CPU time that a server has used so far, its children included, also those that have ended, in seconds. */
export function cpuSeconds(root: number): number {
  let ticks = 0;
  for (const process of family(root).values()) ticks += process.ownTicks + process.reapedTicks;
  return ticks / TICKS_PER_SECOND;
}

/** Memory of a server and its children, shared pages counted once (PSS), in bytes. */
export function memoryBytes(root: number): number {
  let kilobytes = 0;
  for (const pid of family(root).keys()) {
    try {
      kilobytes += Number(/^Pss:\s+(\d+)/m.exec(readFileSync(`/proc/${pid}/smaps_rollup`, 'utf8'))?.[1] ?? 0);
    } catch {
      // It ended in between.
    }
  }
  return kilobytes * 1024;
}
