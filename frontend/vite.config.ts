import { readFileSync } from "node:fs";
import { gzipSync } from "node:zlib";
import { defineConfig, type Plugin } from "vite";

/** The runtime of the networks is large and packs well; pages on any static host get it packed. */
const packedRuntime = (): Plugin => ({
  name: "packed-runtime",
  generateBundle(_, bundle) {
    for (const [name, part] of Object.entries(bundle)) {
      if (part.type !== "asset" || !name.endsWith(".wasm")) continue;
      delete bundle[name];
      const source = gzipSync(part.source, { level: 9 });
      this.emitFile({ type: "asset", fileName: "assets/runtime.wasm.gz", source });
      const licences = readFileSync("licenses-runtime.md", "utf-8");
      this.emitFile({ type: "asset", fileName: "licenses-runtime.md", source: licences });
    }
  },
});

export default defineConfig({
  base: "./", // the page may be served below any path
  build: {
    outDir: "../leukgnn/demo/page",
    emptyOutDir: true,
    assetsInlineLimit: 0, // the server's content security policy allows files, not data in them
    modulePreload: { polyfill: false },
    license: { fileName: "licenses.md" }, // the package ships React, so its licence goes along
  },
  plugins: [packedRuntime()],
  worker: { format: "es", plugins: () => [packedRuntime()] },
});
