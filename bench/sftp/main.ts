import { spawn } from 'node:child_process';
import { createWriteStream, existsSync } from 'node:fs';
import { chmod, mkdir, mkdtemp, rm } from 'node:fs/promises';
import { cpus, tmpdir } from 'node:os';
import { join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { parseArgs } from 'node:util';
import { generateTransactions } from '../../test/support/csv-files.ts';
import { stopTestServers } from '../../test/support/servers.ts';
import { gosftp, gosftpCommand, sftpPut } from './clients.ts';
import { startPiing } from './gateway.ts';
import { type Peer, startProftpd, startSshd } from './peers.ts';
import { cpuSeconds, memoryBytes } from './processes.ts';
import { printTable, type Row } from './table.ts';

const HELP = `Measures the SFTP gateway beside OpenSSH's sshd and ProFTPD's mod_sftp, in interleaved runs.
  --runs N       runs of each transfer (default 5)
  --only LIST    of: transfer, parallel, logins, latency, idle, crowd (default: all)
Needs Linux, root, and Debian's openssh-server, proftpd-mod-crypto, sshpass and openssl.`;

const { values } = parseArgs({
  options: {
    runs: { type: 'string', default: '5' },
    only: { type: 'string', default: 'transfer,parallel,logins,latency,idle,crowd' },
    help: { type: 'boolean', default: false },
  },
});
const runs = Number(values.runs);
const MB = 1e6;
const CIPHERS = ['aes128-gcm@openssh.com', 'aes256-ctr', 'chacha20-poly1305@openssh.com'];

interface Bench {
  readonly piing: Peer & { clean(): Promise<void> };
  readonly peers: readonly Peer[];
  /** A CSV of 103 MB, and its size. */
  readonly large: string;
  readonly largeBytes: number;
  readonly small: string;
}

/** Server CPU and wall time of one file of 100 MB, put by OpenSSH's sftp, login included. */
async function transfer({ piing, peers, large, largeBytes }: Bench): Promise<Row[]> {
  const rows: Row[] = [];
  for (const cipher of CIPHERS) {
    const cpu = new Map<string, number[]>();
    const wall = new Map<string, number[]>();
    for (let run = 0; run <= runs; run += 1) {
      for (const peer of peers) {
        if (peer.name === 'ProFTPD' && cipher.startsWith('chacha')) continue;
        const before = cpuSeconds(peer.pid);
        const seconds = await sftpPut(peer, large, { cipher, name: 'large.csv' });
        const used = (await settledCpu(peer)) - before;
        await piing.clean();
        // The first run warms up.
        if (run === 0) continue;
        push(cpu, peer.name, (used / largeBytes) * 100 * MB);
        push(wall, peer.name, (seconds / largeBytes) * 100 * MB);
      }
    }
    rows.push({ what: `CPU s per 100 MB, ${cipher}`, samples: cpu, better: 'less' });
    rows.push({ what: `wall s per 100 MB, ${cipher}`, samples: wall, better: 'less' });
  }
  return rows;
}

/** Eight files of 100 MB at once, each on a connection of its own. */
async function parallel({ piing, peers, large, largeBytes }: Bench): Promise<Row[]> {
  const rate = new Map<string, number[]>();
  for (let run = 0; run < runs; run += 1) {
    for (const peer of peers) {
      const begun = performance.now();
      const puts = Array.from({ length: 8 }, (_, index) =>
        sftpPut(peer, large, { cipher: 'aes128-gcm@openssh.com', name: `p${index}.csv` }),
      );
      await Promise.all(puts);
      push(rate, peer.name, (8 * largeBytes) / MB / ((performance.now() - begun) / 1_000));
      await piing.clean();
    }
  }
  return [{ what: 'MB/s, 8 files of 100 MB at once', samples: rate, better: 'more' }];
}

/** Connect, log in, put 1 KB, quit. */
async function logins({ piing, peers, small }: Bench): Promise<Row[]> {
  const rows: Row[] = [];
  for (const [concurrency, count] of [
    [1, 100],
    [20, 400],
  ] as const) {
    const rate = new Map<string, number[]>();
    const cpu = new Map<string, number[]>();
    for (let run = 0; run < runs; run += 1) {
      for (const peer of peers) {
        const before = cpuSeconds(peer.pid);
        const flags = ['-n', String(count), '-c', String(concurrency)];
        const done = await gosftp<{ seconds: number }>(peer, ['logins', small], flags);
        push(rate, peer.name, count / done.seconds);
        push(cpu, peer.name, (((await settledCpu(peer)) - before) / count) * 1_000);
        await piing.clean();
      }
    }
    rows.push({
      what: `logins with a 1 KB put per s, ${concurrency} at a time`,
      samples: rate,
      better: 'more',
    });
    rows.push({ what: `CPU ms per login, ${concurrency} at a time`, samples: cpu, better: 'less' });
  }
  return rows;
}

/** A 1 KB put on an open session. */
async function latency({ piing, peers, small }: Bench): Promise<Row[]> {
  const p50 = new Map<string, number[]>();
  const p99 = new Map<string, number[]>();
  for (let run = 0; run < runs; run += 1) {
    for (const peer of peers) {
      const times = await gosftp<{ p50: number; p99: number }>(peer, ['latency', small], ['-n', '300']);
      push(p50, peer.name, times.p50);
      push(p99, peer.name, times.p99);
      await piing.clean();
    }
  }
  return [
    { what: 'µs for a 1 KB put on an open session, p50', samples: p50, better: 'less' },
    { what: 'µs for a 1 KB put on an open session, p99', samples: p99, better: 'less' },
  ];
}

/** What 500 idle sessions add to a server's memory. */
async function idle({ peers }: Bench): Promise<Row[]> {
  const at0 = new Map<string, number[]>();
  const each = new Map<string, number[]>();
  for (const peer of peers) {
    const before = memoryBytes(peer.pid);
    const { program, args, env } = gosftpCommand(peer, ['idle'], ['-n', '500', '-c', '10']);
    const child = spawn(program, args, {
      env: { ...process.env, ...env },
      stdio: ['pipe', 'pipe', 'inherit'],
    });
    await new Promise<void>((resolve, reject) => {
      child.stdout.once('data', () => resolve());
      child.once('exit', (code) => reject(new Error(`the client ended with ${code}`)));
    });
    await pause(3_000);
    push(at0, peer.name, before / MB);
    push(each, peer.name, (memoryBytes(peer.pid) - before) / 500 / 1e3);
    child.stdin.end();
    await new Promise((resolve) => child.once('exit', resolve));
  }
  return [
    { what: 'MB of memory (PSS) with no session, before', samples: at0, better: 'less' },
    { what: 'KB of memory (PSS) per idle session, of 500', samples: each, better: 'less' },
  ];
}

/** Peak memory with 200 uploads of 100 MB at once; ours only, as the others take a process for each. */
async function crowd({ piing, large, largeBytes }: Bench): Promise<Row[]> {
  let peak = 0;
  const watch = setInterval(() => {
    peak = Math.max(peak, memoryBytes(piing.pid));
  }, 250);
  const before = cpuSeconds(piing.pid);
  const { seconds } = await gosftp<{ seconds: number }>(piing, ['put', large], ['-n', '200', '-c', '200']);
  clearInterval(watch);
  const used = (await settledCpu(piing)) - before;
  await piing.clean();
  return [
    {
      what: 'MB of memory (PSS), peak, 200 × 100 MB at once',
      samples: only(piing, peak / MB),
      better: 'less',
    },
    {
      what: 'MB/s, 200 × 100 MB at once',
      samples: only(piing, (200 * largeBytes) / MB / seconds),
      better: 'more',
    },
    {
      what: 'CPU s per 100 MB, 200 at once',
      samples: only(piing, (used / 200 / largeBytes) * 100 * MB),
      better: 'less',
    },
  ];
}

const only = (peer: Peer, value: number) => new Map([[peer.name, [value]]]);
const pause = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));

