import assert from 'node:assert/strict';
import { test } from 'node:test';
import { answersTo } from '../src/panels/frame';

const questions = ['nuscenes-qa/exist/0', 'omnidrive/conversation', 'nuscenes-qa/count/0'].map(
  (kind) => ({ question: kind, answer: '', kind }),
);

test('answers stand beside the questions that were asked', () => {
  assert.deepEqual(answersTo(questions, ['a', 'b', 'c']), ['a', 'b', 'c']);
  assert.deepEqual(answersTo(questions, ['a', 'c']), ['a', undefined, 'c']);
});

test('answers to other questions stand beside none', () => {
  assert.deepEqual(answersTo(questions, ['a']), [undefined, undefined, undefined]);
  assert.deepEqual(answersTo(questions, []), [undefined, undefined, undefined]);
});
