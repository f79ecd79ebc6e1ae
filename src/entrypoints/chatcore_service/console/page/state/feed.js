// Keeps the list and the open conversation as the service has them, whoever changes them.
import { feedPlace } from "../service/feed.js";
import { Refused } from "../service/problems.js";
import { retrying } from "../service/retrying.js";
import { OneFeed } from "./one-feed.js";

export class Feed {
  #api;
  #list;
  #chat;
  #feed;
  #end = new AbortController();

  /**
   * @param {Api} api the service
   * @param {ConversationList} list the conversations
   * @param {OpenChat} chat the conversation that is open
   */
  constructor(api, list, chat) {
    this.#api = api;
    this.#list = list;
    this.#chat = chat;
    this.#feed = new OneFeed(api, (event) => this.#take(event));
  }

  /** Loads the list, and applies what happens from then on. */
  async begin() {
    const { signal } = this.#end;
    try {
      // What happens while the list is loaded is after this place.
      const place = await retrying(() => feedPlace(this.#api), { signal });
      await this.#list.load();
      if (!signal.aborted) await this.#feed.begin(this.#list.userId, place);
    } catch (failure) {
      if (!signal.aborted) this.#list.attempts.report(failure, () => this.begin());
    }
  }

  end() {
    this.#end.abort();
    this.#feed.end();
  }

  #take({ type, data }) {
    if (type === "conversation") this.#changed(data);
    else if (type === "deleted") this.#deleted(data.id);
    else if (type === "reset") this.#reset();
    else if (type === "connected") this.#chat.connected();
  }

  #changed(conversation) {
    this.#list.put(conversation);
    this.#chat.changedElsewhere(conversation);
  }

  #deleted(id) {
    this.#list.remove(id);
    this.#chat.deletedElsewhere(id);
  }

  /** Loads everything again, because too much has changed. */
  async #reset() {
    const { id } = this.#chat;
    await this.#list.load();
    if (id === null) return;
    try {
      const { messages, previous_cursor, ...conversation } = await this.#api.openConversation(id, { limit: 1 });
      this.#changed(conversation);
    } catch (failure) {
      if (failure instanceof Refused && failure.status === 404) this.#deleted(id);
    }
  }
}
