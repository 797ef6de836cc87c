/** Builds what is missing and returns the directory of the programs. @throws {Error} when Go is missing or fails */
export function buildGoTools(
  module: 's3' | 'sftp-clients' | 'helm' | 'kubernetes' | 'kubernetes-node' | 'cluster',
): string;
