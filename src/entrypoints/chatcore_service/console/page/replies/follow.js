// Follows a reply to its end, however often the connection breaks.
import { eventsOf } from "../service/event-stream.js";
import { Refused, mayPass } from "../service/problems.js";
import { pause, pauseBefore } from "../service/retrying.js";
import { ReplyLog, StartOver } from "./reply-log.js";

/** A connection that was open for so long was a good one, and its end is no sign of trouble. */
const GOOD_CONNECTION_MS = 5000;

/**
 * Reads the reply from where a log ends.
 *
 * @param {(lastId: string|null, signal: AbortSignal) => Promise<Response>} connect opens the stream after an event
 * @param {ReplyLog} log what is known of the reply; a log that takes its place goes to `onChange`
 * @param {(log: ReplyLog) => void} onChange is called after every change
 * @param {(isWaiting: boolean, failure?: Error) => void} onWaiting is told when the connection is lost, when it is back
 *   but the reply does not go on yet, and when it does
 * @returns {Promise<void>} when the reply has ended, or is gone
 */
export async function followReply(connect, log, events) {
  try {
    await follow(connect, log, events);
  } finally {
    events.onWaiting(false);
  }
}

async function follow(connect, log, { onChange, onWaiting, signal }) {
  let hasBroken = false;
  for (let attempt = 0; !signal.aborted; ) {
    const connected = performance.now();
    try {
      const response = await connect(log.lastId, signal);
      if (response.status === 204) return;
      // Another replica may have to find out first that the one with the reply is gone.
      if (hasBroken) onWaiting(true);
      for await (const event of eventsOf(response)) {
        onWaiting(false);
        hasBroken = false;
        attempt = 0;
        const end = log.take(event);
        onChange(log);
        // After an error of the model, the service's own error and the closing frame follow.
        if (end?.error === null) return;
      }
      if (performance.now() - connected > GOOD_CONNECTION_MS) attempt = 0;
    } catch (failure) {
      if (signal.aborted) return;
      if (failure instanceof StartOver) {
        log = new ReplyLog();
        continue;
      }
      if (failure instanceof Refused && !mayPass(failure)) throw failure;
      hasBroken = true;
      onWaiting(true, failure);
      await pause(pauseBefore(attempt, failure), signal);
      attempt += 1;
      continue;
    }
    // The service has closed the stream and asks to come back.
    await pause(attempt === 0 ? 0 : pauseBefore(attempt), signal);
    attempt += 1;
  }
}
