// Keeps the end of a growing list in view, or a place in it, but only while the reader is there.

const NEAR_PIXELS = 48;
/** So long after the reader has used the wheel, a finger or a key, a scrolling is the reader's. */
const BY_READER_MS = 400;
const GESTURES = ["wheel", "touchmove", "pointerdown", "pointermove", "keydown"];

export class FollowEnd {
  #scroller = null;
  #isAtEnd = true;
  #findPlace = null;
  #kept = { top: 0, height: 0 };
  #gestureAt = -Infinity;
  #onChange;
  #grown = new ResizeObserver(() => this.keep());

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
    for (const type of GESTURES) scroller.addEventListener(type, (event) => this.#gestured(event), { passive: true });
    scroller.addEventListener("scroll", () => this.#scrolled(), { passive: true });
  }

  /** Goes to the end and stays there. */
  jump() {
    this.#findPlace = null;
    this.#set(true);
    this.keep();
  }

  /** Stays where the list is. */
  leave() {
    this.#findPlace = null;
    this.#set(false);
  }

  /**
   * Keeps a place in view until the reader scrolls, since messages that come into view get their heights only then.
   *
   * @param {() => Element|Range|null} find returns the place, or null if it is gone
   */
  keepInView(find) {
    this.#findPlace = find;
    this.#set(false);
    this.keep();
  }

  /** Scrolls to what is kept in view, unless the reader has left it. */
  keep() {
    if (this.#scroller === null) return;
    const place = this.#findPlace?.() ?? null;
    // Where everything is seen, so is the end.
    if (this.#scroller.scrollHeight <= this.#scroller.clientHeight) this.#set(true);
    if (place !== null) this.#scrollTo(place);
    else if (this.#isAtEnd) this.#scroller.scrollTop = this.#scroller.scrollHeight;
    else return;
    this.#kept = { top: this.#scroller.scrollTop, height: this.#scroller.scrollHeight };
  }

  /** Keeps what the reader sees in its place when the page is drawn with what `change` puts in front of it. */
  async keepingPlace(change) {
    await change();
    // The heights of messages may change as well, so a message is kept in its place and not a distance to the end.
    const seen = this.#firstSeen();
    if (seen === null) return;
    const { top } = seen.getBoundingClientRect();
    requestAnimationFrame(() => {
      this.#scroller.scrollTop += seen.getBoundingClientRect().top - top;
    });
  }

  #firstSeen() {
    const { top } = this.#scroller.getBoundingClientRect();
    const messages = [...this.#scroller.querySelectorAll("article")];
    return messages.find((message) => message.getBoundingClientRect().bottom > top) ?? null;
  }

  #scrolled() {
    const { scrollTop, scrollHeight, clientHeight } = this.#scroller;
    const isNear = scrollHeight - scrollTop - clientHeight < NEAR_PIXELS;
    // A list that changes its height is scrolled by the browser as well. A list that does not is scrolled by the reader,
    // or by a program that reads the page to one.
    const isByReader = performance.now() - this.#gestureAt < BY_READER_MS || scrollHeight === this.#kept.height;
    if (isNear) this.#set(true);
    else if (isByReader && scrollTop < this.#kept.top) this.#set(false);
  }

  #gestured(event) {
    // A pointer that only moves, without a button, does not drag the bar.
    if (event.type === "pointermove" && event.buttons === 0) return;
    this.#gestureAt = performance.now();
    this.#findPlace = null;
  }

  /** Brings a place into the middle, or its beginning to the top if it is taller than the list. */
  #scrollTo(place) {
    const seen = this.#scroller.getBoundingClientRect();
    const { top, height } = place.getBoundingClientRect();
    this.#scroller.scrollTop += top - seen.top - Math.max((seen.height - height) / 2, 0);
  }

  #set(isAtEnd) {
    if (this.#isAtEnd === isAtEnd) return;
    this.#isAtEnd = isAtEnd;
    this.#onChange();
  }
}
