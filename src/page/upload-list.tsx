import { useEffect, useState } from 'preact/hooks';
import { useAnnounce } from './announcer.tsx';
import { type FoundUploads, useFoundUploads } from './found-uploads.ts';
import { UploadCard } from './upload-card.tsx';
import { ANYTHING, isAnything, UploadSearch } from './upload-search.tsx';
import type { Folder } from './wire.ts';
import { counted } from './words.ts';

interface UploadListProps {
  readonly folders: readonly Folder[];
  /** Changes when the page itself has sent something. */
  readonly news: number;
  readonly onSessionOver: () => void;
}

export function UploadList({ folders, news, onSessionOver }: UploadListProps) {
  const [search, setSearch] = useState(ANYTHING);
  const found = useFoundUploads(search, news, onSessionOver);
  const titles = new Map(folders.map(({ schemaType, title }) => [schemaType, title]));
  useAnnouncedCount(found, !isAnything(search));
  return (
    <section class="card" aria-labelledby="uploads">
      <h1 id="uploads">Uploads</h1>
      <p class="soft">Everything that your organization sent, by SFTP, by the API and on this page.</p>
      <UploadSearch search={search} folders={folders} onChange={setSearch} />
      {found.error && (
        <p role="alert" class="error">
          {found.error.message}
        </p>
      )}
      {found.uploads?.length === 0 && (
        <p class="none">
          {isAnything(search) ? 'Nothing yet. Send the first file above.' : 'No upload fits. Look for less.'}
        </p>
      )}
      {found.uploads && found.uploads.length > 0 && (
        <ul class="uploads" aria-label="Uploads, newest first">
          {found.uploads.map((upload) => (
            <UploadCard key={upload.uploadId} upload={upload} folderTitle={titles.get(upload.schemaType)} />
          ))}
        </ul>
      )}
      {found.hasMore && (
        <button type="button" class="quiet" onClick={found.more}>
          Show older uploads
        </button>
      )}
    </section>
  );
}

/** Someone who searches by ear has to hear that the list has changed. */
function useAnnouncedCount({ uploads, hasMore }: FoundUploads, isSearching: boolean): void {
  const announce = useAnnounce();
  const size = uploads?.length;
  useEffect(() => {
    if (size !== undefined && isSearching)
      announce(`${hasMore ? 'More than ' : ''}${counted(size, 'upload')} found.`);
  }, [size, isSearching]);
}
