import { defineConfig } from "vite";

/** The explorer is a page of the book's, the demo one of the demo's: each room gets its own files. */
export default defineConfig({
  base: "./",
  build: {
    outDir: "../leukgnn/book/explorer",
    emptyOutDir: true,
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
    license: { fileName: "licenses.md" },
    rollupOptions: { input: "explorer.html" },
  },
});
