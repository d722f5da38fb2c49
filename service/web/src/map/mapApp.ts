/** The map page: brings search, layers, list, details and the drawn map together. */
import { html, nothing, type TemplateResult } from 'lit';
import './embedDialog';
import './featureDetails';
import './layerPanel';
import './searchBox';
import { PublicApi } from '../core/api';
import { PageElement, reason } from '../core/element';
import { geometryBounds } from '../core/geo';
import { base, lang, say, t } from '../core/page';
import type { Attribution, Bounds, Feature, Register, SearchResult } from '../core/types';
import { featureLabel, safeHref, today } from '../core/values';
import { findCommune } from './commune';
import type { EmbedDialog } from './embedDialog';
import type { FeatureDetails, Selection } from './featureDetails';
import { featureId, type FeatureChoice, type FeatureList } from './featureList';
import type { LayerToggle } from './layerPanel';
import { mapProblem, type MapState } from './mapProblem';
import { MapView, NoWebglError, type Picked } from './mapView';
import { byDay, prepareStyle, withContext } from './style';
import { UpdateNotice } from './updateNotice';
import { firstForList, keepLayers, keepView, layersFromQuery } from './urlState';

const PANELS = ['layers', 'list', 'details'] as const;
type Panel = (typeof PANELS)[number];

/** Below this width the panel covers part of a small screen, so it starts closed. */
const NARROW = '(max-width: 760px)';
/** Loading that ends sooner than this is not worth telling. */
const PATIENCE_MS = 700;

export class MapApp extends PageElement {
  static override properties = {
    mode: { type: String },
    commune: { type: String },
    registers: { state: true },
    shown: { state: true },
    dropped: { state: true },
    day: { state: true },
    panel: { state: true },
    mapState: { state: true },
    dataState: { state: true },
    busy: { state: true },
    trouble: { state: true },
    notice: { state: true },
    selection: { state: true },
    others: { state: true },
    listRegister: { state: true },
    bounds: { state: true },
  };

  /** `embed` inside other pages, anything else for the map page itself. */
  declare mode: string;
  /** Code of the commune to show first. */
  declare commune: string;
  declare registers: Register[];
  declare shown: ReadonlySet<string>;
  declare dropped: ReadonlyMap<string, number>;
  declare day: string;
  declare panel: Panel | null;
  declare mapState: MapState;
  /** Empty when the list of data is here; otherwise what to say. */
  declare dataState: string;
  declare busy: boolean;
  declare trouble: boolean;
  declare notice: string;
  declare selection: Selection | undefined;
  declare others: Selection[];
  declare listRegister: string;
  declare bounds: Bounds | null;

  private readonly api = new PublicApi(base, lang, { offline: t('net.offline'), refused: t('net.refused') });
  private view: MapView | undefined;
  private attribution: string | Attribution | undefined;
  private busyTimer: ReturnType<typeof setTimeout> | undefined;
  private clickedAt: [number, number] | undefined;
  private opener: HTMLElement | undefined;
  private readonly updateNotice = new UpdateNotice(
    () => (this.notice ||= t('map.updated')),
    () => (this.notice = this.notice === t('map.updated') ? '' : this.notice),
  );

  constructor() {
    super();
    this.mode = 'page';
    this.commune = '';
    this.registers = [];
    this.shown = new Set();
    this.dropped = new Map();
    this.day = today();
    this.panel = null;
    this.mapState = 'loading';
    this.dataState = t('data.loading');
    this.busy = false;
    this.trouble = false;
    this.notice = '';
    this.others = [];
    this.listRegister = '';
    this.bounds = null;
  }

  override connectedCallback(): void {
    super.connectedCallback();
    if (this.mode !== 'embed' && !matchMedia(NARROW).matches) this.panel = 'layers';
  }

  protected override firstUpdated(): void {
    void this.start();
  }

  protected override render(): TemplateResult {
    return html`<div
      class="map-app"
      @layer-toggle=${(e: CustomEvent<LayerToggle>) => this.toggleLayer(e.detail)}
      @day-chosen=${(e: CustomEvent<string>) => this.view?.setDay((this.day = e.detail))}
      @result-chosen=${(e: CustomEvent<SearchResult>) => this.chooseResult(e.detail)}
      @register-chosen=${(e: CustomEvent<string>) => (this.listRegister = e.detail)}
      @feature-chosen=${(e: CustomEvent<FeatureChoice>) => this.chooseFeature(e.detail)}
      @other-chosen=${(e: CustomEvent<Selection>) => this.chooseOther(e.detail)}
      @go-there=${(e: CustomEvent<Feature>) => this.goTo(e.detail.geometry)}
      @details-loaded=${(e: CustomEvent<Feature>) => this.showOnMap(e.detail)}
    >
      <div class="controls" role="region" aria-label=${t('panel.name')}>
        <bandoso-search .api=${this.api} .registers=${this.registers}></bandoso-search>
        ${this.panelBar()} ${this.panelSection()}
      </div>
      ${this.mapArea()}
      ${this.mode === 'embed' ? nothing : html`<bandoso-embed-dialog .registers=${this.registers}></bandoso-embed-dialog>`}
    </div>`;
  }

