// Keeps the focus in the list when drawing moves or removes the element that has it.

/** What of an item can have the focus; the first is the link, or the field in its place. */
const STOPS = "a, input, button";

export class ListFocus {
  /** Whether the page is being drawn. */
  isDrawing = false;
  /** The item that has or had the focus, and those that follow and precede it, nearest first. */
  #ids = [];
  /** Which of the item's elements has the focus. */
  #stop = 0;
  #isInList = false;
  #isVisible = false;
  #preferred = null;

  /** Prefers an element, by its selector, if the next drawing removes the one with the focus. */
  prefer(selector) {
    this.#preferred = selector;
  }

  /** Remembers what has the focus; has to be called before the page is drawn. */
  remember() {
    this.isDrawing = true;
    const focused = document.activeElement;
    this.#isInList = focused.closest(".conversations, .list-notes") !== null;
    if (!this.#isInList) return;
    this.#isVisible = focused.matches(":focus-visible");
    this.#stop = 0;
    // The note about a deletion leads back to where the conversation was.
    if (focused.closest(".list-notes") !== null) return;
    const items = [...document.querySelectorAll(".conversations li")];
    const item = focused.closest("li");
    // Below all items is the button that loads more.
    const place = item === null ? items.length : items.indexOf(item);
    if (item !== null) this.#stop = stopsOf(item).indexOf(focused);
    this.#ids = [...items.slice(place), ...items.slice(0, place).reverse()].map(({ dataset }) => dataset.id);
  }

  /** Gives the focus back if the list has lost it; has to be called after the page was drawn. */
  restore() {
    this.isDrawing = false;
    const preferred = this.#preferred;
    this.#preferred = null;
    if (!this.#isInList || document.activeElement !== document.body) return;
    if (preferred !== null && this.#focus(document.querySelector(preferred))) return;
    const items = new Map([...document.querySelectorAll(".conversations li")].map((item) => [item.dataset.id, item]));
    const id = this.#ids.find((candidate) => items.has(candidate));
    const stops = id === undefined ? [] : stopsOf(items.get(id));
    // Where the list is hidden, nothing in it takes the focus.
    const isBack = [stops[0], document.querySelector(".new-chat"), document.querySelector("#message")].some((element) =>
      this.#focus(element),
    );
    // The buttons of an item are there once it has the focus.
    if (isBack && id === this.#ids[0]) this.#focus(stops[this.#stop]);
  }

  /** Moves the focus to an element; returns whether that was possible. */
  #focus(element) {
    // Who uses a mouse looks at the place where the focus was.
    element?.focus({ preventScroll: !this.#isVisible });
    return element === document.activeElement;
  }
}

function stopsOf(item) {
  return [...item.querySelectorAll(STOPS)];
}
