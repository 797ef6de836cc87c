import { useCallback, useEffect, useReducer, useRef } from 'preact/hooks';
import { Cancelled, newKey, objection, type Sending, send } from './sending.ts';
import { ServerProblem } from './server.ts';
import type { Folder, Upload } from './wire.ts';

/** A file that was chosen on this page, from then to the server's acknowledgement. */
export interface Parcel {
  readonly key: string;
  readonly file: File;
  readonly folder: Folder;
  readonly stage: Stage;
}

export type Stage =
  | { readonly name: 'queued' }
  | { readonly name: 'sending'; readonly fraction: number }
  | { readonly name: 'refused'; readonly error: Error; readonly again: boolean }
  | { readonly name: 'cancelled' }
  | { readonly name: 'received'; readonly upload: Upload };

type Action =
  | { readonly do: 'add'; readonly parcels: readonly Parcel[] }
  | { readonly do: 'stage'; readonly key: string; readonly stage: Stage }
  | { readonly do: 'remove'; readonly key: string }
  | { readonly do: 'clear' };

export interface Outbox {
  readonly parcels: readonly Parcel[];
  add(files: readonly File[], folder: Folder): void;
  cancel(key: string): void;
  again(key: string): void;
  remove(key: string): void;
  clear(): void;
}

/** Sends files one after the other, in the order in which they were chosen. */
export function useOutbox(onSessionOver: () => void): Outbox {
  const [parcels, dispatch] = useReducer(change, []);
  const open = useRef<{ readonly key: string; readonly sending: Sending } | undefined>(undefined);
  const next = parcels.find(({ stage }) => stage.name === 'queued');
  const isBusy = parcels.some(({ stage }) => stage.name === 'sending');

  useEffect(() => {
    if (!next || isBusy) return;
    const stage = (stage: Stage) => dispatch({ do: 'stage', key: next.key, stage });
    const sending = send(next.file, next.folder.schemaType, next.key, (fraction) =>
      stage({ name: 'sending', fraction }),
    );
    open.current = { key: next.key, sending };
    stage({ name: 'sending', fraction: 0 });
    sending.done.then(
      (upload) => stage({ name: 'received', upload }),
      (error: Error) => {
        stage(failed(error));
        if (error instanceof ServerProblem && error.sessionIsOver) onSessionOver();
      },
    );
  }, [next, isBusy, onSessionOver]);

  const cancel = useCallback((key: string) => {
    if (open.current?.key === key) open.current.sending.cancel();
    dispatch({ do: 'stage', key, stage: { name: 'cancelled' } });
  }, []);
  const add = useCallback((files: readonly File[], folder: Folder) => {
    dispatch({ do: 'add', parcels: files.map((file) => parcelOf(file, folder)) });
  }, []);
  return {
    parcels,
    cancel,
    add,
    // The same key: if the first attempt did arrive, the server answers with its upload.
    again: (key) => dispatch({ do: 'stage', key, stage: { name: 'queued' } }),
    remove: (key) => dispatch({ do: 'remove', key }),
    clear: () => {
      open.current?.sending.cancel();
      dispatch({ do: 'clear' });
    },
  };
}

function parcelOf(file: File, folder: Folder): Parcel {
  const wrong = objection(file);
  const stage: Stage = wrong
    ? { name: 'refused', error: new Error(wrong), again: false }
    : { name: 'queued' };
  return { key: newKey(), file, folder, stage };
}

function failed(error: Error): Stage {
  if (error instanceof Cancelled) return { name: 'cancelled' };
  // What the server has against the file will not change by sending the same bytes again.
  const again = !(error instanceof ServerProblem) || error.sessionIsOver || error.status >= 429;
  return { name: 'refused', error, again };
}

function change(parcels: readonly Parcel[], action: Action): readonly Parcel[] {
  switch (action.do) {
    case 'add':
      return [...parcels, ...action.parcels];
    case 'stage':
      return parcels.map((parcel) =>
        parcel.key === action.key ? { ...parcel, stage: action.stage } : parcel,
      );
    case 'remove':
      return parcels.filter(({ key }) => key !== action.key);
    case 'clear':
      return [];
  }
}
