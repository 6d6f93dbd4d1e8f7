// Server-sent events of a chat completion.
import type { Timings } from '../types';

/** Splits what arrives into the `data:` of events; pieces may end anywhere. */
export class EventSplitter {
  private rest = '';

  push(text: string): string[] {
    this.rest = (this.rest + text).replaceAll('\r\n', '\n');
    const events: string[] = [];
    for (;;) {
      const end = this.rest.indexOf('\n\n');
      if (end < 0) return events;
      const event = this.rest.slice(0, end);
      this.rest = this.rest.slice(end + 2);
      const data = event
        .split('\n')
        .filter((line) => line.startsWith('data:'))
        .map((line) => line.slice(5).replace(/^ /, ''));
      if (data.length > 0) events.push(data.join('\n'));
    }
  }
}

interface Chunk {
  choices?: { delta?: { content?: string }; finish_reason?: string | null }[];
  usage?: { prompt_tokens: number; completion_tokens: number } | null;
  error?: { message: string };
  occvla?: { timings?: Timings };
}

export interface Ended {
  finish: string | null;
  completionTokens: number | null;
  timings: Timings | null;
}

/** Reads a streamed answer; `onText` is given each piece as it arrives. */
export async function readAnswer(
  response: Response,
  onText: (text: string) => void,
): Promise<Ended> {
  const reader = response.body?.getReader();
  if (!reader) throw new Error('The answer has no body.');
  const decoder = new TextDecoder();
  const splitter = new EventSplitter();
  const ended: Ended = { finish: null, completionTokens: null, timings: null };
  for (;;) {
    const { done, value } = await reader.read();
    if (done) return ended;
    for (const data of splitter.push(decoder.decode(value, { stream: true }))) {
      if (data === '[DONE]') continue;
      const chunk = JSON.parse(data) as Chunk;
      if (chunk.error) throw new Error(chunk.error.message);
      const choice = chunk.choices?.[0];
      if (choice?.delta?.content) onText(choice.delta.content);
      if (choice?.finish_reason) ended.finish = choice.finish_reason;
      if (chunk.occvla?.timings) ended.timings = chunk.occvla.timings;
      if (chunk.usage) ended.completionTokens = chunk.usage.completion_tokens;
    }
  }
}
