import assert from 'node:assert/strict';
import { test } from 'node:test';
import { EventSplitter, readAnswer } from '../src/panels/stream';

test('events come out whole wherever the pieces end', () => {
  const text = 'data: {"a":1}\n\n: a comment\n\ndata: two\ndata: lines\r\n\r\ndata: [DONE]\n\n';
  for (let piece = 1; piece < text.length; ++piece) {
    const splitter = new EventSplitter();
    const events: string[] = [];
    for (let from = 0; from < text.length; from += piece)
      events.push(...splitter.push(text.slice(from, from + piece)));
    assert.deepEqual(events, ['{"a":1}', 'two\nlines', '[DONE]'], `pieces of ${piece}`);
  }
});

test('an answer is handed on piece by piece', async () => {
  const chunks = [
    { choices: [{ delta: { role: 'assistant', content: '' } }] },
    { choices: [{ delta: { content: 'Sc\u00e4ne' } }] },
    { choices: [{ delta: { content: ' one.' } }] },
    { choices: [{ delta: {}, finish_reason: 'stop' }] },
    { choices: [], usage: { prompt_tokens: 5, completion_tokens: 2 } },
  ];
  const body = chunks.map((chunk) => `data: ${JSON.stringify(chunk)}\n\n`).join('') + 'data: [DONE]\n\n';
  const bytes = new TextEncoder().encode(body);
  const stream = new ReadableStream({
    start(controller) {
      // One byte at a time: characters arrive in halves too.
      for (const byte of bytes) controller.enqueue(new Uint8Array([byte]));
      controller.close();
    },
  });
  const heard: string[] = [];
  const ended = await readAnswer(new Response(stream), (text) => heard.push(text));
  assert.deepEqual(heard, ['Sc\u00e4ne', ' one.']);
  assert.deepEqual(ended, { finish: 'stop', completionTokens: 2, timings: null });
});

test('an error that comes as an event is thrown', async () => {
  const response = new Response('data: {"error": {"message": "the queue is full"}}\n\n');
  await assert.rejects(readAnswer(response, () => {}), /the queue is full/);
});
