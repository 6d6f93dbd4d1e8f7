// Turns a folder of files into sources that hold them, each compressed by gzip:
//
//   node embed.mjs DIST OUT             OUT/page.cc, OUT/page_files.S and OUT/gzip/*
//   node embed.mjs --absent REASON OUT  the same for a page that could not be built
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readFileSync, readdirSync, statSync, writeFileSync } from 'node:fs';
import { extname, join, relative } from 'node:path';
import { gzipSync } from 'node:zlib';

const types = {
  '.html': 'text/html; charset=utf-8',
  '.js': 'text/javascript; charset=utf-8',
  '.css': 'text/css; charset=utf-8',
  '.svg': 'image/svg+xml',
  '.json': 'application/json',
  '.png': 'image/png',
  '.woff2': 'font/woff2',
};

function filesIn(folder) {
  return readdirSync(folder)
    .sort()
    .flatMap((name) => {
      const path = join(folder, name);
      return statSync(path).isDirectory() ? filesIn(path) : [path];
    });
}

// A file that stays the same keeps its time, so that nothing is compiled for it.
function writeIfChanged(path, content) {
  if (existsSync(path) && readFileSync(path).equals(Buffer.from(content))) return;
  writeFileSync(path, content);
}

function literal(text) {
  return JSON.stringify(text);
}

function sourceOf(files, reason) {
  const declarations = files.map((f) => `extern const std::byte ${f.symbol}[], ${f.symbol}_end[];`);
  const rows = files.map(
    (f) =>
      `      {${literal(f.path)}, ${literal(f.type)}, ${literal(`"${f.hash}"`)},\n` +
      `       {${f.symbol}, ${f.symbol}_end}},`,
  );
  const list = files.length
    ? `  static const PageFile files[] = {\n${rows.join('\n')}\n  };\n`
    : '';
  return `#include "occvla/serve/viewer/page.h"

extern "C" {
${declarations.join('\n')}
}

namespace occvla::serve::viewer {

const Page& EmbeddedPage() {
${list}  static const Page page{${files.length ? 'files' : '{}'}, ${literal(reason)}};
  return page;
}

}  // namespace occvla::serve::viewer
`;
}

// The hash stands in the source too: the assembler's file changes whenever a content does.
function assemblyOf(files) {
  const parts = files.map(
    (f) => `    .global ${f.symbol}, ${f.symbol}_end
${f.symbol}:  # ${f.hash}
    .incbin ${literal(f.gzip)}
${f.symbol}_end:
    .byte 0`,
  );
  return `    .section .rodata
${parts.join('\n')}
    .section .note.GNU-stack,"",%progbits
`;
}

const [first, second, third] = process.argv.slice(2);
const absent = first === '--absent';
const out = absent ? third : second;
const files = [];
if (!absent) {
  mkdirSync(join(out, 'gzip'), { recursive: true });
  for (const path of filesIn(first)) {
    const bytes = readFileSync(path);
    const hash = createHash('sha256').update(bytes).digest('hex').slice(0, 24);
    const type = types[extname(path)];
    if (!type) throw new Error(`${path}: add its content type to embed.mjs`);
    const gzip = join(out, 'gzip', `${hash}.gz`);
    if (!existsSync(gzip)) writeFileSync(gzip, gzipSync(bytes, { level: 9 }));
    files.push({
      path: '/' + relative(first, path).replaceAll('\\', '/'),
      type,
      hash,
      gzip,
      symbol: `occvla_page_file_${files.length}`,
    });
  }
}
writeIfChanged(join(out, 'page.cc'), sourceOf(files, absent ? second : ''));
writeIfChanged(join(out, 'page_files.S'), assemblyOf(files));
