// What the reader sends in the open conversation, until the service has acknowledged it.
import { Unreachable } from "../service/problems.js";
import { Delivery } from "./delivery.js";
import { draftOf, editOf, keepDraft, withReturned } from "./drafts.js";

export class Writing {
  /** A text that was refused and that the reader can change. */
  returned = null;
  /** An edit that was refused, with the id of the edited message and the text, or null. */
  returnedEdit = null;
  #chat;
  #api;
  #delivery;
  #samplingOf;

  /**
   * @param {OpenChat} chat the conversation
   * @param {Api} api the service
   * @param {Outbox} outbox messages that the service has not acknowledged
   * @param {() => object} samplingOf returns the fields of sampling for the next reply
   */
  constructor(chat, api, outbox, samplingOf) {
    this.#chat = chat;
    this.#api = api;
    this.#samplingOf = samplingOf;
    this.#delivery = new Delivery(api, outbox, {
      created: (unsent, conversation) => chat.created(unsent.conversationId, conversation),
      begun: (unsent, turn) => chat.id === unsent.conversationId && chat.showTurn(turn),
      refused: (unsent, failure) => this.#notSent(unsent, failure, { isRefused: true }),
      failed: (unsent, failure) => this.#notSent(unsent, failure, { isRefused: false }),
      waiting: () => chat.waiting(),
    });
  }

  /** Messages of this conversation that the service has not acknowledged, each with what is known of its delivery. */
  get unsent() {
    return this.#delivery.of(this.#chat.id);
  }

  /** The messages to show: while an edit is on its way, those before it. */
  get shown() {
    const { messages } = this.#chat;
    const edit = this.unsent.find(({ parentId }) => parentId !== undefined);
    const place = messages.findIndex(({ id }) => id === edit?.editedId);
    return place < 0 ? messages : messages.slice(0, place);
  }

  /** Sends a message; returns the id of its conversation, which a new chat does not have yet. */
  send(content) {
    return this.#send(content, {});
  }

  /** Sends a message as another version of one that is there. */
  edit(message, content) {
    this.#send(content, { parentId: message.parent_id, editedId: message.id });
  }

  #send(content, place) {
    this.#chat.problem = null;
    const id = this.#delivery.send(this.#chat.id, content, { sampling: this.#samplingOf(), ...place });
    this.#chat.changed();
    return id;
  }

  /** Sends what waits in this conversation, as after attempts that were in vain. */
  retry() {
    this.#chat.problem = null;
    this.#delivery.retry(this.#chat.id);
    this.#chat.changed();
  }

  /** Sends what waits in any conversation, as when the connection is back. */
  retryAll() {
    this.#delivery.retryAll();
    this.#chat.changed();
  }

  /** Takes back a message that could not be sent, so that the reader can change it; one that has arrived stays. */
  async takeBack(key) {
    if (await this.#hasArrived(this.unsent.find((other) => other.key === key))) {
      this.retry();
      return;
    }
    this.#chat.problem = null;
    const unsent = this.#delivery.takeBack(this.#chat.id, key);
    if (unsent !== null) this.#return(unsent);
    this.#chat.changed();
  }

  /** Opens the edit again that the reader had begun, as before a reload. */
  reopenEdit() {
    this.returnedEdit ??= editOf(this.#chat.id);
  }

  /** Stops sending, as when the reader has signed out. */
  end() {
    this.#delivery.end();
  }

  /** Forgets what was refused, as when another conversation is opened. */
  leave() {
    this.returned = null;
    this.returnedEdit = null;
  }

  /** Returns whether the service has a message of which only the answer was lost. */
  async #hasArrived({ conversationId, content }) {
    const known = new Set(this.#chat.messages.map(({ id }) => id));
    try {
      const { messages } = await this.#api.openConversation(conversationId);
      return messages.some((message) => message.content === content && message.role === "user" && !known.has(message.id));
    } catch {
      return false;
    }
  }

  #return({ content, editedId, isNew }) {
    if (isNew) this.#chat.notCreated();
    if (this.#chat.messages.some(({ id }) => id === editedId)) this.returnedEdit = { id: editedId, text: content };
    else this.returned = content;
  }

  async #notSent(unsent, failure, { isRefused }) {
    const place = unsent.isNew ? null : unsent.conversationId;
    if (![unsent.conversationId, place].includes(this.#chat.id)) {
      // The text waits for the reader there.
      if (isRefused) keepDraft(place, withReturned(unsent.content, draftOf(place)));
      return;
    }
    if (isRefused) this.#return(unsent);
    // Of a connection that was lost, the message itself tells.
    if (failure instanceof Unreachable) this.#chat.changed();
    else await this.#chat.failed(failure);
  }
}
