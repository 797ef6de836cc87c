import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import type { Socket } from 'node:net';
import { Duplex, PassThrough } from 'node:stream';
import { defaultSftpLimits } from '../../../src/gateway/limits.ts';
import { ClientFiles } from '../../../src/gateway/session/client-files.ts';
import { ReadAhead, ReadAheadBudget } from '../../../src/gateway/session/read-ahead.ts';
import { SftpSession } from '../../../src/gateway/session/sftp-session.ts';
import type { ServerChannel } from '../../../src/gateway/ssh2/index.ts';
import { createIntake, type Intake } from '../../../src/intake/intake.ts';
import { Refusal } from '../../../src/intake/refusal.ts';
import type { ReceivedFile, UploadRecords } from '../../../src/intake/upload-records.ts';
import { readFirstRecord } from '../../../src/pipeline/read/read-file.ts';
import { DEFAULT_TRANSFORMER } from '../../../src/schemas/transformer-spec.ts';
import type { RawObjectWriter, RawStore } from '../../../src/storage/raw-store.ts';
import type { ClientId, OrganizationId } from '../../../src/support/ids.ts';
import { createMetrics } from '../../../src/telemetry/metrics.ts';
import type { Access } from '../../../src/tenancy/access.ts';
import { KINDS } from '../../pipeline/support.ts';
import { silentLogger } from '../../support/logger.ts';

/** So small that inputs meet them. */
const MAX_FILE_BYTES = 1_500;
const LIMITS = defaultSftpLimits({
  openFiles: 3,
  stagedFiles: 2,
  handles: 5,
  nameBytes: 60,
  aheadBytes: 500,
});

/** One end of a channel: what the peer sends is pushed, what is sent to it is kept. */
export class FakeChannel extends Duplex {
  readonly #sent: Buffer[] = [];

  get sent(): Buffer {
    return Buffer.concat(this.#sent);
  }

  get asServerChannel(): ServerChannel {
    return this as unknown as ServerChannel;
  }

  exit(): void {}

  override _read(): void {}

  override _write(chunk: Buffer, _encoding: string, done: () => void): void {
    this.#sent.push(Buffer.from(chunk));
    done();
  }
}

/**
 * The world around a session, in memory. A search tries thousands of sessions a second, and what the database and
 * the store do is not what it looks for; tests with real ones are in `test/gateway`.
 */
export function openWorld() {
  const metrics = createMetrics();
  const access: Access = {
    organizationId: 'fuzz' as OrganizationId,
    clientId: 'piing_fuzz' as ClientId,
    credentialName: 'fuzz',
    maxFileBytes: null,
    schemaTypes: new Map([[KINDS.name, DEFAULT_TRANSFORMER]]),
  };
  const visit = () => {
    const kept = new Kept();
    const budget = new ReadAheadBudget(LIMITS.bufferBytes);
    const socket = new PassThrough();
    const readAhead = new ReadAhead(socket as unknown as Socket, budget, LIMITS);
    const intake = createIntake({
      catalogue: { types: [KINDS], get: (name) => (name === KINDS.name ? KINDS : undefined) },
      store: kept.store,
      records: kept.records,
      preflight: readFirstRecord,
      maxFileBytes: MAX_FILE_BYTES,
      logger: silentLogger,
      metrics,
    });
    const session = new SftpSession(contextOf(access, intake, readAhead));
    const close = async () => {
      await session.abandonAll(new Refusal('INCOMPLETE_FILE', 'The connection ended.'));
      assert.equal(session.unfinishedUploads, 0);
      socket.destroy();
      await new Promise((resolve) => socket.once('close', resolve));
    };
    return { session, readAhead, budget, close, expectSound: () => kept.expectSound() };
  };
  return { visit };
}

function contextOf(access: Access, intake: Intake, readAhead: ReadAhead) {
  return {
    access: () => access,
    intake,
    statuses: async () => new Map(),
    remoteAddress: '127.0.0.1',
    logger: silentLogger,
    files: new ClientFiles(LIMITS.rememberedFiles),
    limits: LIMITS,
    ahead: {
      reserve: (bytes: number) => {
        if (bytes > 0 && readAhead.held + bytes > LIMITS.aheadBytes) return false;
        readAhead.hold(bytes);
        return true;
      },
    },
    onLimit: () => undefined,
    onRefused: () => undefined,
    onAnswered: () => undefined,
    draining: () => false,
  };
}

/** What a session has stored and recorded. */
class Kept {
  readonly #objects = new Map<string, Buffer>();
  readonly #keys = new Map<string, string>();
  readonly #received: ReceivedFile[] = [];
  readonly #open = new Set<string>();

  readonly records: UploadRecords = {
    begin: async ({ id, objectKey }) => {
      this.#open.add(id);
      this.#keys.set(id, objectKey);
    },
    commit: async (file) => {
      this.#open.delete(file.id);
      this.#received.push(file);
      return new Date();
    },
    abandon: async (id) => {
      this.#open.delete(id);
    },
  };

  readonly store = { create: (key: string) => this.#writer(key) } as unknown as RawStore;

  #writer(key: string): RawObjectWriter {
    const chunks: Buffer[] = [];
    return {
      bufferedBytes: 0,
      write: async (...pieces) => {
        chunks.push(...pieces.map((piece) => Buffer.from(piece)));
      },
      complete: async () => {
        this.#objects.set(key, Buffer.concat(chunks));
      },
      abort: async () => {
        this.#objects.delete(key);
        return true;
      },
    };
  }

  /** What was acknowledged is there as it was hashed; everything else is gone. */
  expectSound(): void {
    assert.equal(this.#open.size, 0, 'an upload was left open');
    assert.equal(this.#objects.size, this.#received.length, 'an object of no upload was left');
    for (const { id, sha256, sizeBytes } of this.#received) {
      const object = this.#objects.get(this.#keys.get(id) ?? '');
      assert.equal(object?.length, sizeBytes);
      assert.ok(
        createHash('sha256')
          .update(object ?? '')
          .digest()
          .equals(sha256),
      );
    }
  }
}
