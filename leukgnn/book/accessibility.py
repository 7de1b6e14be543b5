"""What axe, which knows the rules of accessible pages, finds wrong with a page in a browser."""

from typing import Any

IMPACTS = ("critical", "serious")
COLOURS = ("color-contrast", "link-in-text-block")  # slow, and the same at every width
MINOR = ("region",)  # slow, and of moderate impact
# Milliseconds. The theme makes what scrolls at a new width a tab stop only after 300.
SETTLED = 350

# What a button of the page hides is opened, as a reader may, and what moves comes to its end.
SET = """async theme => {
    const root = document.documentElement;
    root.dataset.theme = root.dataset.mode = theme;
    for (const details of document.querySelectorAll('details')) details.open = true;
    for (const hidden of document.querySelectorAll('.toggle-hidden'))
        hidden.classList.remove('toggle-hidden');
    await new Promise(drawn => requestAnimationFrame(() => requestAnimationFrame(drawn)));
    for (const moving of document.getAnimations())
        if (moving.effect.getComputedTiming().endTime < Infinity) moving.finish();
}"""
# Thousands of texts on a page look alike, so one of each look is marked for axe to look at: of
# each colour, on each ground, large or not as axe takes it.
MARK = """() => {
    const looks = new Set(), grounds = new Map([[null, '']]);
    const ground = element => {
        if (!grounds.has(element)) {
            const style = getComputedStyle(element);
            const own = [style.backgroundColor, style.backgroundImage, style.opacity].join();
            const seen = own === 'rgba(0, 0, 0, 0),none,1' ? '' : own;
            grounds.set(element, ground(element.parentElement) + seen);
        }
        return grounds.get(element);
    };
    for (const element of document.querySelectorAll('body *')) {
        element.removeAttribute('data-look');
        const text = [...element.childNodes].some(node => node.nodeType === 3 && node.data.trim());
        if (!text && !element.matches('input, select, textarea')) continue;
        if (!element.checkVisibility() || element.getBoundingClientRect().width <= 1) continue;
        const {color, fontSize, fontWeight} = getComputedStyle(element);
        const large = parseFloat(fontSize) >= (fontWeight < 700 ? 24 : 18.66);
        const look = [color, large, ground(element)].join();
        if (!looks.has(look)) element.setAttribute('data-look', '');
        looks.add(look);
    }
}"""
RUN = """async options => {
    axe.configure({rules: [{id: 'color-contrast', selector: '[data-look]'}]});
    const found = await axe.run({preload: false, resultTypes: ['violations'], ...options});
    const first = rule => rule.nodes[0].target.join(' ').replaceAll('[data-look=""]', '');
    return found.violations.map(rule => [rule.impact, rule.id, first(rule)]);
}"""


def script() -> str | None:
    """Axe itself, for `wide`; None where it is not installed."""
    try:
        from axe_playwright_python.base import AXE_SCRIPT
    except ImportError:
        return None
    return str(AXE_SCRIPT)


def wide(page: Any, axe: str) -> list[str]:
    """Findings of critical or serious impact on the open page, in the dark theme and the light one.

    Parameters
    ----------
    page : Page
        As `playwright` drives it. It is left in its light theme, with all opened that it hides.
    axe : str
        What `script` gives.

    Returns
    -------
    list of str
        For each rule that is broken the theme, the rule and the first element that breaks it.
        Colours are looked at in both themes, everything else in the light one alone.
    """
    page.evaluate(axe)
    _show(page, "dark")
    dark = _broken(page, "dark", {"runOnly": list(COLOURS)})
    _show(page, "light")
    return dark + _broken(page, "light", {"rules": _without(*MINOR)})


def narrow(page: Any) -> list[str]:
    """The same as `wide`, but for colours, when its page has become as narrow as a phone."""
    page.wait_for_timeout(SETTLED)
    return _broken(page, "light", {"rules": _without(*MINOR, *COLOURS)})


def _without(*rules: str) -> dict[str, dict[str, bool]]:
    return {rule: {"enabled": False} for rule in rules}


def _show(page: Any, theme: str) -> None:
    """Put the page into a theme, and mark what `RUN` looks at for contrast."""
    page.emulate_media(color_scheme=theme)  # pages without our theme follow the reader's system
    page.evaluate(SET, theme)
    page.evaluate(MARK)


def _broken(page: Any, theme: str, options: dict[str, Any]) -> list[str]:
    return [
        f"in the {theme} theme axe's rule {rule} ({impact}) is broken by {target}"
        for impact, rule, target in page.evaluate(RUN, options)
        if impact in IMPACTS
    ]
