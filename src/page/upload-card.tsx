import { useEffect, useRef, useState } from 'preact/hooks';
import { useAnnounce } from './announcer.tsx';
import { UploadDetails } from './upload-details.tsx';
import type { Upload } from './wire.ts';
import { beganAt, isOver, moodOf, sentBy, stateOf, time } from './words.ts';

interface UploadCardProps {
  readonly upload: Upload;
  readonly folderTitle: string | undefined;
}

export function UploadCard({ upload, folderTitle }: UploadCardProps) {
  const [isOpen, setOpen] = useState(false);
  const { uploadId, fileName, schemaType } = upload;
  const began = beganAt(upload);
  useAnnouncedEnd(upload);
  return (
    <li class={`upload ${moodOf(upload)}`}>
      <div class="line">
        <div class="title">
          <h2 id={`name-${uploadId}`}>{fileName}</h2>
          <span class="aside">
            {folderTitle ?? schemaType}, by {sentBy(upload)}
            <time dateTime={began.toISOString()}>{time(began)}</time>
          </span>
        </div>
        <button
          type="button"
          class="quiet"
          aria-expanded={isOpen}
          aria-controls={`details-${uploadId}`}
          aria-describedby={`name-${uploadId}`}
          onClick={() => setOpen(!isOpen)}
        >
          {isOpen ? 'Hide details' : 'Details'}
        </button>
      </div>
      <p class="state">{stateOf(upload)}</p>
      <div id={`details-${uploadId}`}>{isOpen && <UploadDetails upload={upload} />}</div>
    </li>
  );
}

/** Tells the end of an upload that was under way when it was first shown, unless this page sent it and tells it itself. */
function useAnnouncedEnd(upload: Upload): void {
  const announce = useAnnounce();
  const wasBusy = useRef(!isOver(upload));
  useEffect(() => {
    if (!wasBusy.current || !isOver(upload)) return;
    wasBusy.current = false;
    if (upload.source === 'sftp') announce(`${upload.fileName}: ${stateOf(upload)}`);
  }, [upload.status]);
}
