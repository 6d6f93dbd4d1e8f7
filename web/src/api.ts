// Requests to the server that the page came from; to no other.
import type { Comparison, Frame, Metrics, Overview, Prediction } from './types';

export class HttpError extends Error {
  constructor(
    readonly status: number,
    message: string,
  ) {
    super(message);
  }
}

const storedToken = 'occvla-token';

/** Asks the person for the server's token; nothing when they give none. */
export type AskForToken = () => Promise<string | null>;

export class Api {
  private token: string | null = null;
  private asking: Promise<void> | null = null;
  private readonly askForToken: AskForToken;

  constructor(askForToken: AskForToken) {
    this.askForToken = askForToken;
    this.token = sessionStorage.getItem(storedToken);
  }

  setToken(token: string): void {
    this.token = token;
    sessionStorage.setItem(storedToken, token);
  }

  /** Sends a request with the token; asks for one when the server wants it. */
  async send(path: string, init: RequestInit = {}): Promise<Response> {
    for (;;) {
      const sentWith = this.token;
      const headers = new Headers(init.headers);
      if (sentWith) headers.set('Authorization', `Bearer ${sentWith}`);
      const response = await fetch(path, { ...init, headers });
      if (response.ok) return response;
      if (response.status !== 401) throw await errorOf(response);
      if (this.token === sentWith && !(await this.newToken())) throw await errorOf(response);
    }
  }

  overview(): Promise<Overview> {
    return this.json('/v1/frames');
  }

  frame(token: string): Promise<Frame> {
    return this.json(`/v1/frames/${token}`);
  }

  prediction(token: string, run: string): Promise<Prediction> {
    return this.json(`/v1/frames/${token}/predictions?run=${encodeURIComponent(run)}`);
  }

  metrics(run: string): Promise<Metrics> {
    return this.json(`/v1/runs/metrics?run=${encodeURIComponent(run)}`);
  }

  compare(a: string, b: string, by: string): Promise<Comparison> {
    const query = new URLSearchParams({ a, b, by });
    return this.json(`/v1/runs/compare?${query.toString()}`);
  }

  async image(token: string, camera: string): Promise<ImageBitmap> {
    const response = await this.send(`/v1/frames/${token}/images/${camera}`);
    return createImageBitmap(await response.blob());
  }

  /** Labels [200][200][16], first axis x. */
  async occupancy(token: string, run: string | null, mask: string): Promise<Uint8Array> {
    const query = new URLSearchParams({ mask });
    if (run !== null) query.set('run', run);
    const response = await this.send(`/v1/frames/${token}/occupancy?${query.toString()}`);
    return new Uint8Array(await response.arrayBuffer());
  }

  /** The model that answers questions; null where the server has none. */
  async model(): Promise<string | null> {
    try {
      const list = await this.json<{ data: { id: string }[] }>('/v1/models');
      return list.data[0]?.id ?? null;
    } catch (error) {
      if (error instanceof HttpError && error.status === 404) return null;
      throw error;
    }
  }

  private async json<T>(path: string): Promise<T> {
    return (await (await this.send(path)).json()) as T;
  }

  // Several requests may be refused at once; the person is asked once.
  private async newToken(): Promise<boolean> {
    const before = this.token;
    this.asking ??= this.askForToken().then((token) => {
      this.asking = null;
      if (token) this.setToken(token);
    });
    await this.asking;
    return this.token !== before && this.token !== null;
  }
}

async function errorOf(response: Response): Promise<HttpError> {
  let message = `The server answered ${response.status}.`;
  try {
    const body = (await response.json()) as { error?: { message?: string } };
    message = body.error?.message ?? message;
  } catch {
    // Not JSON: the status has to do.
  }
  return new HttpError(response.status, message);
}
