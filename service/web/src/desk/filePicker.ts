/** `<bandoso-files>`: files dropped or chosen, several at once, with their sizes. */
import { html, nothing, type TemplateResult } from 'lit';
import { PageElement } from '../core/element';
import { d, size } from './words';

const ACCEPTED =
  '.zip,.shp,.shx,.dbf,.prj,.cpg,.gpkg,.geojson,.geojsonl,.geojsons,.json,.kml,.kmz,.gpx,.csv,.tsv,.txt,.xlsx,.xls,.ods,.dxf,.tab,.dat,.map,.id,.mif,.mid';

const MEBIBYTE = 1024 ** 2;

export class FilePicker extends PageElement {
  static override properties = {
    files: { attribute: false },
    disabled: { type: Boolean },
    over: { state: true },
    news: { state: true },
  };

  declare files: readonly File[];
  declare disabled: boolean;
  /** Whether something is being dragged over the area. */
  declare over: boolean;
  declare news: string;

  constructor() {
    super();
    this.files = [];
    this.disabled = false;
    this.over = false;
    this.news = '';
  }

  /** Puts the focus where files are chosen. */
  focusInput(): void {
    this.querySelector<HTMLInputElement>('input')?.focus();
  }

  /** Says that the files are larger than the service takes; empty when they are not. */
  tooLarge(): string {
    const [most, bytes] = [this.mostMebibytes, this.files.reduce((sum, file) => sum + file.size, 0)];
    return most && bytes > most * MEBIBYTE ? d('files.tooLarge', { size: size(bytes), most: size(most * MEBIBYTE) }) : '';
  }

  /** What the service takes at once, as the page has it; 0 where it does not say. */
  private get mostMebibytes(): number {
    return Number(this.closest('[max-mb]')?.getAttribute('max-mb') ?? 0);
  }

  protected override render(): TemplateResult {
    const most = this.mostMebibytes;
    return html`<div
        class=${this.over ? 'drop over' : 'drop'}
        @dragenter=${(event: DragEvent) => this.drag(event)}
        @dragover=${(event: DragEvent) => this.drag(event)}
        @dragleave=${(event: DragEvent) => this.dragOut(event)}
        @drop=${(event: DragEvent) => this.drop(event)}
      >
        <p class="drop-words" aria-hidden="true">${d('files.drop')}</p>
        <p aria-hidden="true">${d('files.or')}</p>
        <input
          class="visually-hidden"
          id="upload-files"
          type="file"
          multiple
          accept=${ACCEPTED}
          aria-describedby="files-hint"
          ?disabled=${this.disabled}
          @change=${(event: Event) => this.choose(event)}
        />
        <label for="upload-files" class="button">${d('files.label')}</label>
        <p id="files-hint" class="hint">
          ${d('files.hint')} ${most ? d('files.most', { most: size(most * MEBIBYTE) }) : nothing}
        </p>
      </div>
      <p role="status" class="visually-hidden">${this.news}</p>
      ${this.files.length > 0 ? this.list() : nothing}`;
  }

  private list(): TemplateResult {
    return html`<ul class="file-list" aria-label=${d('files.chosen')}>
      ${this.files.map(
        (file) =>
          html`<li>
            <span class="file-name">${file.name}</span> <small>${size(file.size)}</small>
            <button
              type="button"
              class="link"
              ?disabled=${this.disabled}
              aria-label=${d('files.removeNamed', { name: file.name })}
              @click=${() => this.takeOut(file)}
            >
              ${d('files.remove')}
            </button>
          </li>`,
      )}
    </ul>`;
  }

  private drag(event: DragEvent): void {
    if (this.disabled || !event.dataTransfer?.types.includes('Files')) return;
    event.preventDefault();
    this.over = true;
  }

  private dragOut(event: DragEvent): void {
    if (event.currentTarget instanceof Node && event.currentTarget.contains(event.relatedTarget as Node | null)) return;
    this.over = false;
  }

  private drop(event: DragEvent): void {
    event.preventDefault();
    this.over = false;
    if (!this.disabled) this.add([...(event.dataTransfer?.files ?? [])]);
  }

  private choose(event: Event): void {
    const input = event.target as HTMLInputElement;
    this.add([...(input.files ?? [])]);
    // The same file may be chosen again after it was mended.
    input.value = '';
  }

  /** Adds files; one of the same name takes the place of the earlier one. */
  private add(files: readonly File[]): void {
    if (files.length === 0) return;
    const names = new Set(files.map(({ name }) => name));
    this.change([...this.files.filter(({ name }) => !names.has(name)), ...files]);
  }

  private takeOut(file: File): void {
    this.change(this.files.filter((other) => other !== file));
    this.focusInput();
  }

  private change(files: readonly File[]): void {
    this.files = files;
    this.news = d('files.count', { n: files.length });
    this.emit('files-change', files);
  }
}

customElements.define('bandoso-files', FilePicker);
