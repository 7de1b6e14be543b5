export function UntrainedBanner({ weights }: { weights: string }) {
  return (
    <aside className="banner" aria-label="Untrained features" data-testid="banner-untrained">
      <strong>These answers come from untrained features.</strong> No ImageNet weights were found on
      this machine, so cells are described by a ResNet-18 that never learned anything: {weights}.
    </aside>
  );
}
