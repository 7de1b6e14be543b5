import { defineConfig } from "vite";

export default defineConfig({
  base: "./", // the page may be served below any path
  build: {
    outDir: "../leukgnn/demo/page",
    emptyOutDir: true,
    assetsInlineLimit: 0, // the server's content security policy allows files, not data in them
    modulePreload: { polyfill: false },
    license: { fileName: "licenses.md" }, // the package ships React, so its licence goes along
  },
});
