import { spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { join } from 'node:path';
import { CreateBucketCommand, S3Client } from '@aws-sdk/client-s3';
import { buildGoTools } from '../../tools/go-tools.mjs';
import { freePort, stopAtEnd, temporaryDirectory } from './servers.ts';

export interface TestS3 {
  readonly endpoint: string;
  readonly accessKeyId: string;
  readonly secretAccessKey: string;
  readonly client: S3Client;
  /** Ends the server at once, as a crash would. */
  kill(): Promise<void>;
}

let shared: Promise<TestS3> | undefined;
let buckets = 0;

/** The one S3 server of a test run. */
export function testS3(): Promise<TestS3> {
  shared ??= startS3();
  return shared;
}

/** A real S3 server (VersityGW) of the caller's own, on a temporary directory or the caller's. */
export async function startS3(own?: string): Promise<TestS3> {
  const program = join(buildGoTools('s3'), 'versitygw');
  const directory = own ?? (await temporaryDirectory('s3'));
  const port = await freePort();
  const accessKeyId = 'test';
  const secretAccessKey = randomBytes(16).toString('hex');
  const env = { PATH: process.env.PATH, ROOT_ACCESS_KEY: accessKeyId, ROOT_SECRET_KEY: secretAccessKey };
  const server = spawn(program, ['--quiet', '--port', `127.0.0.1:${port}`, 'posix', directory], {
    env,
    stdio: 'ignore',
  });
  const ended = new Promise<void>((resolve) => server.once('exit', () => resolve()));
  const kill = async () => {
    server.kill('SIGKILL');
    await ended;
  };
  stopAtEnd(kill);
  const endpoint = `http://127.0.0.1:${port}`;
  const client = s3ClientAt(endpoint, { accessKeyId, secretAccessKey }, { maxAttempts: 2 });
  await untilListening(endpoint);
  return { endpoint, accessKeyId, secretAccessKey, client, kill };
}

export function s3ClientAt(
  endpoint: string,
  { accessKeyId, secretAccessKey }: Pick<TestS3, 'accessKeyId' | 'secretAccessKey'>,
  options: { readonly maxAttempts?: number } = {},
): S3Client {
  return new S3Client({
    endpoint,
    region: 'us-east-1',
    forcePathStyle: true,
    credentials: { accessKeyId, secretAccessKey },
    requestChecksumCalculation: 'WHEN_REQUIRED',
    responseChecksumValidation: 'WHEN_REQUIRED',
    ...options,
  });
}

export async function newBucket({ client }: TestS3): Promise<string> {
  const Bucket = `test-${process.pid}-${++buckets}`;
  await client.send(new CreateBucketCommand({ Bucket }));
  return Bucket;
}

async function untilListening(endpoint: string): Promise<void> {
  for (let attempt = 0; attempt < 200; attempt += 1) {
    const answered = await fetch(endpoint).then(
      () => true,
      () => false,
    );
    if (answered) return;
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  throw new Error(`The S3 server did not start on ${endpoint}.`);
}