  private panelBar(): TemplateResult {
    return html`<div class="panel-bar">
      ${PANELS.map(
        (panel) =>
          html`<button
            type="button"
            aria-expanded=${this.panel === panel}
            aria-controls="map-panel"
            @click=${() => (this.panel = this.panel === panel ? null : panel)}
          >
            ${t(`panel.${panel}`)}
          </button>`,
      )}
    </div>`;
  }

  private panelSection(): TemplateResult {
    const { panel } = this;
    return html`<section id="map-panel" class="panel" aria-labelledby="map-panel-title" ?hidden=${panel === null}>
      <div class="panel-head">
        <h2 id="map-panel-title">${panel ? t(`panel.${panel}`) : nothing}</h2>
        <button type="button" @click=${() => void this.closePanel()}>${t('panel.close')}</button>
      </div>
      ${this.dataState ? html`<p role="status">${this.dataState}</p>` : this.panelBody()}
    </section>`;
  }

  private panelBody(): TemplateResult {
    const { api, registers } = this;
    return html`<bandoso-list
        ?hidden=${this.panel !== 'list'}
        .api=${api}
        .registers=${registers}
        .register=${this.listRegister}
        .bounds=${this.bounds}
        .active=${this.panel === 'list'}
      ></bandoso-list>
      <div ?hidden=${this.panel !== 'layers'}>
        <bandoso-layers
          .registers=${registers}
          .shown=${this.shown}
          .dropped=${this.dropped}
          .day=${this.day}
        ></bandoso-layers>
        ${this.mode === 'embed' ? nothing : this.embedButton()}
      </div>
      <bandoso-details
        ?hidden=${this.panel !== 'details'}
        .api=${api}
        .registers=${registers}
        .selection=${this.selection}
        .others=${this.others}
        .hasMap=${this.mapState === 'ready'}
      ></bandoso-details>`;
  }

  private embedButton(): TemplateResult {
    const open = () => this.querySelector<EmbedDialog>('bandoso-embed-dialog')?.open(this.shown);
    return html`<button type="button" aria-haspopup="dialog" @click=${open}>${t('panel.embed')}</button>`;
  }

  private mapArea(): TemplateResult {
    return html`<div class="map-area">
      <div class="map-canvas" ?hidden=${this.mapState === 'noWebgl' || this.mapState === 'failed'}></div>
      <div class="map-words">
        <p role="status" class="map-status">${this.status()}</p>
        ${mapProblem(this.mapState, this.trouble, () => void this.retry())}
      </div>
      <p class="attribution">${this.attributionText()}</p>
    </div>`;
  }

  private status(): string {
    if (this.mapState === 'loading') return t('map.loading');
    if (this.notice) return this.notice;
    return this.busy && !this.trouble ? t('map.tiles') : '';
  }

  private attributionText(): TemplateResult | string {
    const text = say(this.attribution);
    const url = typeof this.attribution === 'object' ? safeHref(this.attribution.url) : null;
    return url && text ? html`<a href=${url} target="_blank" rel="noopener">${text}</a>` : text;
  }

  private async start(): Promise<void> {
    try {
      const { registers, attribution } = await this.api.registers();
      this.attribution = attribution;
      this.shown = layersFromQuery(location.search, registers);
      this.listRegister = firstForList(registers, this.shown);
      this.registers = registers;
      this.dataState = '';
    } catch (error) {
      this.dataState = t('data.failed', { why: reason(error) });
      this.mapState = 'failed';
      return;
    }
    await this.startMap();
  }

  private async startMap(): Promise<void> {
    this.mapState = 'loading';
    this.trouble = false;
    const commune = await this.firstCommune();
    try {
      const given = await this.api.style(this.registers.map(({ id }) => id));
      const dated = byDay(this.mode === 'embed' ? withContext(given) : given, this.registers, this.day);
      this.view = await MapView.create({
        container: this.canvas(),
        style: prepareStyle(dated, this.shown),
        t,
        cooperative: this.mode === 'embed',
        hash: true,
        locate: this.mode !== 'embed',
        bounds: commune?.bounds ?? null,
        onPick: (found, at) => this.pick(found, at),
        onCell: (count) => (this.notice = t('map.cell', { n: count })),
        onMove: (bounds) => {
          this.bounds = bounds;
          this.trouble = false;
        },
        onBusy: (busy) => this.setBusy(busy),
        onDropped: (dropped) => (this.dropped = dropped),
        onTrouble: () => (this.trouble = true),
        live: {
          url: (layers, versions) => this.api.tileEventsUrl(layers, versions),
          onChanges: (changes) => this.querySelector<FeatureList>('bandoso-list')?.refresh(changes),
          onUpdated: () => this.updateNotice.tell(),
        },
      });
      this.bounds = this.view.bounds;
      this.mapState = 'ready';
      if (commune?.outline) this.view.mark(commune.outline);
    } catch (error) {
      this.mapState = error instanceof NoWebglError ? 'noWebgl' : 'failed';
      this.panel = 'list';
    }
  }

