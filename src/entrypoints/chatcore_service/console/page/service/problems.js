// What goes wrong between the page and the service, and how the page says so.

/** Reports that the service refused a request. */
export class Refused extends Error {
  /**
   * @param {number} status the response's status
   * @param {{code?: string, detail?: string}} problem the problem document
   * @param {number|null} retryAfter the seconds that the service asks to wait
   */
  constructor(status, problem, retryAfter) {
    super(problem.detail ?? `The service answered with status ${status}.`);
    this.status = status;
    this.code = problem.code ?? null;
    this.retryAfter = retryAfter;
  }
}

/** Reports that no response came, or that it broke off. */
export class Unreachable extends Error {
  constructor(cause) {
    super("The service cannot be reached.", { cause });
  }
}

/** Returns whether the same request may succeed later. */
export function mayPass(failure) {
  return failure instanceof Unreachable || (failure instanceof Refused && [429, 502, 503, 504].includes(failure.status));
}

const REPLY_ERRORS = {
  stopped: "You stopped this reply.",
  inference_unreachable: "The model could not be reached.",
  inference_error: "The model answered with an error.",
  inference_timeout: "The model stopped answering.",
  inference_interrupted: "The reply broke off before its end.",
  context_too_long: "This conversation is too long for the model. Start a new chat.",
};

/** Returns why a reply is not complete, in a sentence. */
export function replyErrorSentence(code) {
  return REPLY_ERRORS[code] ?? "Something went wrong while this reply was written.";
}
