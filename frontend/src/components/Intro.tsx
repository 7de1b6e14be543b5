import type { Model } from "../api";
import { counted } from "../pure/wording";

export function Intro({ model }: { model: Model | undefined }) {
  const nearest = model ? `the ${model.k} cells` : "the cells";
  const reference = model ? counted(model.reference.cells, "reference cell") : "the reference cells";
  return (
    <div className="intro">
      <h1>leukgnn: see the graph decide</h1>
      <p>
        Give this page images of single white blood cells. A ResNet-18 describes each one with 512
        numbers, an edge joins it to {nearest} most like it among {reference}, and a two-layer graph
        network (GCN) says leukemic or healthy. You see which neighbours it was joined to, and what
        the same network says without them.
      </p>
    </div>
  );
}
