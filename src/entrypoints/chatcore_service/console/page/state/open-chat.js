// The conversation that the reader has open: its messages, the reply that is being written, and what the reader does.
import { Unreachable, replyErrorSentence } from "../service/problems.js";
import { MOST_ATTEMPTS, retrying } from "../service/retrying.js";
import { Asking } from "./asking.js";
import { Branches } from "./branches.js";
import { Following } from "./following.js";
import { Loading } from "./loading.js";
import { Observable } from "./observable.js";
import { Path } from "./path.js";
import { ReplyLogs } from "./reply-logs.js";
import { WaitingNote } from "./waiting-note.js";
import { Writing } from "./writing.js";

export class OpenChat extends Observable {
  /** The conversation; null in a new chat, and until it is loaded. */
  conversation = null;
  /** `loading`, `ready`, `missing` or `failed`. */
  state = "ready";
  /** What went wrong last, in a sentence, or null. */
  problem = null;
  /**
   * The message to bring into view, by its id, whether it is marked as found, and the words that were; null if there is
   * none.
   */
  target = null;
  /** Whether a reader who listens is told what comes: a reply, but not the conversation that it is in. */
  isHeard = false;
  /** What the reader sends, asks of replies, and does with the tree. */
  writing;
  asking;
  branches;
  #path = new Path();
  #note = new WaitingNote(() => this.changed());
  #id = null;
  #end = new AbortController();
  #api;
  #logs = new ReplyLogs();
  #loading;
  #following;
  /** Whether the problem is that there was no connection. */
  #isUnreachable = false;
  #onConversation;

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
    this.writing = new Writing(this, api, outbox, samplingOf);
    this.asking = new Asking(this, api, samplingOf);
    this.branches = new Branches(this, api);
    this.#loading = new Loading(this, api, this.#path, (opened) => this.#show(opened));
    this.#following = new Following(api, this.#logs, {
      changed: () => this.changed(),
      waiting: this.#note.activity(),
      ended: (reply) => this.#ended(reply),
      failed: (failure) => this.report(failure),
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

  /** Whether nothing can be sent now: messages are answered one after the other. */
  get isBusy() {
    return this.state === "missing" || this.running !== null || this.writing.unsent.length > 0;
  }

  /** What the page waits for, in a sentence; null if it does not wait. */
  get waitingFor() {
    return this.#note.sentence;
  }

  get hasOlder() {
    return this.#path.previousCursor !== null;
  }

  /** Returns what is known of a reply. */
  logOf(message) {
    return this.#logs.of(message);
  }

