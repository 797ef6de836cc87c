import type { ComponentChildren } from 'preact';
import { createContext } from 'preact';
import { useCallback, useContext, useState } from 'preact/hooks';

type Announce = (sentence: string) => void;

const Announcing = createContext<Announce>(() => undefined);

/** Says a sentence to people who listen to the page instead of looking at it. */
export const useAnnounce = (): Announce => useContext(Announcing);

/** Sentences are kept until they have surely been read: several uploads can end at the same moment. */
const KEPT_MS = 10_000;

export function Announcer({ children }: { readonly children: ComponentChildren }) {
  const [sentences, setSentences] = useState<readonly { readonly id: number; readonly text: string }[]>([]);
  const announce = useCallback<Announce>((text) => {
    const sentence = { id: performance.now(), text };
    setSentences((all) => [...all, sentence]);
    setTimeout(() => setSentences((all) => all.filter((each) => each !== sentence)), KEPT_MS);
  }, []);
  return (
    <Announcing.Provider value={announce}>
      {children}
      <div class="for-listeners" role="status" aria-live="polite" aria-atomic="false">
        {sentences.map(({ id, text }) => (
          <p key={id}>{text}</p>
        ))}
      </div>
    </Announcing.Provider>
  );
}
