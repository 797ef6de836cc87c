import { useEffect, useRef, useState } from 'preact/hooks';
import { DownloadButton } from './download-button.tsx';
import type { Outbox } from './outbox.ts';
import { ParcelCard } from './parcel-card.tsx';
import { templatePath } from './server.ts';
import type { Folder } from './wire.ts';
import { counted } from './words.ts';

interface SendFilesProps {
  readonly folders: readonly Folder[];
  readonly outbox: Outbox;
  readonly onSessionOver: () => void;
}

export function SendFiles({ folders, outbox, onSessionOver }: SendFilesProps) {
  // A file in the wrong folder is a nuisance: nobody gets one that they did not choose.
  const [chosen, setChosen] = useState(folders.length === 1 ? folders[0]?.schemaType : undefined);
  const heading = useRef<HTMLHeadingElement>(null);
  useEffect(() => heading.current?.focus(), []);
  const folder = folders.find(({ schemaType }) => schemaType === chosen);
  return (
    <section class="card" aria-labelledby="send">
      <h1 id="send" tabIndex={-1} ref={heading}>
        Send a file
      </h1>
      {folders.length > 0 ? (
        <>
          <FolderChoice folders={folders} chosen={chosen} onChoose={setChosen} />
          <DropZone folder={folder} onFiles={outbox.add} />
        </>
      ) : (
        <p>Your organization has no folder yet. Ask your Piing administrator to enable one.</p>
      )}
      {outbox.parcels.length > 0 && (
        <ul class="parcels" aria-label="Files sent from this page">
          {outbox.parcels.toReversed().map((parcel) => (
            <ParcelCard key={parcel.key} parcel={parcel} outbox={outbox} onSessionOver={onSessionOver} />
          ))}
        </ul>
      )}
    </section>
  );
}

interface FolderChoiceProps {
  readonly folders: readonly Folder[];
  readonly chosen: string | undefined;
  readonly onChoose: (schemaType: string) => void;
}

function FolderChoice({ folders, chosen, onChoose }: FolderChoiceProps) {
  return (
    <fieldset class="folders">
      <legend>1. What is in the file?</legend>
      {folders.map(({ schemaType, title, description }) => (
        <div class="folder" key={schemaType}>
          <label>
            <input
              type="radio"
              name="folder"
              value={schemaType}
              checked={schemaType === chosen}
              aria-describedby={`about-${schemaType}`}
              onChange={() => onChoose(schemaType)}
            />
            <span>
              <strong>{title}</strong> <code>{schemaType}</code>
            </span>
          </label>
          <p id={`about-${schemaType}`}>{description}</p>
          <DownloadButton path={templatePath(schemaType)} name={`${schemaType}.csv`}>
            Template<span class="for-listeners"> for {title}</span>
          </DownloadButton>
        </div>
      ))}
    </fieldset>
  );
}

interface DropZoneProps {
  readonly folder: Folder | undefined;
  readonly onFiles: (files: readonly File[], folder: Folder) => void;
}

function DropZone({ folder, onFiles }: DropZoneProps) {
  const [isOver, setOver] = useState(false);
  const [waiting, setWaiting] = useState<readonly File[]>([]);
  // Files that came first wait for the folder.
  const take = (files: readonly File[]) => (folder ? onFiles(files, folder) : setWaiting(files));
  useEffect(() => {
    if (!folder || waiting.length === 0) return;
    onFiles(waiting, folder);
    setWaiting([]);
  }, [folder, waiting, onFiles]);

  const drop = (event: DragEvent) => {
    event.preventDefault();
    setOver(false);
    take([...(event.dataTransfer?.files ?? [])]);
  };
  const over = (event: DragEvent) => {
    event.preventDefault();
    setOver(true);
  };
  const pick = ({ currentTarget }: { readonly currentTarget: HTMLInputElement }) => {
    take([...(currentTarget.files ?? [])]);
    // The same file can be chosen again after it was mended.
    currentTarget.value = '';
  };
  return (
    <fieldset class="drop-field">
      <legend>2. Which file?</legend>
      {/* biome-ignore lint/a11y/noStaticElementInteractions: a mouse's shortcut; the input does the same by keyboard */}
      <div
        class={isOver ? 'drop-zone over' : 'drop-zone'}
        onDragEnter={over}
        onDragOver={over}
        onDragLeave={() => setOver(false)}
        onDrop={drop}
      >
        <label class="pick" for="file">
          Choose CSV or JSON files{folder && ` for ${folder.title}`}
        </label>
        <input id="file" type="file" accept=".csv,.json" multiple onChange={pick} />
        <p>or drop them here. Sending begins at once.</p>
      </div>
      <p role="alert" class="error">
        {waiting.length > 0 && `${counted(waiting.length, 'file')} to send: choose above what is in it.`}
      </p>
    </fieldset>
  );
}
