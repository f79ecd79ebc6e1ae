// Reads the feed: what happens to the reader's conversations, in this tab and elsewhere.
import { eventsOf } from "./event-stream.js";
import { Refused, mayPass } from "./problems.js";
import { pause, pauseBefore } from "./retrying.js";

/** Returns the place in the feed after everything that has happened so far. */
export async function feedPlace(api) {
  return (await api.json("GET", "api/changes")).next;
}

/**
 * Reads what has happened since a place, and what happens from then on, however often the connection breaks.
 *
 * @param {Api} api the service
 * @param {string} place where to begin
 * @param {(event: {type: string, data: object, place: string}) => void} onEvent is called with each event and the place
 *   after it: `conversation` with a conversation, `deleted` with an id, `reset` when the list has to be loaded again, and
 *   `connected` without data when the service has answered
 * @param {AbortSignal} signal ends the reading
 */
export async function readFeed(api, place, onEvent, signal) {
  for (let attempt = 0; !signal.aborted; attempt += 1) {
    let failure = null;
    try {
      const response = await api.request("GET", "api/events", { headers: { "Last-Event-ID": place }, signal });
      onEvent({ type: "connected", data: null, place });
      const reached = (id) => {
        place = id;
        attempt = 0;
      };
      for await (const { id, type, data } of eventsOf(response, reached)) {
        reached(id);
        onEvent({ type, data: JSON.parse(data), place });
      }
    } catch (caught) {
      if (caught instanceof Refused && !mayPass(caught)) return;
      failure = caught;
    }
    await pause(pauseBefore(attempt, failure), signal);
  }
}
