/** `<bandoso-crs>`: the proposals for a file's coordinate system, on a map beside the commune's outline. */
import { html, nothing, type PropertyValues, type TemplateResult } from 'lit';
import './deskMap';
import { PageElement } from '../core/element';
import { crsName, isCrsDoubted, proposals, trapText } from './crsNames';
import type { Drawn, MapPick } from './deskMap';
import { CANDIDATE_SIGNS, SIGNS, picture } from './symbols';
import type { Candidate, Choices, CrsReport, Preview } from './types';
import { d, percent } from './words';

export class CrsChoice extends PageElement {
  static override properties = {
    crs: { attribute: false },
    preview: { attribute: false },
    editable: { type: Boolean },
    picked: { state: true },
  };

  declare crs: CrsReport;
  /** What the map draws; null where there is none, as in a check without an account. */
  declare preview: Preview | null;
  declare editable: boolean;
  /** Name of the proposal that is marked and not yet confirmed. */
  declare picked: string;

  constructor() {
    super();
    this.preview = null;
    this.editable = false;
    this.picked = '';
  }

  protected override willUpdate(changed: PropertyValues<this>): void {
    if (changed.has('crs')) this.picked = this.crs.chosen ?? this.candidates()[0]?.crs ?? '';
  }

  protected override render(): TemplateResult {
    return html`<p>${this.lead()}</p>
      <div class="beside">
        ${this.options()}
        ${
          this.preview
            ? html`<bandoso-desk-map
                .groups=${this.groups(this.preview)}
                .label=${d('crs.map')}
                @map-pick=${({ detail }: CustomEvent<MapPick>) => this.pickOnMap(detail)}
              ></bandoso-desk-map>`
            : nothing
        }
      </div>`;
  }

  private lead(): string {
    const { crs } = this;
    if (crs.how === 'chosen') return d('crs.chosen');
    if (crs.certain) return d('crs.proven');
    if (crs.chosen === null) return d('crs.ask');
    return d(isCrsDoubted(crs) ? 'crs.doubt' : 'crs.fits');
  }

  private options(): TemplateResult {
    return html`<fieldset class="candidates">
      <legend>${d('crs.candidates')}</legend>
      ${this.candidates().map((candidate, index) => this.option(candidate, index))}
      ${
        this.editable
          ? html`<button type="button" class="primary" ?disabled=${!this.picked} @click=${() => this.choose()}>
              ${d('crs.use', { name: this.pickedName() })}
            </button>`
          : nothing
      }
    </fieldset>`;
  }

  private option(candidate: Candidate, index: number): TemplateResult {
    const id = `crs-${index}`;
    const sign = CANDIDATE_SIGNS[index];
    const trap = trapText(candidate);
    return html`<div class="option">
      <input
        type="radio"
        name="crs"
        id=${id}
        value=${candidate.crs}
        .checked=${candidate.crs === this.picked}
        ?disabled=${!this.editable}
        aria-describedby="${id}-note"
        @change=${() => (this.picked = candidate.crs)}
      />
      <label for=${id}>${sign ? picture(sign) : nothing} ${crsName(candidate.crs, candidate.name)}</label>
      <p class="hint" id="${id}-note">
        ${fit(candidate)} <code>${candidate.crs}</code>
        ${trap ? html`<strong class="trap">${trap}</strong>` : nothing}
      </p>
    </div>`;
  }

  private candidates(): Candidate[] {
    const drawn = this.preview?.candidates.map(({ crs }) => crs) ?? [];
    return proposals(this.crs, drawn, CANDIDATE_SIGNS.length);
  }

  private pickedName(): string {
    const found = this.candidates().find(({ crs }) => crs === this.picked);
    return found ? crsName(found.crs, found.name) : '';
  }

  private groups({ communes, candidates }: Preview): Drawn[] {
    // One stray point would make the commune a dot: the view takes points in only where none falls into the commune.
    const isFitting = communes.features.length > 0 && (this.candidates()[0]?.inside ?? 0) > 0;
    const outline = { id: 'outline', title: d('map.commune'), sign: SIGNS.outline, features: communes.features };
    const points = this.candidates().flatMap(({ crs, name }, index) => {
      const geometry = candidates.find((candidate) => candidate.crs === crs)?.points;
      const sign = CANDIDATE_SIGNS[index];
      if (!geometry || !sign) return [];
      const features: GeoJSON.Feature[] = [{ type: 'Feature', geometry, properties: { crs } }];
      return [{ id: `candidate-${index}`, title: crsName(crs, name), sign, features, fits: index === 0 && !isFitting }];
    });
    return [{ ...outline, fits: true }, ...points];
  }

  private pickOnMap({ properties }: MapPick): void {
    const { crs } = properties;
    if (this.editable && typeof crs === 'string') this.picked = crs;
  }

  private choose(): void {
    this.emit<Choices>('choose-now', { crs: this.picked });
  }
}

/** How well a proposal fits the commune, in words. */
function fit({ inside }: Candidate): string {
  return typeof inside === 'number' ? d('crs.inside', { share: percent(inside) }) : '';
}

customElements.define('bandoso-crs', CrsChoice);
