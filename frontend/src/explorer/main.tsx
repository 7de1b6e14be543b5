import { StrictMode } from "react";
import { createRoot } from "react-dom/client";
import "../style.css";
import "./explorer.css";
import { Explorer } from "./Explorer";

const root = document.getElementById("root");
if (root) {
  createRoot(root).render(
    <StrictMode>
      <Explorer />
    </StrictMode>,
  );
}
