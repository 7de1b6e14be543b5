/** Not from the server: it must be there even when the server is not. */
export function NoticeBar() {
  return (
    <header className="notice-bar">
      <span className="brand">leukgnn</span>
      <strong data-testid="notice">Research only, not a medical device</strong>
    </header>
  );
}
