// What the reader asks of the replies of the open conversation.
import { newId } from "./ids.js";

export class Asking {
  #chat;
  #api;
  #samplingOf;
  /** The ids of conversations of which a reply is being asked. */
  #underWay = new Set();

  /**
   * @param {OpenChat} chat the conversation
   * @param {Api} api the service
   * @param {() => object} samplingOf returns the fields of sampling for the next reply
   */
  constructor(chat, api, samplingOf) {
    this.#chat = chat;
    this.#api = api;
    this.#samplingOf = samplingOf;
  }

  /** Stops the reply that is being written, in whichever branch. Its stream then ends. */
  async stop() {
    const { id, running, growing } = this.#chat;
    if (running === null) return;
    await this.#chat.act(async () => {
      // Whoever has stopped a reply wants it stopped, however long the connection is lost.
      await this.#chat.attempt(() => this.#api.stop(id, running), Infinity);
      // No stream of this page tells the end of a reply in another branch.
      if (growing === null) await this.#chat.reload();
    });
  }

  /** Asks for another version of a reply, or for a reply to a message of the reader. */
  async regenerate(message) {
    const fields = { message_id: message.id, ...this.#samplingOf() };
    await this.#begin((id, key) => this.#api.regenerate(id, fields, key));
  }

  /** Makes a reply go on from where it ended. */
  async continueReply(message) {
    const fields = this.#samplingOf();
    await this.#begin((id, key) => this.#api.continueReply(id, message.id, fields, key));
  }

  async #begin(request) {
    const { id } = this.#chat;
    // A second click is not meant for a second reply.
    if (this.#underWay.has(id)) return;
    this.#underWay.add(id);
    const key = newId();
    await this.#chat.act(async () => {
      const turn = await this.#chat.attempt(() => request(id, key));
      if (this.#chat.id === id) this.#chat.showTurn(turn);
    });
    this.#underWay.delete(id);
  }
}
