// A client of the chat service in plain JavaScript: send, resume, stop, and retry without a second message.
// docs/frontends.md explains it.

/** Reports that the service refused a request; `problem` is the problem document, with `detail` and `code`. */
export class Refused extends Error {
  constructor(status, problem) {
    super(problem.detail ?? `The service answered with ${status}.`);
    this.status = status;
    this.problem = problem;
  }
}

/** Reports that a stream ended although the reply has not; the rest can be read with `follow`. */
export class Interrupted extends Error {}

export class Chat {
  /** @param {string} service such as http://127.0.0.1:8002; @param {string} token the user's bearer token */
  constructor(service, token) {
    this.service = service.replace(/\/+$/, "");
    this.token = token;
  }

  createConversation() {
    return this.#json("POST", "/api/conversations");
  }

  /** Returns the conversation with its messages; a reply that is being generated has the status "streaming". */
  openConversation(id) {
    return this.#json("GET", `/api/conversations/${id}`);
  }

  stop(streamPath) {
    return this.#json("POST", streamPath.replace(/\/stream$/, "/stop"));
  }

  /**
   * Sends a message; returns the path of the reply's stream, and the response to read the reply from. A reply that is
   * being generated in the conversation is stopped and keeps its text.
   *
   * A request that failed is repeated with the same key: the service then answers with the reply of the first request
   * and appends nothing.
   */
  async send(conversationId, content, key) {
    const response = await this.#request("POST", `/api/conversations/${conversationId}/messages`, {
      headers: { "Content-Type": "application/json", "Idempotency-Key": key },
      body: JSON.stringify({ content, on_busy: "interrupt" }),
    });
    return { streamPath: response.headers.get("Content-Location"), response };
  }

  /**
   * Passes on the text of the response to a send, as it arrives.
   *
   * @param {(text: string) => void} show takes the text from its beginning up to here
   * @throws {Interrupted} the connection broke, or the service asks to come back
   */
  async read(response, show) {
    return this.#read(response, "", show);
  }

  /**
   * Follows a reply to its end, from the text that is there already; comes back as often as the connection breaks.
   *
   * @returns {Promise<{text: string, error: string|null}>} error: null, "stopped", or the code of a failure
   */
  async follow(streamPath, text, show) {
    for (let attempt = 0; ; attempt += 1) {
      try {
        // Offsets count code points. `text.length` counts UTF-16 units, and an emoji has two of them.
        const offset = [...text].length;
        const response = await this.#request("GET", `${streamPath}?offset=${offset}`);
        // The reply is complete, and all of it is here.
        if (response.status === 204) return { text, error: null };
        return await this.#read(response, text, (longer) => {
          text = longer;
          attempt = 0;
          show(text);
        });
      } catch (failure) {
        const mayPass = !(failure instanceof Refused) || [429, 502, 503].includes(failure.status);
        if (!mayPass || attempt === 8) throw failure;
        await new Promise((resolve) => setTimeout(resolve, Math.min(250 * 2 ** attempt, 5000)));
      }
    }
  }

  async #read(response, text, show) {
    let error = null;
    try {
      for await (const frame of framesOf(response.body)) {
        // After an error that the model sent itself, the service's own error and the closing frame follow.
        if (frame.error) error = frame.error;
        else if (frame.done) return { text, error };
        if (Number.isInteger(frame.rewind)) text = [...text].slice(0, frame.rewind).join("");
        if (typeof frame.token === "string") text += frame.token;
        show(text);
      }
    } catch (failure) {
      throw new Interrupted("The connection broke.", { cause: failure });
    }
    throw new Interrupted("The stream ended before the reply.");
  }

  async #json(method, path) {
    return (await this.#request(method, path)).json();
  }

  async #request(method, path, { headers = {}, body } = {}) {
    const response = await fetch(this.service + path, {
      method,
      body,
      headers: { ...headers, Authorization: `Bearer ${this.token}` },
    });
    if (response.ok) return response;
    throw new Refused(response.status, await response.json().catch(() => ({})));
  }
}

/** Yields the JSON of each event of a stream; comments, such as keep-alives, are skipped. */
async function* framesOf(body) {
  const reader = body.pipeThrough(new TextDecoderStream()).getReader();
  let rest = "";
  try {
    for (;;) {
      const { value, done } = await reader.read();
      if (done) return;
      const events = (rest + value).split(/\r?\n\r?\n/);
      rest = events.pop();
      for (const event of events) {
        const data = event.split(/\r?\n/).filter((line) => line.startsWith("data:")).map((line) => line.slice(5));
        if (data.length > 0) yield JSON.parse(data.join("\n"));
      }
    }
  } finally {
    reader.cancel().catch(() => {});
  }
}
