import { existsSync } from 'node:fs';
import { resolve } from 'node:path';
import { defineConfig } from 'vite';

const pages = ['index.html', 'review.html'].filter((page) => existsSync(resolve(__dirname, page)));

export default defineConfig({
  base: '/',
  build: {
    target: 'es2022',
    // three.js alone is above the limit that the warning has.
    chunkSizeWarningLimit: 1000,
    modulePreload: { polyfill: false },
    assetsInlineLimit: 0,
    rollupOptions: {
      input: pages.map((page) => resolve(__dirname, page)),
      output: {
        // Names without a hash: the program serves each file with an ETag of its content.
        entryFileNames: 'assets/[name].js',
        chunkFileNames: 'assets/[name].js',
        assetFileNames: 'assets/[name][extname]',
      },
    },
  },
  worker: {
    format: 'es',
    rollupOptions: { output: { entryFileNames: 'assets/[name].js' } },
  },
  server: {
    // For work on the page: npx vite web, beside `occvla view DATASET --port 8000`.
    proxy: { '/v1': 'http://127.0.0.1:8000' },
  },
});
