import { useEffect } from 'preact/hooks';
import { useAnnounce } from './announcer.tsx';
import { FaultTable } from './fault-table.tsx';
import type { Outbox, Parcel, Stage } from './outbox.ts';
import { useFollowed } from './polling.ts';
import { ServerProblem } from './server.ts';
import { UploadDetails } from './upload-details.tsx';
import type { Upload } from './wire.ts';
import { isOver, type Mood, moodOf, size, stateOf } from './words.ts';

interface ParcelCardProps {
  readonly parcel: Parcel;
  readonly outbox: Outbox;
  readonly onSessionOver: () => void;
}

/** A file sent from this page: its progress, then its upload to the end. */
export function ParcelCard({ parcel, outbox, onSessionOver }: ParcelCardProps) {
  const { key, file, folder, stage } = parcel;
  const upload = useFollowed(stage.name === 'received' ? stage.upload : undefined, onSessionOver);
  const sentence = describe(stage, upload);
  useAnnounced(file.name, stage, upload, sentence);
  return (
    <li class={`parcel ${mood(stage, upload)}`}>
      <div class="line">
        <div class="title">
          <h2>{file.name}</h2>
          <span class="aside">
            {folder.title}, {size(file.size)}
          </span>
        </div>
        <Actions parcel={parcel} outbox={outbox} isOver={upload !== undefined && isOver(upload)} />
      </div>
      {stage.name === 'sending' && (
        <progress value={stage.fraction} max={1} aria-label={`Sending ${file.name}`} key={key} />
      )}
      <p class="state">{sentence}</p>
      {stage.name === 'refused' && stage.error instanceof ServerProblem && stage.error.fault && (
        <FaultTable faults={[stage.error.fault]} caption={`What to mend in ${file.name}`} />
      )}
      {upload && isOver(upload) && <UploadDetails upload={upload} short />}
    </li>
  );
}

function Actions({ parcel, outbox, isOver }: { parcel: Parcel; outbox: Outbox; isOver: boolean }) {
  const { key, file, stage } = parcel;
  const name = <span class="for-listeners"> {file.name}</span>;
  if (stage.name === 'queued' || stage.name === 'sending')
    return (
      <button type="button" class="quiet" onClick={() => outbox.cancel(key)}>
        Cancel{name}
      </button>
    );
  const mayRetry = stage.name === 'cancelled' || (stage.name === 'refused' && stage.again);
  return (
    <div class="actions">
      {mayRetry && (
        <button type="button" class="quiet" onClick={() => outbox.again(key)}>
          Send again{name}
        </button>
      )}
      {(stage.name !== 'received' || isOver) && (
        <button type="button" class="quiet" onClick={() => outbox.remove(key)}>
          Hide{name}
        </button>
      )}
    </div>
  );
}

function describe(stage: Stage, upload: Upload | undefined): string {
  switch (stage.name) {
    case 'queued':
      return 'Will be sent next.';
    case 'sending':
      return stage.fraction < 1 ? `Sending, ${Math.floor(stage.fraction * 100)} %.` : 'Sent. Being stored.';
    case 'cancelled':
      return 'Cancelled. Nothing was loaded.';
    case 'refused':
      return stage.error instanceof ServerProblem && stage.error.fault
        ? 'Not accepted. Nothing was loaded.'
        : `Not sent. ${stage.error.message}`;
    case 'received':
      return stateOf(upload ?? stage.upload);
  }
}

function mood(stage: Stage, upload: Upload | undefined): Mood {
  if (stage.name === 'received') return upload ? moodOf(upload) : 'busy';
  return stage.name === 'refused' || stage.name === 'cancelled' ? 'bad' : 'busy';
}

/** Each state once; a percentage that ticks would drown everything else. */
function useAnnounced(name: string, stage: Stage, upload: Upload | undefined, sentence: string): void {
  const announce = useAnnounce();
  const state = stage.name === 'received' ? (upload?.status ?? 'PENDING') : stage.name;
  useEffect(() => {
    const fault = stage.name === 'refused' && stage.error instanceof ServerProblem && stage.error.fault;
    if (stage.name === 'sending') announce(`${name}: sending.`);
    else if (stage.name !== 'queued') announce(`${name}: ${sentence}${fault ? ` ${fault.message}` : ''}`);
  }, [state]);
}
