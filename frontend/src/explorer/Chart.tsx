import type { PlotOptions } from "@observablehq/plot";
import { plot } from "@observablehq/plot";
import { useEffect, useRef, useState } from "react";

interface Props {
  /** What it shows, for who does not see it; the numbers stand in the table. */
  label: string;
  options: (width: number) => PlotOptions;
}

/** One drawing, as wide as its place. */
export function Chart({ label, options }: Props) {
  const place = useRef<HTMLDivElement>(null);
  const [width, setWidth] = useState(0);
  useEffect(() => {
    const { current } = place;
    if (!current) return undefined;
    const observer = new ResizeObserver(([entry]) => setWidth(entry?.contentRect.width ?? 0));
    observer.observe(current);
    return () => observer.disconnect();
  }, []);
  useEffect(() => {
    const { current } = place;
    if (!current || width < 1) return;
    const drawn = plot({ ...options(width), width });
    drawn.setAttribute("aria-hidden", "true"); // its parts have names that say nothing alone
    current.replaceChildren(drawn);
  }, [options, width]);
  return <div ref={place} className="chart" role="img" aria-label={label} />;
}
