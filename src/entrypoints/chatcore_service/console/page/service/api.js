// The service's HTTP API, as far as the page uses it.
import { Refused, Unreachable } from "./problems.js";

const TIMEOUT_MS = 30_000;
const JSON_TYPE = { "Content-Type": "application/json" };

/** Returns the address of a path below the page's own, so that the page works behind a path of a proxy. */
export function addressOf(path) {
  return new URL(path, document.baseURI).href;
}

/** Sends requests in the name of the reader. */
export class Api {
  #session;
  #onSignedOut;

  /**
   * @param {{headers(): Promise<object>, renew(): Promise<boolean>}} session what the requests show
   * @param {() => void} onSignedOut is called when the service does not know the reader any more
   */
  constructor(session, onSignedOut) {
    this.#session = session;
    this.#onSignedOut = onSignedOut;
  }

  /** Returns a page of the list of the conversations, either of the archived ones or of the others. */
  async conversations({ isArchive, cursor }) {
    const query = new URLSearchParams({ limit: 50, archived: isArchive, ...(cursor && { cursor }) });
    return this.json("GET", `api/conversations?${query}`);
  }

  /** Creates a conversation; a repeated request with the same `id` gets the same conversation. */
  async createConversation(fields) {
    return this.json("POST", "api/conversations", { body: fields });
  }

  /** Returns a conversation with its newest messages, or with those before a cursor. */
  async openConversation(id, { before, limit = 50 } = {}) {
    const query = new URLSearchParams({ limit, ...(before && { before }) });
    return this.json("GET", `api/conversations/${id}?${query}`);
  }

  async changeConversation(id, changes) {
    return this.json("PATCH", `api/conversations/${id}`, { body: changes });
  }

  async deleteConversation(id, { keepalive = false } = {}) {
    await this.request("DELETE", `api/conversations/${id}`, { keepalive });
  }

  /**
   * Sends a message; a request that is repeated with the same key and fields appends nothing.
   *
   * @param {{content: string, parent_id?: string|null}} fields the text, and after which message it comes; without
   *   `parent_id` after the last one, and with null in front of all
   */
  async send(conversationId, fields, key) {
    return this.begin(`api/conversations/${conversationId}/messages`, { ...fields, on_busy: "reject" }, key);
  }

  async regenerate(conversationId, fields, key) {
    return this.begin(`api/conversations/${conversationId}/regenerate`, { ...fields, on_busy: "reject" }, key);
  }

  async continueReply(conversationId, messageId, fields, key) {
    return this.begin(`api/conversations/${conversationId}/messages/${messageId}/continue`, fields, key);
  }

  /** Deletes a message with everything below it; a message that is gone already is no error. */
  async deleteMessage(conversationId, messageId) {
    try {
      await this.request("DELETE", `api/conversations/${conversationId}/messages/${messageId}`);
    } catch (failure) {
      if (failure.status !== 404) throw failure;
    }
  }

  async stop(conversationId, messageId) {
    return this.json("POST", `api/conversations/${conversationId}/messages/${messageId}/stop`);
  }

  /** Returns the response with a reply's stream, from the event after `lastId`. */
  async stream(conversationId, messageId, { lastId, signal }) {
    const headers = lastId === null ? {} : { "Last-Event-ID": lastId };
    return this.request("GET", `api/conversations/${conversationId}/messages/${messageId}/stream`, { headers, signal });
  }

  /** Begins a reply and returns the message and the reply, without waiting for its text. */
  async begin(path, body, key) {
    return this.json("POST", path, { body, headers: { Prefer: "respond-async", "Idempotency-Key": key } });
  }

  async json(method, path, options) {
    const response = await this.request(method, path, options);
    try {
      return await response.json();
    } catch (failure) {
      throw new Unreachable(failure);
    }
  }

  /** Returns the headers that show in whose name a request is sent. */
  headers() {
    return this.#session.headers();
  }

  /**
   * @throws {Refused} the service refused the request
   * @throws {Unreachable} there is no response
   */
  async request(method, path, options = {}) {
    let response = await this.#fetch(method, path, options);
    if (response.status === 401 && (await this.#session.renew())) response = await this.#fetch(method, path, options);
    if (response.ok) return response;
    if (response.status === 401) this.#onSignedOut();
    const retryAfter = Number(response.headers.get("Retry-After")) || null;
    throw new Refused(response.status, await response.json().catch(() => ({})), retryAfter);
  }

  async #fetch(method, path, { body, headers = {}, signal, keepalive = false }) {
    try {
      return await fetch(addressOf(path), {
        method,
        body: body && JSON.stringify(body),
        headers: { ...(body && JSON_TYPE), ...headers, ...(await this.headers()) },
        signal: signal ?? AbortSignal.timeout(TIMEOUT_MS),
        keepalive,
      });
    } catch (failure) {
      if (signal?.aborted) throw failure;
      throw new Unreachable(failure);
    }
  }
}
