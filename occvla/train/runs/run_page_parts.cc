#include "occvla/train/runs/run_page_parts.h"

namespace occvla::train {

// The look of the evaluation's report page.
const char* const kPageStyle = R"css(
:root { color-scheme: light dark; --ink: #1d2733; --muted: #5b6775; --line: #d9dfe6; --page: #ffffff;
  --band: #f4f6f9; --ours: #0b6e4f; --second: #c2571a; --third: #2f6fb3; --bad: #b3261e; }
@media (prefers-color-scheme: dark) { :root { --ink: #e7ecf2; --muted: #9aa7b5; --line: #313b47;
  --page: #14191f; --band: #1b222a; --ours: #3ecf9b; --second: #ff9f5f; --third: #6fb1f2;
  --bad: #ff8a80; } }
body { margin: 0 auto; max-width: 1180px; padding: 24px; background: var(--page); color: var(--ink);
  font: 15px/1.5 system-ui, sans-serif; }
h1 { font-size: 26px; margin: 0 0 4px; } h2 { font-size: 19px; margin: 36px 0 8px; }
p { color: var(--muted); margin: 0 0 12px; max-width: 80ch; }
.status { font-weight: 600; color: var(--ours); } .status.failed, .status.lost { color: var(--bad); }
.status.stopped { color: var(--second); }
.tiles { display: grid; grid-template-columns: repeat(auto-fill, minmax(150px, 1fr)); gap: 10px;
  margin: 16px 0; }
.tile { background: var(--band); border-radius: 6px; padding: 10px 12px; }
.tile b { display: block; font-size: 20px; font-variant-numeric: tabular-nums; }
.tile span { color: var(--muted); font-size: 13px; overflow-wrap: anywhere; }
.tools { display: flex; flex-wrap: wrap; gap: 8px 28px; align-items: center; padding: 8px 12px;
  background: var(--band); border-radius: 6px; position: sticky; top: 0; z-index: 1; }
.tools label { display: flex; gap: 8px; align-items: center; }
.tools output { min-width: 3ch; font-variant-numeric: tabular-nums; }
input { accent-color: var(--ours); }
.charts { display: grid; grid-template-columns: repeat(auto-fill, minmax(min(100%, 520px), 1fr));
  gap: 20px; margin-top: 16px; }
figure { margin: 0; min-width: 0; }
.chart h3 { font-size: 15px; margin: 0; }
.legend { display: flex; flex-wrap: wrap; gap: 0 14px; color: var(--muted); font-size: 13.5px;
  min-height: 20px; font-variant-numeric: tabular-nums; }
.legend i { display: inline-block; width: 14px; height: 3px; border-radius: 2px; margin: 0 5px 3px 0; }
.note { color: var(--bad); font-size: 13.5px; }
svg { width: 100%; height: auto; display: block; touch-action: pan-y; }
svg text { fill: var(--muted); font: 12px system-ui, sans-serif; }
.grid { stroke: var(--line); stroke-width: 1; } .cursor { stroke: var(--muted); stroke-dasharray: 3 3; }
.raw { opacity: 0.3; stroke-width: 1; } .smooth { stroke-width: 2; } .raw, .smooth { fill: none; }
.wide { overflow-x: auto; }
table { border-collapse: collapse; font-variant-numeric: tabular-nums; }
.numbers { width: 100%; }
th, td { padding: 5px 9px; text-align: left; border-bottom: 1px solid var(--line); vertical-align: top; }
.numbers th, .numbers td { white-space: nowrap; }
.numbers td:nth-child(n+3), .numbers th:nth-child(n+3) { text-align: right; }
.facts td { overflow-wrap: anywhere; }
thead th { color: var(--muted); font-weight: 600; border-bottom: 2px solid var(--line); }
tbody th { font-weight: 600; }
.pictures { display: grid; grid-template-columns: repeat(auto-fill, minmax(min(100%, 340px), 1fr));
  gap: 16px; }
.pictures img { width: 100%; height: auto; border-radius: 4px; background: var(--band); }
figcaption { color: var(--muted); font-size: 13.5px; }
pre { background: var(--band); border-radius: 6px; padding: 12px; overflow-x: auto; font-size: 13px; }
summary { cursor: pointer; color: var(--muted); }
)css";

const char* const kPageScript = R"js(
'use strict';
const charts = JSON.parse(document.getElementById('data').textContent);
const svgName = 'http://www.w3.org/2000/svg';
const W = 560, H = 250, left = 58, right = 12, top_ = 8, bottom = 26;
const colours = {train: 'var(--ours)', val: 'var(--second)'};
const colour = (series) => colours[series] || 'var(--third)';

function element(name, attributes, parent, text) {
  const made = document.createElementNS(svgName, name);
  for (const key in attributes) made.setAttribute(key, attributes[key]);
  if (text !== undefined) made.textContent = text;
  if (parent) parent.appendChild(made);
  return made;
}

function number(value) {
  if (value === 0) return '0';
  const size = Math.abs(value);
  if (size >= 1e5 || size < 1e-3) return value.toExponential(2).replace(/\.?0+e/, 'e');
  return String(Number(value.toPrecision(4)));
}

// Exponential moving average whose start is not drawn to zero.
function smoothed(points, weight) {
  let sum = 0, total = 0;
  return points.map(([step, value]) => {
    sum = sum * weight + value;
    total = total * weight + 1;
    return [step, sum / total];
  });
}

function linearTicks(low, high) {
  const raw = (high - low) / 5, base = Math.pow(10, Math.floor(Math.log10(raw)));
  const size = base * [1, 2, 5, 10].find((factor) => factor * base >= raw * 0.999);
  const ticks = [];
  for (let i = Math.ceil(low / size); i * size <= high + size * 1e-9; ++i) ticks.push(i * size);
  return ticks;
}

function logTicks(low, high) {
  const decades = high - low, ticks = [];
  const every = Math.max(1, Math.ceil(decades / 6));
  for (let e = Math.floor(low); e <= high; ++e)
    for (const factor of decades < 2.5 ? [1, 2, 5] : [1]) {
      const at = e + Math.log10(factor);
      if (at >= low && at <= high && (decades < 2.5 || e % every === 0)) ticks.push(at);
    }
  // Less than a decade: round values, wherever they come to lie.
  return ticks.length > 2 ? ticks :
      linearTicks(Math.pow(10, low), Math.pow(10, high)).filter((value) => value > 0).map(Math.log10);
}

// Single outliers of the raw curve do not flatten everything else.
function range(values) {
  const sorted = values.slice().sort((a, b) => a - b);
  const cut = Math.floor(sorted.length * 0.005);
  let low = sorted[cut], high = sorted[sorted.length - 1 - cut];
  if (low === high) {
    const pad = Math.abs(low) * 0.1 || 1;
    return [low - pad, high + pad];
  }
  const pad = (high - low) * 0.05;
  return [low - pad, high + pad];
}

function nearest(points, step) {
  let a = 0, b = points.length - 1;
  while (b - a > 1) {
    const middle = (a + b) >> 1;
    if (points[middle][0] < step) a = middle; else b = middle;
  }
  return Math.abs(points[a][0] - step) <= Math.abs(points[b][0] - step) ? a : b;
}

function draw(chart, figure, settings) {
  const names = Object.keys(chart.series).filter((name) => chart.series[name].length);
  const legend = figure.querySelector('.legend'), old = figure.querySelector('svg');
  if (old) old.remove();
  if (!names.length) return;
  const positive = names.some((name) => chart.series[name].some((point) => point[1] > 0));
  const log = settings.log && positive;
  const scaleValue = (value) => log ? Math.log10(value) : value;
  const lines = names.map((name) => {
    const raw = chart.series[name];
    const weight = name === 'train' ? settings.smoothing : 0;
    return {name, raw, shown: weight > 0 && raw.length > 2 ? smoothed(raw, weight) : raw};
  });
  const drawn = (points) => log ? points.filter((point) => point[1] > 0) : points;
  const values = [], steps = [];
  for (const line of lines)
    for (const points of [line.raw, line.shown])
      for (const [step, value] of drawn(points)) values.push(scaleValue(value)), steps.push(step);
  const [low, high] = range(values);
  let first = steps.reduce((a, b) => Math.min(a, b)), last = steps.reduce((a, b) => Math.max(a, b));
  if (first === last) first -= 1, last += 1;
  const x = (step) => left + (step - first) / (last - first) * (W - left - right);
  const y = (value) => top_ + (high - scaleValue(value)) / (high - low) * (H - top_ - bottom);

  const svg = element('svg', {viewBox: `0 0 ${W} ${H}`, role: 'img', 'aria-label': chart.title}, figure);
  const clip = 'clip' + chart.index;
  element('rect', {x: left, y: top_, width: W - left - right, height: H - top_ - bottom},
          element('clipPath', {id: clip}, svg));
  for (const tick of log ? logTicks(low, high) : linearTicks(low, high)) {
    const at = top_ + (high - tick) / (high - low) * (H - top_ - bottom);
    element('line', {x1: left, x2: W - right, y1: at, y2: at, class: 'grid'}, svg);
    element('text', {x: left - 6, y: at + 4, 'text-anchor': 'end'}, svg,
            number(log ? Math.pow(10, tick) : Number(tick.toPrecision(10))));
  }
  for (const tick of linearTicks(first, last).filter(Number.isInteger)) {
    element('text', {x: x(tick), y: H - 8, 'text-anchor': 'middle'}, svg, String(tick));
  }
  const plot = element('g', {'clip-path': `url(#${clip})`}, svg);
  const path = (points, name, kind) => {
    const d = drawn(points).map(([step, value], i) =>
        (i ? 'L' : 'M') + x(step).toFixed(1) + ' ' + y(value).toFixed(1)).join('');
    element('path', {d, class: kind, stroke: colour(name)}, plot);
  };
  for (const line of lines) {
    if (line.shown !== line.raw) path(line.raw, line.name, 'raw');
    path(line.shown, line.name, 'smooth');
    if (line.raw.length < 40)
      for (const [step, value] of drawn(line.raw))
        element('circle', {cx: x(step), cy: y(value), r: 2.5, fill: colour(line.name)}, plot);
  }

  const cursor = element('g', {}, svg);
  const show = (step) => {
    cursor.replaceChildren();
    legend.replaceChildren();
    if (step !== null)
      element('line', {x1: x(step), x2: x(step), y1: top_, y2: H - bottom, class: 'cursor'}, cursor);
    for (const line of lines) {
      const at = step === null ? line.raw.length - 1 : nearest(line.raw, step);
      const [where, raw] = line.raw[at], value = line.shown[at][1];
      const entry = document.createElement('span'), mark = document.createElement('i');
      mark.style.background = colour(line.name);
      entry.append(mark, `${line.name} ${number(raw)}` +
          (line.shown !== line.raw ? ` (smoothed ${number(value)})` : '') + ` at step ${where}`);
      legend.append(entry);
      if (step !== null && (!log || value > 0))
        element('circle', {cx: x(where), cy: y(value), r: 4, fill: colour(line.name)}, cursor);
    }
    if (settings.log && !positive) legend.append(' (no positive values: linear scale)');
  };
  svg.addEventListener('pointermove', (event) => {
    const box = svg.getBoundingClientRect();
    const at = (event.clientX - box.left) / box.width * W;
    const step = first + (at - left) / (W - left - right) * (last - first);
    const main = lines[0].raw;
    show(main[nearest(main, step)][0]);
  });
  svg.addEventListener('pointerleave', () => show(null));
  show(null);
}

const root = document.querySelector('.charts');
const smoothing = document.getElementById('smoothing'), log = document.getElementById('log');
charts.forEach((chart, index) => {
  chart.index = index;
  const figure = document.createElement('figure');
  figure.className = 'chart';
  const title = document.createElement('h3');
  title.textContent = chart.title;
  const legend = document.createElement('div');
  legend.className = 'legend';
  figure.append(title, legend);
  for (const text of chart.notes) {
    const note = document.createElement('div');
    note.className = 'note';
    note.textContent = text;
    figure.append(note);
  }
  chart.figure = figure;
  root.append(figure);
});
function drawAll() {
  document.getElementById('weight').textContent = smoothing.value;
  const settings = {smoothing: Number(smoothing.value), log: log.checked};
  for (const chart of charts) draw(chart, chart.figure, settings);
}
smoothing.addEventListener('input', drawAll);
log.addEventListener('change', drawAll);
drawAll();
)js";

}  // namespace occvla::train
