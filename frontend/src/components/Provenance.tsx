const spelled = (value: object) =>
  Object.entries(value)
    .map(([name, version]) => `${name} ${version}`)
    .join(", ");

/** What the server says about its origin, whatever that is. */
export function Provenance({ facts }: { facts: Record<string, unknown> }) {
  return (
    <>
      <h3>Provenance</h3>
      <dl className="facts">
        {Object.entries(facts).map(([name, value]) => (
          <div key={name}>
            <dt>{name}</dt>
            <dd>{value instanceof Object ? spelled(value) : String(value)}</dd>
          </div>
        ))}
      </dl>
    </>
  );
}
