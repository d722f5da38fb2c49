/** Sends a form with files and tells how much of it is gone. */
import { ApiError, problemText, type Messages } from '../core/api';

/** A name for one attempt, so that a repeated request does nothing twice. Works without HTTPS too. */
export function idempotencyKey(): string {
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  return [...bytes].map((byte) => byte.toString(16).padStart(2, '0')).join('');
}

/**
 * Posts a form and returns the answer's text; `onProgress` hears the share sent so far, 0 to 1.
 *
 * `fetch` does not tell how much was sent, so this is an XMLHttpRequest.
 *
 * @throws ApiError when the service cannot be reached or refuses the form
 */
export async function postForm(
  url: string,
  form: FormData,
  headers: Record<string, string>,
  messages: Messages,
  onProgress: (share: number) => void,
): Promise<string> {
  const request = new XMLHttpRequest();
  request.open('POST', url);
  for (const [name, value] of Object.entries(headers)) request.setRequestHeader(name, value);
  request.upload.addEventListener('progress', ({ loaded, total }) => onProgress(total > 0 ? loaded / total : 0));
  await finished(request, form, messages);
  const response = answerOf(request);
  if (!response.ok) throw new ApiError(response.status, await problemText(response, messages.refused));
  return response.text();
}

function finished(request: XMLHttpRequest, form: FormData, messages: Messages): Promise<void> {
  return new Promise((resolve, reject) => {
    request.addEventListener('load', () => resolve());
    request.addEventListener('error', () => reject(new ApiError(0, messages.offline)));
    request.send(form);
  });
}

function answerOf(request: XMLHttpRequest): Response {
  const type = request.getResponseHeader('content-type') ?? '';
  return new Response(request.responseText || null, { status: request.status, headers: { 'content-type': type } });
}
