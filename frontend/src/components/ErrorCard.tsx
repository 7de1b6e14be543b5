import { type ReactNode, useId } from "react";

interface Props {
  title: string;
  error: string;
  /** The level that fits where the card stands. */
  heading: "h2" | "h3";
  children?: ReactNode;
}

export function ErrorCard({ title, error, heading: Heading, children }: Props) {
  const id = useId();
  return (
    <article className="card error-card" aria-labelledby={id} data-testid="error-card">
      <svg className="error-icon" viewBox="0 0 24 24" aria-hidden="true">
        <path d="M12 2 23 21H1z" />
        <path className="error-sign" d="M12 9v6m0 2.2v.1" />
      </svg>
      <div>
        <Heading id={id}>{title}</Heading>
        <p>{error}</p>
        {children}
      </div>
    </article>
  );
}