  /** Opens a conversation; null opens a new chat. */
  async open(id) {
    // Whoever is told that the old one is left finds the new one.
    this.#id = id;
    this.#leave();
    this.state = id === null ? "ready" : "loading";
    this.changed();
    if (id === null) return;
    // A conversation that was never acknowledged does not exist yet.
    if (this.writing.unsent.some(({ isNew }) => isNew)) this.state = "ready";
    else await this.reload();
    if (this.#id === id) this.writing.reopenEdit();
    if (this.#id === id && this.writing.unsent.length > 0) this.writing.retry();
  }

  /** Loads the newest messages again, and follows the reply that is being written. */
  reload() {
    return this.#loading.reload();
  }

  /** Loads older messages, in front of those that are there. */
  async loadOlder() {
    if (!this.hasOlder) return;
    this.isHeard = false;
    await this.#loading.loadOlder();
  }

  /** Sends a message; in a new chat, it begins a conversation, whose id is returned. */
  send(content) {
    this.#id = this.writing.send(content);
    this.changed();
    return this.#id;
  }

  /** Takes the id that the service has given a new conversation in place of the page's own. */
  created(id, conversation) {
    if (this.#id === id) {
      this.#id = conversation.id;
      this.conversation = conversation;
    }
    this.#onConversation(conversation);
  }

  /** Goes back to a new chat, since its conversation was not created. */
  notCreated() {
    this.#id = null;
    this.state = "ready";
  }

  /** Shows a message, whichever branch it is in, and the words that were searched for. */
  showMessage(messageId, words) {
    return this.branches.find(messageId, words);
  }

  /** Brings a message into view, as far as `target` describes one. */
  aim(target) {
    this.target = target;
    this.changed();
  }

  /** Stops everything, as when the reader has signed out. */
  end() {
    this.#leave();
    this.#end.abort();
    this.writing.end();
  }

  /** Takes the news that the connection is there again. */
  connected() {
    if (this.#isUnreachable) this.problem = null;
    this.writing.retryAll();
  }

  /** Takes a newer description of the conversation, which another tab, device or person may have changed. */
  changedElsewhere(conversation) {
    const before = this.conversation;
    if (conversation.id !== this.#id || before === null) return;
    this.conversation = conversation;
    const isOwnTurn = this.writing.unsent.length > 0;
    const hasMoved = conversation.head_id !== before.head_id && conversation.head_id !== this.#path.end;
    const goesOn = conversation.active_reply_id === this.#path.end && this.growing === null;
    if (!isOwnTurn && (hasMoved || (goesOn && this.#path.end !== null))) this.reload();
    this.changed();
  }

  /** Takes the news that a conversation was deleted. */
  deletedElsewhere(id) {
    if (id !== this.#id) return;
    this.#leave();
    this.state = "missing";
    this.changed();
  }

  /** Does what the reader asks for, and shows why that fails. */
  async act(act) {
    const id = this.#id;
    this.problem = null;
    try {
      await act();
    } catch (failure) {
      if (this.#id === id) await this.failed(failure);
    }
    this.changed();
  }

  /** Sends a request again until it succeeds, is refused, or has failed too often. */
  attempt(request, most = MOST_ATTEMPTS) {
    return retrying(request, { most, onWaiting: this.waiting(), signal: this.#end.signal });
  }

  /** Returns a function which notes that one activity waits for the connection, or does not wait any more. */
  waiting() {
    return this.#note.activity();
  }

  /** Shows a message and the reply to it that has begun. */
  showTurn({ user_message: asked, assistant_message: reply }) {
    const isPlaced = this.#path.putTurn(asked, reply);
    // The log of a reply that goes on has what was there.
    this.#logs.begin(reply);
    this.#followGrowing();
    this.changed();
    if (isPlaced) this.#announce();
    else this.reload();
  }

  #show({ messages, previous_cursor, ...conversation }) {
    this.state = "ready";
    this.#path.show({ messages, previous_cursor });
    this.#logs.forgetOutdated(messages);
    this.conversation = conversation;
    this.#onConversation(conversation);
    this.#followGrowing();
  }

  #followGrowing() {
    if (this.growing === null) return;
    this.isHeard = true;
    this.#following.follow(this.#id, this.growing);
  }

  async #ended(reply) {
    const id = this.#id;
    const { error } = this.logOf(reply);
    // What went wrong meanwhile, such as an attempt to stop the reply, matters no more.
    this.problem = null;
    await this.reload();
    // If a regeneration came to nothing, the service shows the earlier reply again.
    if (this.#id !== id || [null, "stopped"].includes(error) || this.#path.has(reply.id)) return;
    this.report(new Error(`There is no new reply. ${replyErrorSentence(error)}`));
  }

  /** Shows why the reader's wish was not fulfilled, and what somebody else has done, such as another tab. */
  async failed(failure) {
    this.report(failure);
    // A reply has begun, or the conversation was deleted.
    if (this.#id !== null && [404, 409].includes(failure.status)) await this.reload();
  }

  /** Shows what went wrong. */
  report(failure) {
    this.problem = failure.message;
    this.#isUnreachable = failure instanceof Unreachable;
    this.changed();
  }

  /** Lets the list show that a reply has begun, with the title that the first message gave the conversation. */
  async #announce() {
    const id = this.#id;
    const { count } = this.#loading;
    try {
      const { messages, previous_cursor, ...conversation } = await this.#api.openConversation(id, { limit: 1 });
      if (this.#id === id && this.#loading.count === count) this.conversation = conversation;
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
    this.isHeard = false;
    this.writing.leave();
    this.#note.clear();
  }
}
