import type { Label } from "../api";
import { CENTRE_OF_MARK, ClassShape } from "./ClassShape";

/** A class by shape, colour and word, so that colour is never needed. */
export function ClassMark({ label }: { label: Label }) {
  const side = 2 * CENTRE_OF_MARK;
  return (
    <span className="class-mark">
      <svg viewBox={`0 0 ${side} ${side}`} aria-hidden="true">
        <ClassShape label={label} x={CENTRE_OF_MARK} y={CENTRE_OF_MARK} radius={7} />
      </svg>
      {label}
    </span>
  );
}
