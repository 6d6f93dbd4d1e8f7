// The list that is being worked through, the key frame that is judged, and what was decided.
import type { Api } from './api';
import type {
  Filter,
  Progress,
  ReviewDetail,
  ReviewItem,
  ReviewPage,
  Verdict,
} from './review_types';
import type { Frame } from './types';

const pageSize = 5000;
const ahead = 2; // Key frames that are fetched before they are asked for.

export interface Sight {
  item: ReviewDetail;
  frame: Frame;
  front: ImageBitmap | null;
}

export interface Judgement {
  verdict: Verdict;
  changed_to?: string;
  comment?: string;
}

export class ReviewDesk {
  items: ReviewItem[] = [];
  progress: Progress = { keyframes: 0, decided: 0, accepted: 0, changed: 0, commented: 0 };
  filter: Filter = 'undecided';
  at = 0; // Index into `items`.

  private readonly frames = new Map<string, Promise<[Frame, ImageBitmap | null]>>();
  private readonly decided: string[] = []; // In this session, oldest first.

  constructor(
    private readonly api: Api,
    public who: string,
  ) {}

  get current(): ReviewItem | undefined {
    return this.items[this.at];
  }

  /** Reads the list anew; stays at a key frame that is still on it. */
  async load(filter: Filter, stayAt: string | null = null): Promise<void> {
    this.filter = filter;
    const items: ReviewItem[] = [];
    for (;;) {
      const query = new URLSearchParams({
        status: filter,
        offset: String(items.length),
        limit: String(pageSize),
      });
      const page = await this.json<ReviewPage>(`/v1/review/items?${query.toString()}`);
      items.push(...page.items);
      this.progress = page.progress;
      if (items.length >= page.total || page.items.length === 0) break;
    }
    this.items = items;
    const kept = items.findIndex((item) => item.token === stayAt);
    this.at = kept >= 0 ? kept : Math.min(this.at, Math.max(0, items.length - 1));
  }

  /** Everything about a key frame; its history as it is now. */
  async see(token: string): Promise<Sight> {
    const [item, [frame, front]] = await Promise.all([
      this.json<ReviewDetail>(`/v1/review/items/${token}`),
      this.frame(token),
    ]);
    return { item, frame, front };
  }

  prefetch(): void {
    for (const item of this.items.slice(this.at + 1, this.at + 1 + ahead))
      this.frame(item.token).catch(() => undefined); // Told when it is asked for.
  }

  /** Resolves when the server has it on its disk. */
  async judge(item: ReviewItem, judgement: Judgement): Promise<void> {
    const response = await this.api.send(`/v1/review/items/${item.token}`, {
      method: 'POST',
      headers: { 'Content-Type': 'application/json' },
      body: JSON.stringify({ ...judgement, proposed: item.proposed, who: this.who }),
    });
    const answer = (await response.json()) as { item: ReviewItem; progress: Progress };
    Object.assign(item, answer.item);
    this.progress = answer.progress;
    if (judgement.verdict === 'accept' || judgement.verdict === 'change')
      this.decided.push(item.token);
  }

  /** Goes to the next one that the filter would show; false at the end of the list. */
  next(): boolean {
    for (let index = this.at + 1; index < this.items.length; ++index) {
      if (this.filter === 'undecided' && this.items[index]?.verdict !== 'undecided') continue;
      this.at = index;
      return true;
    }
    return false;
  }

  step(by: number): boolean {
    const to = this.at + by;
    if (to < 0 || to >= this.items.length) return false;
    this.at = to;
    return true;
  }

  /** Takes back the latest decision of this session, or that on the current key frame. */
  async undo(): Promise<ReviewItem | null> {
    const token = this.decided[this.decided.length - 1];
    const index = this.items.findIndex((item) => item.token === token);
    const item = index >= 0 ? this.items[index] : this.current;
    if (!item || item.verdict === 'undecided') return null;
    await this.judge(item, { verdict: 'undo' });
    if (index >= 0) {
      this.decided.pop();
      this.at = index;
    }
    return item;
  }

  private frame(token: string): Promise<[Frame, ImageBitmap | null]> {
    const known = this.frames.get(token);
    if (known) return known;
    const made = Promise.all([
      this.json<Frame>(`/v1/frames/${token}`),
      this.api.image(token, 'CAM_FRONT').catch(() => null),
    ]);
    made.catch(() => this.frames.delete(token));
    this.frames.set(token, made);
    if (this.frames.size > 12) this.frames.delete(this.frames.keys().next().value as string);
    return made;
  }

  private async json<T>(path: string): Promise<T> {
    return (await (await this.api.send(path)).json()) as T;
  }
}
