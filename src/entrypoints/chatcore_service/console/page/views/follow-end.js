// Keeps the end of a growing list in view, but only while the reader is there.

const NEAR_PIXELS = 48;

export class FollowEnd {
  #scroller = null;
  #isAtEnd = true;
  #lastTop = 0;
  #onChange;
  #grown = new ResizeObserver(() => this.#keep());

  /** @param {() => void} onChange is called when the reader leaves the end or comes back */
  constructor(onChange) {
    this.#onChange = onChange;
  }

  /** Whether the reader is at the end. */
  get isAtEnd() {
    return this.#isAtEnd;
  }

  /** Watches a scrolling element, which has the list as its only child. */
  watch(scroller) {
    if (scroller === this.#scroller) return;
    this.#grown.disconnect();
    this.#scroller = scroller;
    if (scroller === null) return;
    this.#grown.observe(scroller);
    this.#grown.observe(scroller.firstElementChild);
    scroller.addEventListener("scroll", () => this.#scrolled(), { passive: true });
  }

  /** Goes to the end and stays there. */
  jump() {
    this.#set(true);
    this.#keep();
  }

  /** Keeps what the reader sees in its place while `change` puts something in front of it. */
  async keepingPlace(change) {
    const scroller = this.#scroller;
    const fromEnd = scroller.scrollHeight - scroller.scrollTop;
    await change();
    requestAnimationFrame(() => {
      scroller.scrollTop = scroller.scrollHeight - fromEnd;
    });
  }

  #scrolled() {
    const { scrollTop, scrollHeight, clientHeight } = this.#scroller;
    const isNear = scrollHeight - scrollTop - clientHeight < NEAR_PIXELS;
    // Only the reader scrolls up; a list that grows moves its end away without that.
    if (isNear) this.#set(true);
    else if (scrollTop < this.#lastTop) this.#set(false);
    this.#lastTop = scrollTop;
  }

  #keep() {
    if (this.#isAtEnd && this.#scroller) this.#scroller.scrollTop = this.#scroller.scrollHeight;
  }

  #set(isAtEnd) {
    if (this.#isAtEnd === isAtEnd) return;
    this.#isAtEnd = isAtEnd;
    this.#onChange();
  }
}