  private async firstCommune() {
    if (!this.commune) return null;
    const found = await findCommune(this.api, this.commune);
    if (!found) this.notice = t('map.communeUnknown', { code: this.commune });
    return found;
  }

  private async retry(): Promise<void> {
    if (this.registers.length === 0) return this.start();
    const { hash } = location;
    this.view?.destroy();
    this.view = undefined;
    keepView(hash);
    return this.startMap();
  }

  /** The container, which Lit owns: MapLibre gets a child of its own that can be thrown away. */
  private canvas(): HTMLElement {
    const container = document.createElement('div');
    container.className = 'map-drawing';
    this.querySelector('.map-canvas')?.replaceChildren(container);
    return container;
  }

  private setBusy(busy: boolean): void {
    clearTimeout(this.busyTimer);
    if (!busy) this.busy = false;
    else this.busyTimer = setTimeout(() => (this.busy = true), PATIENCE_MS);
  }

  private toggleLayer({ id, shown }: LayerToggle): void {
    const next = new Set(
      this.registers.map((register) => register.id).filter((other) => this.shown.has(other) || other === id),
    );
    if (!shown) next.delete(id);
    this.shown = next;
    this.view?.setShown(id, shown);
    keepLayers(next);
  }

  private pick(found: Picked[], at: [number, number]): void {
    this.notice = '';
    const [first, ...others] = found.map((picked) => this.selectionOf(picked));
    this.view?.unlabel();
    if (!first) return;
    this.clickedAt = at;
    this.opener = undefined;
    this.select(first, others);
  }

  private selectionOf({ register, id, properties }: Picked): Selection {
    const known = this.registers.find((other) => other.id === register);
    return { register, id, label: featureLabel(properties, known, lang) };
  }

  private chooseResult({ properties, geometry }: SearchResult): void {
    const { register, uuid, label, bbox } = properties;
    if (!this.shown.has(register)) this.toggleLayer({ id: register, shown: true });
    this.goTo(geometry, bbox);
    this.openByKeyboard({ register, id: uuid, label });
  }

  private chooseFeature({ register, feature }: FeatureChoice): void {
    const known = this.registers.find(({ id }) => id === register);
    if (!this.shown.has(register)) this.toggleLayer({ id: register, shown: true });
    this.goTo(feature.geometry);
    this.openByKeyboard({ register, id: featureId(feature), label: featureLabel(feature.properties, known, lang) });
  }

  private chooseOther(selection: Selection): void {
    const others = this.selection ? [this.selection, ...this.others] : this.others;
    this.clickedAt = undefined;
    this.select(
      selection,
      others.filter((other) => other !== selection),
    );
    void this.focusDetails();
  }

  /** Opens details for someone who may not see the map, so the focus goes there. */
  private openByKeyboard(selection: Selection): void {
    this.opener = document.activeElement instanceof HTMLElement ? document.activeElement : undefined;
    this.clickedAt = undefined;
    this.select(selection, []);
    void this.focusDetails();
  }

  private async focusDetails(): Promise<void> {
    await this.updateComplete;
    await this.querySelector<FeatureDetails>('bandoso-details')?.focusName();
  }

  private select(selection: Selection, others: Selection[]): void {
    this.selection = selection;
    this.others = others;
    this.panel = 'details';
  }

  private showOnMap({ geometry, properties }: Feature): void {
    const { selection, view } = this;
    if (!selection || !view) return;
    view.mark(geometry);
    // Search knows one point of an area only, so its extent is shown once it is here.
    if (this.opener && geometry?.type !== 'Point') this.goTo(geometry);
    const register = this.registers.find(({ id }) => id === selection.register);
    const at =
      this.clickedAt ??
      (geometry?.type === 'Point' ? (geometry.coordinates.slice(0, 2) as [number, number]) : undefined);
    const name = featureLabel(properties, register, lang) || selection.label || t('details.noName');
    if (at) view.label(at, name, say(register?.title));
    else view.unlabel();
  }

  private goTo(geometry: GeoJSON.Geometry | null, bbox?: Bounds | null): void {
    const bounds = bbox ?? geometryBounds(geometry);
    if (bounds) this.view?.goTo(bounds);
  }

  /** Closes the panel; details opened from the list give it back, and the focus returns to where it was. */
  private async closePanel(): Promise<void> {
    const { panel, opener } = this;
    const bar = this.querySelectorAll<HTMLElement>('.panel-bar button')[PANELS.indexOf(panel ?? 'layers')];
    this.panel = panel === 'details' && opener?.closest('bandoso-list') ? 'list' : null;
    this.opener = undefined;
    await this.updateComplete;
    (panel === 'details' && opener?.isConnected ? opener : bar)?.focus();
  }
}

customElements.define('bandoso-map', MapApp);
