// The conversation that the reader has open: its messages, the reply that is being written, and what the reader does.
import { followReply } from "../replies/follow.js";
import { Refused } from "../service/problems.js";
import { retrying } from "../service/retrying.js";
import { Delivery, MOST_ATTEMPTS } from "./delivery.js";
import { newId } from "./ids.js";
import { Observable } from "./observable.js";
import { ReplyLogs } from "./reply-logs.js";
import { WaitingNote } from "./waiting-note.js";

export class OpenChat extends Observable {
  /** The conversation; null in a new chat, and until it is loaded. */
  conversation = null;
  /** The messages that are loaded, oldest first. */
  messages = [];
  /** `loading`, `ready`, `missing` or `failed`. */
  state = "ready";
  /** What went wrong last, in a sentence, or null. */
  problem = null;
  /** A text that was refused and that the reader can change. */
  returned = null;
  #note = new WaitingNote(() => this.changed());
  #id = null;
  #api;
  #outbox;
  #logs = new ReplyLogs();
  #previousCursor = null;
  #isLoadingOlder = false;
  #following = null;
  #delivery;
  #onConversation;

  /**
   * @param {Api} api the service
   * @param {Outbox} outbox messages that the service has not acknowledged
   * @param {(conversation: object) => void} onConversation is called with each newer description of the conversation
   */
  constructor(api, outbox, onConversation) {
    super();
    this.#api = api;
    this.#outbox = outbox;
    this.#onConversation = onConversation;
    this.#delivery = new Delivery(api, outbox, {
      created: (unsent, conversation) => this.#created(unsent, conversation),
      begun: (unsent, turn) => this.#id === unsent.conversationId && this.#showTurn(turn),
      refused: (unsent, failure) => this.#notSent(unsent, failure, { isRefused: true }),
      failed: (unsent, failure) => this.#notSent(unsent, failure, { isRefused: false }),
      waiting: (isWaiting) => this.#note.set(isWaiting),
    });
  }

  /** The id of the open conversation; null in a new chat. */
  get id() {
    return this.#id;
  }

  /** The reply that is being written, or null. */
  get running() {
    return this.messages.findLast((message) => message.status === "streaming") ?? null;
  }

  /** Whether the connection is lost and the page waits for it. */
  get isWaiting() {
    return this.#note.isShown;
  }

  get hasOlder() {
    return this.#previousCursor !== null;
  }

  /** Messages of this conversation that the service has not acknowledged, each with what is known of its delivery. */
  get unsent() {
    return this.#outbox.of(this.#id).map((unsent) => ({ ...unsent, hasFailed: this.#delivery.hasFailed(unsent) }));
  }

  /** Returns what is known of a reply. */
  logOf(message) {
    return this.#logs.of(message);
  }

  /** Opens a conversation; null opens a new chat. */
  async open(id) {
    this.#leave();
    this.#id = id;
    this.state = id === null ? "ready" : "loading";
    this.changed();
    if (id === null) return;
    const unsent = this.#outbox.of(id);
    // A conversation that was never acknowledged does not exist yet.
    if (unsent.some(({ isNew }) => isNew)) this.state = "ready";
    else await this.#load();
    for (const message of unsent) this.#delivery.deliver(message);
  }

  /** Loads the newest messages again, and follows the reply that is being written. */
  async #load() {
    const id = this.#id;
    const isCurrent = () => this.#id === id;
    try {
      const opened = await retrying(() => this.#api.openConversation(id), {
        onWaiting: (isWaiting) => isCurrent() && this.#note.set(isWaiting),
      });
      if (!isCurrent()) return;
      this.#show(opened);
      this.state = "ready";
      this.#followRunning();
    } catch (failure) {
      if (!isCurrent()) return;
      this.state = failure instanceof Refused && failure.status === 404 ? "missing" : "failed";
      this.problem = failure.message;
    }
    this.changed();
  }

  /** Loads older messages, in front of those that are there. */
  async loadOlder() {
    const id = this.#id;
    if (!this.hasOlder || this.#isLoadingOlder) return;
    this.#isLoadingOlder = true;
    try {
      const page = await retrying(() => this.#api.openConversation(id, { before: this.#previousCursor }));
      if (this.#id !== id) return;
      this.#previousCursor = page.previous_cursor;
      this.messages = [...page.messages, ...this.messages];
    } catch (failure) {
      if (this.#id === id) this.problem = failure.message;
    } finally {
      this.#isLoadingOlder = false;
      this.changed();
    }
  }

  /** Sends a message; in a new chat, it begins a conversation, whose id is returned. */
  send(content) {
    this.problem = null;
    const unsent = this.#outbox.add(this.#id, content);
    this.#id = unsent.conversationId;
    this.#delivery.deliver(unsent);
    this.changed();
    return this.#id;
  }

  /** Tries again to send what could not be sent. */
  retryUnsent() {
    this.problem = null;
    for (const unsent of this.#outbox.of(this.#id)) this.#delivery.deliver(unsent);
    this.changed();
  }

  /** Takes back a message that could not be sent, so that the reader can change it. */
  takeBack(key) {
    const unsent = this.#outbox.of(this.#id).find((other) => other.key === key);
    if (unsent === undefined) return;
    this.#outbox.remove(unsent);
    this.returned = unsent.content;
    this.changed();
  }

  #created(unsent, conversation) {
    if (this.#id === unsent.conversationId) {
      this.#id = conversation.id;
      this.conversation = conversation;
    }
    this.#onConversation(conversation);
  }

  async #notSent(unsent, failure, { isRefused }) {
    if (this.#id !== unsent.conversationId) return;
    if (isRefused) this.returned = unsent.content;
    this.problem = failure.message;
    this.changed();
    // Somebody else, such as another tab, has begun a reply, or has deleted the conversation.
    if ([404, 409].includes(failure.status)) await this.#load();
  }

  /** Stops the reply that is being written. Its stream then ends. */
  async stop() {
    const reply = this.running;
    if (reply === null) return;
    await this.#acting(() => this.#api.stop(this.#id, reply.id));
  }

  /** Asks for another reply in place of the last one. */
  async regenerate() {
    const key = newId();
    await this.#begin(() => this.#api.regenerate(this.#id, key));
  }

  /** Makes a reply go on from where it ended. */
  async continueReply(message) {
    const key = newId();
    await this.#begin(() => this.#api.continueReply(this.#id, message.id, key));
  }

  async #begin(request) {
    const id = this.#id;
    await this.#acting(async () => {
      const turn = await this.#attempt(request);
      if (this.#id === id) this.#showTurn(turn);
    });
  }

  async #acting(act) {
    this.problem = null;
    try {
      await act();
    } catch (failure) {
      this.problem = failure.message;
    }
    this.changed();
  }

  async #attempt(request) {
    return retrying(request, { most: MOST_ATTEMPTS, onWaiting: (isWaiting) => this.#note.set(isWaiting) });
  }

  #showTurn({ user_message: asked, assistant_message: reply }) {
    // The reply takes the place of everything after the message that it answers.
    const before = this.messages.findIndex((message) => message.id === asked.id);
    const kept = before < 0 ? this.messages : this.messages.slice(0, before);
    this.messages = [...kept, asked, reply];
    // The log of a reply that goes on has what was there.
    this.#logs.begin(reply);
    this.#followRunning();
    this.changed();
    this.#announce();
  }

  #show(opened) {
    const { messages, previous_cursor: previousCursor = null, ...conversation } = opened;
    const first = messages[0];
    const place = first ? this.messages.findIndex((message) => message.id === first.id) : -1;
    // Older pages that the reader has loaded stay, unless the page begins elsewhere.
    if (place < 0) this.#previousCursor = previousCursor;
    this.messages = [...this.messages.slice(0, Math.max(place, 0)), ...messages];
    this.#logs.forgetOutdated(messages);
    this.conversation = conversation;
    this.#onConversation(conversation);
  }

  #followRunning() {
    const reply = this.running;
    if (reply === null || this.#following?.messageId === reply.id) return;
    this.#following?.abort();
    this.#follow(reply);
  }

  async #follow(reply) {
    const id = this.#id;
    const controller = new AbortController();
    this.#following = { messageId: reply.id, abort: () => controller.abort() };
    try {
      await followReply(
        (lastId, signal) => this.#api.stream(id, reply.id, { lastId, signal }),
        this.logOf(reply),
        {
          signal: controller.signal,
          onWaiting: (isWaiting) => this.#note.set(isWaiting),
          onChange: (log) => {
            this.#logs.replace(reply, log);
            this.changed();
          },
        },
      );
    } catch (failure) {
      this.problem = failure.message;
      this.changed();
      return;
    }
    if (controller.signal.aborted) return;
    this.#following = null;
    await this.#load();
  }

  /** Lets the list show that a reply has begun, with the title that the first message gave the conversation. */
  async #announce() {
    const id = this.#id;
    try {
      const { messages, previous_cursor, ...conversation } = await this.#api.openConversation(id, { limit: 1 });
      if (this.#id === id) this.conversation = conversation;
      this.#onConversation(conversation);
    } catch {
      // The end of the reply brings the same.
    }
    this.changed();
  }

  #leave() {
    this.#following?.abort();
    this.#following = null;
    this.#logs.clear();
    this.#previousCursor = null;
    this.conversation = null;
    this.messages = [];
    this.problem = null;
    this.returned = null;
    this.#note.set(false);
  }
}
