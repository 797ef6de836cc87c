/** Installs what is missing and returns the directory for PYTHONPATH; undefined where Python or pip is missing. */
export function installPythonTools(set?: 'clients' | 'schemathesis'): string | undefined;
