// A reply as a log of parts, in the order in which the model sent them: text, reasoning and data.

/** Holds what is known of a reply, and takes the events of its stream. */
export class ReplyLog {
  /** @type {{type: "text"|"reasoning"|"data", text?: string, data?: object, length: number|null}[]} */
  parts = [];
  /** The id of the last event, from which the stream goes on; null at the beginning. */
  lastId = null;
  /** Why the reply is not complete, as a code; null as far as is known. */
  error = null;
  /** How long the model has thought, as far as the reader has watched. */
  thinkingMs = 0;
  #position = 0;
  #thinkingSince = null;

  /** Returns the log that a message shows. Of data, the document does not tell the length in the log. */
  static of(message) {
    const log = new ReplyLog();
    const parts = message.parts ?? (message.content ? [{ type: "text", text: message.content }] : []);
    log.parts = parts.map((part) => ({ ...part, length: part.type === "data" ? null : lengthOf(part.text) }));
    log.lastId = message.stream_id;
    log.#position = positionOf(message.stream_id);
    return log;
  }

  /** The reply's text, without reasoning and data. */
  get text() {
    return this.parts
      .filter((part) => part.type === "text")
      .map((part) => part.text)
      .join("");
  }

  /** The parts that a reader sees. What the model has used is told elsewhere, and does not divide the text around it. */
  get shown() {
    const shown = [];
    for (const part of this.parts) {
      const last = shown.at(-1);
      if (isUsage(part)) continue;
      if (part.type === "text" && last?.type === "text") {
        shown.splice(-1, 1, { ...last, text: last.text + part.text });
      } else {
        shown.push(part);
      }
    }
    return shown;
  }

  /**
   * Takes an event of the stream.
   *
   * @returns {{error: string|null}|null} the end of the reply, or null if there is more to come
   * @throws {StartOver} the log has to be read from its beginning
   */
  take({ id, data }) {
    const frame = parsed(data);
    if (frame === null) return null;
    if (Number.isInteger(frame.rewind)) this.#rewind(frame.rewind);
    else if (frame.error !== undefined) return this.#moved(id, { error: (this.error = frame.error) });
    else if (frame.done === true) return this.#moved(id, { error: null });
    else if (typeof frame.token === "string") this.#append("text", frame.token, id);
    else if (typeof frame.reasoning === "string") this.#append("reasoning", frame.reasoning, id);
    else this.#appendData(frame, id);
    return this.#moved(id, null);
  }

  #moved(id, result) {
    if (id !== null) {
      this.lastId = id;
      this.#position = positionOf(id);
    }
    return result;
  }

  #append(type, text, id) {
    this.#watchThinking(type);
    const length = positionOf(id) - this.#position;
    const last = this.parts.at(-1);
    if (last?.type === type) {
      last.text += text;
      last.length += length;
    } else {
      this.parts.push({ type, text, length });
    }
  }

  #appendData(data, id) {
    this.#watchThinking("data");
    this.parts.push({ type: "data", data, length: positionOf(id) - this.#position });
  }

  #watchThinking(type) {
    const now = performance.now();
    if (type === "reasoning") this.#thinkingSince ??= now;
    else if (this.#thinkingSince !== null) {
      this.thinkingMs += now - this.#thinkingSince;
      this.#thinkingSince = null;
    }
  }

  /** Keeps what lies before a position. */
  #rewind(position) {
    const kept = [];
    let start = 0;
    for (const part of this.parts) {
      if (start >= position) break;
      if (part.length === null) throw new StartOver();
      const room = position - start;
      if (part.length <= room) kept.push(part);
      // Half a data part is none.
      else if (part.type !== "data") kept.push({ ...part, text: [...part.text].slice(0, room).join(""), length: room });
      start += part.length;
    }
    this.parts = kept;
  }
}

/** Reports that a log cannot be cut at the place that the stream names. */
export class StartOver extends Error {}

/** Returns the position in the log that the id of an event names. */
function positionOf(id) {
  return Number.parseInt(id ?? "0", 10) || 0;
}

function isUsage({ type, data }) {
  return type === "data" && Object.keys(data).every((name) => name === "usage");
}

function lengthOf(text) {
  return [...text].length;
}

/** Returns the JSON object of an event; null for anything else, which the service relays and does not store. */
function parsed(data) {
  try {
    const value = JSON.parse(data);
    return typeof value === "object" && !Array.isArray(value) ? value : null;
  } catch {
    return null;
  }
}
