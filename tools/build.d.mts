/** Compiles src/ into a directory, `dist/` unless another is given, and returns it. @throws {Error} when tsc fails */
export function build(target?: string): Promise<string>;