function push(samples: Map<string, number[]>, name: string, value: number): void {
  samples.set(name, [...(samples.get(name) ?? []), value]);
}

/** Processes of a session end a little after their client has gone, and their parent counts them then. */
async function settledCpu(peer: Peer): Promise<number> {
  await pause(200);
  return cpuSeconds(peer.pid);
}

async function main(): Promise<void> {
  if (values.help) return void process.stdout.write(`${HELP}\n`);
  const directory = await mkdtemp(join(tmpdir(), 'piing-bench-'));
  // ProFTPD's sessions run as nobody.
  await chmod(directory, 0o755);
  try {
    const place = async (name: string) => {
      const path = join(directory, name);
      await mkdir(path);
      return path;
    };
    const large = join(directory, 'large.csv');
    const rows = generateTransactions(700_000);
    let largeBytes = 0;
    await pipeline(
      rows.bytes,
      async function* count(source) {
        for await (const chunk of source) {
          largeBytes += chunk.length;
          yield chunk;
        }
      },
      createWriteStream(large),
    );
    const small = join(directory, 'small.csv');
    await pipeline(generateTransactions(6).bytes, createWriteStream(small));
    const piing = await startPiing(await place('piing'));
    const peers: Peer[] = [piing];
    if (existsSync('/usr/sbin/sshd')) peers.push(await startSshd(await place('sshd')));
    if (existsSync('/usr/sbin/proftpd')) peers.push(await startProftpd(await place('proftpd')));
    const bench: Bench = { piing, peers, large, largeBytes, small };
    const scenarios = { transfer, parallel, logins, latency, idle, crowd };
    process.stdout.write(
      `${cpus().length} × ${cpus()[0]?.model}, Node ${process.version}, ${runs} runs, client on the same cores\n`,
    );
    for (const [name, scenario] of Object.entries(scenarios)) {
      if (!values.only.split(',').includes(name)) continue;
      printTable(peers, await scenario(bench));
    }
  } finally {
    await stopTestServers();
    await rm(directory, { recursive: true, force: true });
  }
}

await main();
