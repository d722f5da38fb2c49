/** Signs that differ in shape as well as in colour, drawn alike on the map and in its legend. */
import { html, nothing, svg, type TemplateResult } from 'lit';

/** Paths in a box of 16 by 16. */
const SHAPES = {
  circle: 'M8 2.5a5.5 5.5 0 1 0 0 11a5.5 5.5 0 1 0 0-11Z',
  square: 'M3 3H13V13H3Z',
  triangle: 'M8 2L14.5 13.5H1.5Z',
  diamond: 'M8 1.2L14.8 8L8 14.8L1.2 8Z',
  cross: 'M2.2 4.6L4.6 2.2L8 5.6L11.4 2.2L13.8 4.6L10.4 8L13.8 11.4L11.4 13.8L8 10.4L4.6 13.8L2.2 11.4L5.6 8Z',
  plus: 'M6.2 2H9.8V6.2H14V9.8H9.8V14H6.2V9.8H2V6.2H6.2Z',
  ring: 'M8 2.5a5.5 5.5 0 1 0 0 11a5.5 5.5 0 1 0 0-11Z',
} as const;

export type Shape = keyof typeof SHAPES;

/** How one group of features looks. `line` stands for an outline without a fill. */
export interface Sign {
  shape: Shape | 'line';
  color: string;
}

const BOX = 16;
const HALO = '#ffffff';
const PIXEL_RATIO = 2;

/** Colours that people who see red and green alike can tell apart, dark enough on our base map. */
export const SIGNS = {
  outline: { shape: 'line', color: '#16222d' },
  error: { shape: 'diamond', color: '#b3261e' },
  warning: { shape: 'triangle', color: '#9a5b00' },
  info: { shape: 'circle', color: '#0b5cad' },
  added: { shape: 'plus', color: '#00684a' },
  changed: { shape: 'square', color: '#0b5cad' },
  removed: { shape: 'cross', color: '#b3261e' },
  before: { shape: 'ring', color: '#6b5a00' },
} as const satisfies Record<string, Sign>;

/** Signs of the proposals for a coordinate system, best first. */
export const CANDIDATE_SIGNS: readonly Sign[] = [
  { shape: 'circle', color: '#0b5cad' },
  { shape: 'triangle', color: '#b3450f' },
  { shape: 'square', color: '#8a2f78' },
];

/** The sign as a picture for a legend. Colours are attributes: the page's policy allows no style attributes. */
export function picture({ shape, color }: Sign): TemplateResult {
  return html`<svg class="sign" viewBox="0 0 16 16" width="16" height="16" aria-hidden="true">
    ${
      shape === 'line'
        ? svg`<path d="M2 13V3H14V13Z" fill="none" stroke=${color} stroke-width="2" />`
        : svg`<path d=${SHAPES[shape]} fill=${shape === 'ring' ? 'none' : color}
            stroke=${shape === 'ring' ? color : HALO} stroke-width=${shape === 'ring' ? 2.5 : nothing} />`
    }
  </svg>`;
}

/** The sign as pixels for the map; null where the browser draws none. */
export function pixels({ shape, color }: Sign): ImageData | null {
  if (shape === 'line') return null;
  const canvas = document.createElement('canvas');
  canvas.width = canvas.height = BOX * PIXEL_RATIO;
  const context = canvas.getContext('2d');
  if (!context) return null;
  context.scale(PIXEL_RATIO, PIXEL_RATIO);
  const path = new Path2D(SHAPES[shape]);
  context.lineWidth = shape === 'ring' ? 4.5 : 2.5;
  context.strokeStyle = HALO;
  context.stroke(path);
  context.lineWidth = 2.5;
  context.strokeStyle = context.fillStyle = color;
  if (shape === 'ring') context.stroke(path);
  else context.fill(path);
  return context.getImageData(0, 0, canvas.width, canvas.height);
}

export { PIXEL_RATIO };
