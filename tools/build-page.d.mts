/** Bundles src/page/ unless that was done before, and returns the directory for PIING_PAGE_DIR. */
export function buildPage(): Promise<string>;
