import { mergeConfig } from "vite";
import page from "./vite.config";

/** The explorer is a page of the book's, the demo one of the demo's: each room gets its own files. */
export default mergeConfig(page, {
  build: {
    outDir: "../leukgnn/book/explorer",
    rollupOptions: { input: "explorer.html" },
  },
});
