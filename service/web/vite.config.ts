/// <reference types="vitest/config" />
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { brotliCompressSync, constants, gzipSync } from 'node:zlib';
import { defineConfig, type Plugin } from 'vite';

const OUT = 'dist';
const COMPRESSIBLE = /\.(js|css|svg)$/;

/** Writes .br and .gz beside each asset once, so that no request pays for compressing it. */
function precompressed(): Plugin {
  return {
    name: 'precompressed',
    apply: 'build',
    closeBundle() {
      const folder = join(import.meta.dirname, OUT, 'assets');
      for (const name of readdirSync(folder)) {
        if (!COMPRESSIBLE.test(name)) continue;
        const content = readFileSync(join(folder, name));
        const params = { [constants.BROTLI_PARAM_QUALITY]: constants.BROTLI_MAX_QUALITY };
        writeFileSync(join(folder, `${name}.br`), brotliCompressSync(content, { params }));
        writeFileSync(join(folder, `${name}.gz`), gzipSync(content, { level: 9 }));
      }
    },
  };
}

/** The one-tag widget is fetched by other sites as a single file: it may import nothing. */
function standaloneWidget(): Plugin {
  return {
    name: 'standalone-widget',
    apply: 'build',
    generateBundle(_options, bundle) {
      for (const chunk of Object.values(bundle)) {
        if (chunk.type !== 'chunk' || chunk.name !== 'widget') continue;
        if (chunk.imports.length > 0) this.error(`widget.js must stand alone but imports ${chunk.imports.join(', ')}`);
      }
    },
  };
}

export default defineConfig({
  base: './',
  publicDir: false,
  build: {
    outDir: OUT,
    emptyOutDir: true,
    manifest: 'manifest.json',
    license: { fileName: 'assets/licenses.md' },
    target: 'es2022',
    modulePreload: { polyfill: false },
    chunkSizeWarningLimit: 1100,
    assetsInlineLimit: 0,
    rolldownOptions: {
      input: {
        map: 'src/map.ts',
        desk: 'src/desk.ts',
        upload: 'src/upload.ts',
        revisions: 'src/revisions.ts',
        tileReport: 'src/tileReport.ts',
        check: 'src/check.ts',
        outline: 'src/outline.ts',
        page: 'src/styles/page.css',
        icon: 'src/icon.svg',
        widget: 'src/widget.ts',
      },
    },
  },
  plugins: [standaloneWidget(), precompressed()],
  test: {
    environment: 'happy-dom',
    // Lit says each time that tests run its development build.
    onConsoleLog: (text) => !text.includes('Lit is in dev mode'),
    include: ['src/**/*.test.ts'],
  },
});
