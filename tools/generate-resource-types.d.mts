/** The generated file. */
export const TARGET: string;
/** What it has to hold: TypeScript types of the CustomResourceDefinitions in crds/. */
export function generateResourceTypes(): string;
