// Reads server-sent events from a response. EventSource cannot send the header with the reader's token.

/** A service sends a comment every 15 s, so a connection that is silent for longer is lost. */
const MAX_SILENCE_MS = 60_000;

/**
 * Yields the events of a stream; comments are skipped.
 *
 * @param {Response} response the response with the stream
 * @param {(id: string) => void} onPlace is called with an id that comes without an event
 * @returns {AsyncGenerator<{id: string|null, type: string, data: string}>}
 * @throws {Error} the connection broke, or was silent for too long
 */
export async function* eventsOf(response, onPlace = () => {}) {
  const reader = response.body.pipeThrough(new TextDecoderStream()).getReader();
  const parser = new EventParser(onPlace);
  try {
    for (;;) {
      const { value, done } = await inTime(reader.read());
      if (done) return;
      yield* parser.take(value);
    }
  } finally {
    reader.cancel().catch(() => {});
  }
}

/** Collects lines into events, however the text is cut. */
export class EventParser {
  #rest = "";
  #id = null;
  #type = "message";
  #data = [];
  #onPlace;

  /** @param {(id: string) => void} onPlace is called with an id that comes without an event */
  constructor(onPlace = () => {}) {
    this.#onPlace = onPlace;
  }

  /** Yields the events that are complete with this text. */
  *take(text) {
    const lines = (this.#rest + text).split(/\r\n|\n|\r(?!$)/);
    this.#rest = lines.pop();
    for (const line of lines) {
      if (line !== "") {
        this.#field(line);
      } else if (this.#data.length > 0) {
        yield { id: this.#id, type: this.#type, data: this.#data.join("\n") };
        this.#reset();
      } else {
        if (this.#id !== null) this.#onPlace(this.#id);
        this.#reset();
      }
    }
  }

  #field(line) {
    const [, name, value] = /^([^:]*)(?:: ?(.*))?$/s.exec(line);
    if (name === "data") this.#data.push(value ?? "");
    else if (name === "id") this.#id = value ?? "";
    else if (name === "event") this.#type = value ?? "message";
  }

  #reset() {
    this.#type = "message";
    this.#data = [];
  }
}

async function inTime(reading) {
  let timer;
  const silence = new Promise((_, reject) => {
    timer = setTimeout(() => reject(new Error("The connection was silent for too long.")), MAX_SILENCE_MS);
  });
  try {
    return await Promise.race([reading, silence]);
  } finally {
    clearTimeout(timer);
  }
}
