import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import type { Account } from '../core/types';
import type { DeskApi } from './deskApi';
import type { FilePicker } from './filePicker';
import { REGISTER } from './sampleReport';
import { UploadForm } from './uploadForm';

const ACCOUNT: Account = {
  ...{ username: 'a', role: 'commune_officer', display_name: 'A', registers: ['addresses'], csrf: 'x' },
  communes: [{ code: '99001', name: 'Xã An Mẫu' }],
};

let form: UploadForm;
let sent: { values: FormData; key: string }[];
let refused: boolean;
let going: string[];

function picker(): FilePicker {
  const found = form.querySelector<FilePicker>('bandoso-files');
  if (!found) throw new Error('no file picker');
  return found;
}

/** Drops files on the area, as a browser tells it. */
async function drop(...files: File[]): Promise<void> {
  const event = Object.assign(new Event('drop', { bubbles: true, cancelable: true }), { dataTransfer: { files } });
  picker().querySelector('.drop')?.dispatchEvent(event);
  await settle();
}

async function settle(): Promise<void> {
  await new Promise((resolve) => setTimeout(resolve, 5));
  await form.updateComplete;
  await picker().updateComplete;
}

async function submit(): Promise<void> {
  form.querySelector('form')?.dispatchEvent(new Event('submit', { cancelable: true, bubbles: true }));
  await settle();
}

async function mark(selector: string, value?: string): Promise<void> {
  const control = form.querySelector<HTMLSelectElement | HTMLInputElement>(selector);
  if (!control) throw new Error(`no ${selector}`);
  if (value !== undefined) control.value = value;
  control.dispatchEvent(new Event('change', { bubbles: true }));
  control.dispatchEvent(new Event('input', { bubbles: true }));
  await settle();
}

beforeEach(async () => {
  sent = [];
  refused = false;
  going = [];
  const sendFiles = (values: FormData, key: string) => {
    sent.push({ values, key });
    return refused ? Promise.reject(new Error('quá lớn')) : Promise.resolve({ id: 'u-9' });
  };
  form = new UploadForm();
  Object.assign(form, { api: { sendFiles } as unknown as DeskApi, registers: [REGISTER], account: ACCOUNT });
  form.addEventListener('file-sent', (event) => going.push((event as CustomEvent<string>).detail));
  document.body.append(form);
  await settle();
});

afterEach(() => document.body.replaceChildren());

describe('the form that sends files', () => {
  it('takes several dropped parts, replaces one of the same name and lets one be taken out', async () => {
    await drop(new File(['1'], 'nha.shp'), new File(['2'], 'nha.dbf'));
    await drop(new File(['22'], 'nha.dbf'));
    expect(form.files.map(({ name, size }) => `${name} ${size}`)).toEqual(['nha.shp 1', 'nha.dbf 2']);
    form.querySelector<HTMLButtonElement>('button[aria-label="Bỏ tệp nha.shp"]')?.click();
    await settle();
    expect(form.files.map(({ name }) => name)).toEqual(['nha.dbf']);
    expect(picker().querySelector('[role=status]')?.textContent).toBe('Số tệp đã chọn: 1');
    expect(document.activeElement?.id).toBe('upload-files');
  });
  it('says what is missing and goes there', async () => {
    await submit();
    expect(form.querySelector('[role=alert]')?.textContent).toBe('Hãy chọn ít nhất một tệp.');
    expect(document.activeElement?.id).toBe('upload-files');
    await drop(new File(['1'], 'a.csv'));
    await submit();
    expect(form.querySelector('[role=alert]')?.textContent).toBe('Hãy chọn lớp dữ liệu.');
    expect(document.activeElement?.id).toBe('upload-register');
    expect(sent).toEqual([]);
  });
  it('sends all files with register, commune and mode, to be reviewed, and goes on to their page', async () => {
    await drop(new File(['1'], 'nha.shp'), new File(['2'], 'nha.dbf'));
    await mark('#upload-register', 'addresses');
    await mark('#mode-replace');
    await submit();
    const values = sent[0]?.values;
    expect([...(values?.keys() ?? [])]).toEqual(['register', 'commune', 'mode', 'publish', 'file', 'file']);
    expect(['register', 'commune', 'mode', 'publish'].map((name) => values?.get(name))).toEqual([
      ...['addresses', '99001', 'replace', 'ask'],
    ]);
    expect(going).toEqual(['u-9']);
  });
  it('does not replace a whole list without a commune', async () => {
    await drop(new File(['1'], 'a.csv'));
    await mark('#upload-register', 'addresses');
    await mark('#upload-commune', '');
    await mark('#mode-replace');
    await submit();
    expect(form.querySelector('[role=alert]')?.textContent).toBe('Thay toàn bộ danh sách thì phải chọn xã.');
  });
  it('repeats a failed attempt under the same key, and uses another once something changed', async () => {
    refused = true;
    await drop(new File(['1'], 'a.csv'));
    await mark('#upload-register', 'addresses');
    await submit();
    expect(form.querySelector('[role=alert]')?.textContent).toBe('Không gửi được tệp: quá lớn');
    await submit();
    await mark('#mode-append');
    await submit();
    expect(sent[0]?.key).toBe(sent[1]?.key);
    expect(sent[2]?.key).not.toBe(sent[1]?.key);
  });
  it('tells once that it sends; how much is for the eye and for the bar', async () => {
    const told: string[] = [];
    form.api = {
      sendFiles: async (_form: FormData, _key: string, onProgress: (share: number) => void) => {
        for (const share of [0.1, 0.5, 1]) {
          onProgress(share);
          await settle();
          const status = form.querySelector('.upload-form > [role=status]')?.cloneNode(true) as HTMLElement;
          const bar = form.querySelector('progress');
          const seen = status.querySelector('[aria-hidden=true]');
          told.push(`${seen?.textContent ?? ''} ${bar?.getAttribute('value') ?? '-'}`);
          seen?.remove();
          told.push(status.textContent?.trim() ?? '');
        }
        return { id: 'u-9', state: 'received' };
      },
    } as unknown as DeskApi;
    await drop(new File(['1'], 'a.csv'));
    await mark('#upload-register', 'addresses');
    await submit();
    await vi.waitFor(() => expect(told).toHaveLength(6));
    expect(told.filter((_, index) => index % 2 === 1)).toEqual(Array(3).fill('Đang gửi tệp…'));
    expect(told.filter((_, index) => index % 2 === 0).map((text) => text.replace(/\s/g, ''))).toEqual(['10%10', '50%50', '-']);
  });
  it('explains each way to update', () => {
    for (const mode of ['upsert', 'replace', 'append']) {
      const id = form.querySelector(`#mode-${mode}`)?.getAttribute('aria-describedby') ?? '';
      expect(document.getElementById(id)?.textContent?.length).toBeGreaterThan(30);
    }
  });
});
