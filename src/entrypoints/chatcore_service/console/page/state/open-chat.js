// The conversation that the reader has open: its messages, the reply that is being written, and what the reader does.
import { Refused, replyErrorSentence } from "../service/problems.js";
import { retrying } from "../service/retrying.js";
import { Delivery, MOST_ATTEMPTS } from "./delivery.js";
import { Following } from "./following.js";
import { newId } from "./ids.js";
import { Observable } from "./observable.js";
import { Path } from "./path.js";
import { ReplyLogs } from "./reply-logs.js";
import { WaitingNote } from "./waiting-note.js";

export class OpenChat extends Observable {
  /** The conversation; null in a new chat, and until it is loaded. */
  conversation = null;
  /** `loading`, `ready`, `missing` or `failed`. */
  state = "ready";
  /** What went wrong last, in a sentence, or null. */
  problem = null;
  /** A text that was refused and that the reader can change. */
  returned = null;
  /** The message to bring into view, or null. */
  target = null;
  #path = new Path();
  #note = new WaitingNote(() => this.changed());
  #id = null;
  #api;
  #logs = new ReplyLogs();
  #loadingOlder = null;
  #following;
  #delivery;
  #onConversation;
  #samplingOf;

  /**
   * @param {Api} api the service
   * @param {Outbox} outbox messages that the service has not acknowledged
   * @param {(conversation: object) => void} onConversation is called with each newer description of the conversation
   * @param {() => object} samplingOf returns the fields of sampling for the next reply
   */
  constructor(api, outbox, onConversation, samplingOf = () => ({})) {
    super();
    this.#api = api;
    this.#onConversation = onConversation;
    this.#samplingOf = samplingOf;
    this.#delivery = new Delivery(api, outbox, {
      created: (unsent, conversation) => this.#created(unsent, conversation),
      begun: (unsent, turn) => this.#id === unsent.conversationId && this.#showTurn(turn),
      refused: (unsent, failure) => this.#notSent(unsent, failure, { isRefused: true }),
      failed: (unsent, failure) => this.#notSent(unsent, failure, { isRefused: false }),
      waiting: (isWaiting) => this.#note.set(isWaiting),
    });
    this.#following = new Following(api, this.#logs, {
      changed: () => this.changed(),
      waiting: (isWaiting) => this.#note.set(isWaiting),
      ended: (reply) => this.#ended(reply),
      failed: (failure) => this.#failed(failure),
    });
  }

  /** The id of the open conversation; null in a new chat. */
  get id() {
    return this.#id;
  }

  /** The messages that are loaded, oldest first. */
  get messages() {
    return this.#path.messages;
  }

  /** The shown reply that is being written, or null. */
  get growing() {
    return this.#path.growing;
  }

  /** The id of the reply that is being written, in whichever branch, or null. */
  get running() {
    return this.growing?.id ?? this.conversation?.active_reply_id ?? null;
  }

  /** Whether the connection is lost and the page waits for it. */
  get isWaiting() {
    return this.#note.isShown;
  }

  get hasOlder() {
    return this.#path.previousCursor !== null;
  }

  /** Messages of this conversation that the service has not acknowledged, each with what is known of its delivery. */
  get unsent() {
    return this.#delivery.of(this.#id);
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
    // A conversation that was never acknowledged does not exist yet.
    if (this.unsent.some(({ isNew }) => isNew)) this.state = "ready";
    else await this.#load();
    if (this.#id === id) this.#delivery.retry(id);
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
      this.#followGrowing();
    } catch (failure) {
      if (!isCurrent()) return;
      this.state = failure instanceof Refused && failure.status === 404 ? "missing" : "failed";
      this.problem = failure.message;
    }
    this.changed();
  }

  /** Loads older messages, in front of those that are there. */
  async loadOlder() {
    if (this.hasOlder) await (this.#loadingOlder ??= this.#loadPage());
  }

  async #loadPage() {
    const id = this.#id;
    try {
      const page = await retrying(() => this.#api.openConversation(id, { before: this.#path.previousCursor }));
      if (this.#id === id) this.#path.putOlder(page);
    } catch (failure) {
      if (this.#id === id) this.problem = failure.message;
    } finally {
      this.#loadingOlder = null;
      this.changed();
    }
  }

  /** Sends a message; in a new chat, it begins a conversation, whose id is returned. */
  send(content) {
    return this.#deliver(content, { sampling: this.#samplingOf() });
  }

  /** Sends a message as another version of one that is there. */
  edit(message, content) {
    this.#deliver(content, { sampling: this.#samplingOf(), parentId: message.parent_id });
  }

  #deliver(content, fields) {
    this.problem = null;
    this.#id = this.#delivery.send(this.#id, content, fields);
    this.changed();
    return this.#id;
  }

  /** Tries again to send what could not be sent. */
  retryUnsent() {
    this.problem = null;
    this.#delivery.retry(this.#id);
    this.changed();
  }

  /** Takes back a message that could not be sent, so that the reader can change it. */
  takeBack(key) {
    this.returned = this.#delivery.takeBack(this.#id, key);
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
    const replyId = this.running;
    if (replyId === null) return;
    await this.#acting(async () => {
      await this.#api.stop(this.#id, replyId);
      // No stream of this page tells the end of a reply in another branch.
      if (this.growing === null) await this.#load();
    });
  }

  /** Asks for another version of a reply. */
  async regenerate(message) {
    const key = newId();
    const fields = { message_id: message.id, ...this.#samplingOf() };
    await this.#begin(() => this.#api.regenerate(this.#id, fields, key));
  }

  /** Shows another version of a message, and what followed it. */
  async choose(messageId) {
    await this.#acting(async () => {
      await this.#attempt(() => this.#api.changeConversation(this.#id, { head_id: messageId, follow: true }));
      await this.#load();
    });
  }

  /** Shows a message, whichever branch it is in. */
  async showMessage(messageId) {
    if (!(await this.#loadUpTo(messageId))) {
      await this.choose(messageId);
      await this.#loadUpTo(messageId);
    }
    this.target = messageId;
    this.changed();
  }

  /** Loads older messages until one is there; returns whether it is. */
  async #loadUpTo(messageId) {
    const id = this.#id;
    while (this.#id === id && this.problem === null && !this.#path.has(messageId) && this.hasOlder) {
      await this.loadOlder();
    }
    return this.#path.has(messageId);
  }

  /** Takes a newer description of the conversation, which another tab, device or person may have changed. */
  changedElsewhere(conversation) {
    const before = this.conversation;
    if (conversation.id !== this.#id || before === null) return;
    this.conversation = conversation;
    const isOwnTurn = this.unsent.length > 0;
    const hasMoved = conversation.head_id !== before.head_id && conversation.head_id !== this.#path.end;
    const goesOn = conversation.active_reply_id === this.#path.end && this.growing === null;
    if (!isOwnTurn && (hasMoved || (goesOn && this.#path.end !== null))) this.#load();
    this.changed();
  }

  /** Takes the news that a conversation was deleted. */
  deletedElsewhere(id) {
    if (id !== this.#id) return;
    this.#leave();
    this.state = "missing";
    this.changed();
  }

  /** Makes a reply go on from where it ended. */
  async continueReply(message) {
    const key = newId();
    const fields = this.#samplingOf();
    await this.#begin(() => this.#api.continueReply(this.#id, message.id, fields, key));
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
    const isPlaced = this.#path.putTurn(asked, reply);
    // The log of a reply that goes on has what was there.
    this.#logs.begin(reply);
    this.#followGrowing();
    this.changed();
    if (isPlaced) this.#announce();
    else this.#load();
  }

  #show({ messages, previous_cursor, ...conversation }) {
    this.#path.show({ messages, previous_cursor });
    this.#logs.forgetOutdated(messages);
    this.conversation = conversation;
    this.#onConversation(conversation);
  }

  #followGrowing() {
    if (this.growing !== null) this.#following.follow(this.#id, this.growing);
  }

  async #ended(reply) {
    const id = this.#id;
    const { error } = this.logOf(reply);
    await this.#load();
    // If a regeneration came to nothing, the service shows the earlier reply again.
    if (this.#id !== id || error === null || this.#path.has(reply.id)) return;
    this.#failed(new Error(replyErrorSentence(error)));
  }

  #failed(failure) {
    this.problem = failure.message;
    this.changed();
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
    this.#following.stop();
    this.#logs.clear();
    this.#path.clear();
    this.conversation = null;
    this.target = null;
    this.problem = null;
    this.returned = null;
    this.#note.set(false);
  }
}
