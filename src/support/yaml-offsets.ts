import { type Document, isMap, isNode, isScalar } from 'yaml';

/** Where in the text a path of keys and list indexes stands, or the nearest thing above it that is there. */
export function offsetOf(document: Document.Parsed, path: readonly (string | number)[]): number {
  for (let length = path.length; length > 0; length -= 1) {
    const parent = document.getIn(path.slice(0, length - 1), true);
    const key = path[length - 1];
    const pair = isMap(parent)
      ? parent.items.find((item) => isScalar(item.key) && String(item.key.value) === String(key))
      : undefined;
    const node = pair ? pair.key : document.getIn(path.slice(0, length), true);
    if (isNode(node) && node.range) return node.range[0];
  }
  return document.contents?.range?.[0] ?? 0;
}

/** `spec.credentials[0].name` */
export function formatPath(path: readonly (string | number)[]): string {
  return path
    .map((segment, index) =>
      /^\d+$/.test(String(segment)) ? `[${segment}]` : `${index > 0 ? '.' : ''}${segment}`,
    )
    .join('');
}
