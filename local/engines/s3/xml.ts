export type XmlValue = string | number | boolean | XmlElements | readonly (string | XmlElements)[];
export interface XmlElements {
  readonly [name: string]: XmlValue | undefined;
}

/** Writes a document as S3 answers: an array becomes one element per entry, and undefined is left out. */
export function writeXml(
  root: string,
  content: XmlElements,
  namespace = 'http://s3.amazonaws.com/doc/2006-03-01/',
): string {
  const attribute = namespace === '' ? '' : ` xmlns="${namespace}"`;
  return `<?xml version="1.0" encoding="UTF-8"?>\n<${root}${attribute}>${writeElements(content)}</${root}>`;
}

/** Every element of that name, as the texts of its children by their names. Enough for S3's flat request bodies. */
export function readElements(xml: string, name: string): Record<string, string>[] {
  return [...xml.matchAll(new RegExp(`<${name}>(.*?)</${name}>`, 'gs'))].map(([, content = '']) =>
    Object.fromEntries(
      [...content.matchAll(/<(\w+)>(.*?)<\/\1>/gs)].map(([, child = '', text = '']) => [child, unescapeText(text)]),
    ),
  );
}

function writeElements(elements: XmlElements): string {
  return Object.entries(elements)
    .flatMap(([name, value]) => (Array.isArray(value) ? value : [value]).map((entry) => [name, entry] as const))
    .map(([name, value]) => (value === undefined ? '' : `<${name}>${writeValue(value)}</${name}>`))
    .join('');
}

function writeValue(value: string | number | boolean | XmlElements): string {
  return typeof value === 'object' ? writeElements(value) : escapeText(String(value));
}

function escapeText(text: string): string {
  // A carriage return would be read back as a line feed.
  const references: Record<string, string> = { '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;', '\r': '&#13;' };
  return text.replace(/[&<>"\r]/g, (character) => references[character] ?? character);
}

function unescapeText(text: string): string {
  const characters: Record<string, string> = { amp: '&', lt: '<', gt: '>', quot: '"', apos: "'" };
  return text.replace(/&(?:#x([\da-f]+)|#(\d+)|(\w+));/gi, (whole, hex?: string, decimal?: string, name = '') => {
    if (hex !== undefined) return String.fromCodePoint(Number.parseInt(hex, 16));
    if (decimal !== undefined) return String.fromCodePoint(Number(decimal));
    return characters[name] ?? whole;
  });
}
