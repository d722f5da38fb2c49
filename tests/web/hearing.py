"""What a screen reader would be told of a page: its live regions as they change, and where the focus goes."""

from dataclasses import dataclass
from typing import Any

from playwright.sync_api import Page

LISTEN = """
(() => {
  const LIVE = '[role=status], [role=alert], [role=log], [aria-live=polite], [aria-live=assertive]';
  const heard = (window.heard = JSON.parse(sessionStorage.heard || '[]'));
  const known = new WeakMap();
  const isUnseen = (element) => {
    const { display, visibility } = getComputedStyle(element);
    return display === 'none' || visibility === 'hidden' || element.getAttribute('aria-hidden') === 'true';
  };
  const textOf = (node) => {
    if (node.nodeType === Node.TEXT_NODE) return node.data;
    if (node.nodeType !== Node.ELEMENT_NODE || isUnseen(node)) return '';
    return [...node.childNodes].map(textOf).join('');
  };
  const isReached = (element) => {
    for (let at = element; at; at = at.parentElement) if (isUnseen(at)) return false;
    return true;
  };
  const spoken = (element) => (isReached(element) ? textOf(element).replace(/\\s+/g, ' ').trim() : '');
  const note = (kind, text) => {
    heard.push({ kind, text, at_s: Date.now() / 1000 });
    sessionStorage.heard = JSON.stringify(heard);
  };
  const look = () => {
    for (const region of document.querySelectorAll(LIVE)) {
      const text = spoken(region);
      const isNew = !known.has(region);
      if (!isReached(region)) known.delete(region);
      if (!isReached(region) || known.get(region) === text) continue;
      known.set(region, text);
      if (!text) continue;
      const role = region.getAttribute('role') || region.getAttribute('aria-live');
      // Readers hear what changes in a region they know; of one that comes with its text, only an alert is sure to be told.
      note(isNew && role !== 'alert' ? 'unsure' : role, text);
    }
  };
  new MutationObserver(look).observe(document, {
    subtree: true, childList: true, characterData: true, attributes: true,
    attributeFilter: ['role', 'aria-live', 'aria-hidden', 'hidden', 'class', 'style'],
  });
  document.addEventListener('focusin', ({ target }) => {
    const label = target.getAttribute('aria-label') || [...(target.labels || [])].map(spoken).join(' ') || spoken(target);
    note(target.getAttribute('tabindex') === '-1' ? 'led' : 'focus', label);
  });
})();
"""
"""Runs in a page before its own scripts. What was heard before the page was left stays known."""


@dataclass(frozen=True)
class Heard:
    """One thing a screen reader says.

    Attributes
    ----------
    kind : str
        ``status`` or ``alert``: a live region changed; ``led``: the page put the focus on words; ``focus``: it came to
        something to operate; ``unsure``: a polite region appeared together with its text, which many readers pass over.
    text : str
        The words, without what is hidden from readers.
    at_s : float
        When, in seconds since 1970.
    """

    kind: str
    text: str
    at_s: float


def listen(page: Page) -> None:
    """Listen to this tab from the next page on."""
    page.add_init_script(LISTEN)


def heard_on(page: Page) -> list[Heard]:
    """Return what was said so far in this tab."""
    found: list[dict[str, Any]] = page.evaluate("() => window.heard")
    return [Heard(**one) for one in found]


def told(page: Page) -> list[str]:
    """Return what the page itself said so far; what the officer went to is left out."""
    return [one.text for one in heard_on(page) if one.kind != "focus"]
