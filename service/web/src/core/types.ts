/** Shapes of what the service answers. */

export type Lang = 'vi' | 'en';
export type Bilingual = Record<Lang, string>;
/** west, south, east, north in degrees, WGS 84. */
export type Bounds = [number, number, number, number];

export interface LegendEntry {
  value: string;
  label: Bilingual;
  color: string;
}

export interface Field {
  name: string;
  title: Bilingual;
  type: string;
  /** Labels of coded values. */
  choices?: { value: string; label: Bilingual }[];
  /** Of a list: the fields of its rows. */
  columns?: Field[];
}

export interface Register {
  id: string;
  title: Bilingual;
  geometry: 'point' | 'polygon' | 'line';
  sample: boolean;
  tile: { minzoom: number; maxzoom: number; counts_below?: number | null };
  legend: LegendEntry[];
  legend_field: string | null;
  fields: Field[];
  bounds: Bounds | null;
  /** Name of the field that people read as the record's name. */
  label?: string;
  /** Whether the layer is on when the page opens without a choice of layers. */
  visible?: boolean;
  /** Whether tiles say from when to when records are in force. */
  by_day?: boolean;
}

export interface Attribution extends Bilingual {
  url?: string;
}

export interface Catalogue {
  registers: Register[];
  attribution?: string | Attribution;
}

export type Properties = Record<string, unknown>;

export interface Feature {
  type: 'Feature';
  id?: string | number;
  geometry: GeoJSON.Geometry | null;
  properties: Properties;
  links?: Link[];
}

export interface Link {
  href: string;
  rel: string;
  type?: string;
  title?: string;
}

export interface FeatureCollection {
  type: 'FeatureCollection';
  features: Feature[];
  numberMatched?: number;
  numberReturned?: number;
  links?: Link[];
}

export interface SearchProperties extends Properties {
  register: string;
  uuid: string;
  label: string;
  code?: string | null;
  context?: string | null;
  bbox?: Bounds | null;
}

export interface SearchResult extends Feature {
  properties: SearchProperties;
}

export interface Commune {
  code: string;
  name: string;
}

export interface Account {
  username: string;
  role: string;
  display_name: string;
  communes: Commune[];
  /** Ids of the registers the account may send files for. */
  registers: string[];
  csrf: string;
}
