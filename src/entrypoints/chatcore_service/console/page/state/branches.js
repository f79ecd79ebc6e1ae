// What the reader does with the tree of the open conversation.

export class Branches {
  #chat;
  #api;

  /**
   * @param {OpenChat} chat the conversation
   * @param {Api} api the service
   */
  constructor(chat, api) {
    this.#chat = chat;
    this.#api = api;
  }

  /** Shows another version of a message, and what followed it. */
  async choose(messageId) {
    const { id } = this.#chat;
    await this.#chat.act(async () => {
      await this.#chat.attempt(() => this.#api.changeConversation(id, { head_id: messageId, follow: true }));
      await this.#show(id, { id: messageId, isFound: false });
    });
  }

  /** Deletes a message with everything that follows it, in all branches. */
  async delete(messageId) {
    const { id } = this.#chat;
    await this.#chat.act(async () => {
      await this.#chat.attempt(() => this.#api.deleteMessage(id, messageId));
      await this.#show(id, null);
    });
  }

  /** Shows a message and words in it, whichever branch it is in. */
  async find(messageId, words) {
    const { id } = this.#chat;
    // To choose a message of the branch that is shown could show another end of it, so that comes second.
    if (!(await this.#loadUpTo(messageId)) && this.#chat.id === id && this.#chat.state === "ready") {
      await this.choose(messageId);
      await this.#loadUpTo(messageId);
    }
    if (this.#chat.id === id) this.#chat.aim({ id: messageId, isFound: true, words });
  }

  async #show(conversationId, target) {
    if (this.#chat.id !== conversationId) return;
    this.#chat.isHeard = false;
    await this.#chat.reload();
    if (this.#chat.id === conversationId) this.#chat.aim(target);
  }

  /** Loads older messages until one is there; returns whether it is. */
  async #loadUpTo(messageId) {
    const { id } = this.#chat;
    const isThere = () => this.#chat.messages.some((message) => message.id === messageId);
    while (this.#chat.id === id && this.#chat.problem === null && !isThere() && this.#chat.hasOlder) {
      await this.#chat.loadOlder();
    }
    return isThere();
  }
}
