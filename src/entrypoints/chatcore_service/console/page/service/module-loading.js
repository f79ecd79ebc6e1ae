// Loads the modules that only some visits need, however often the connection breaks.
import { Unreachable } from "./problems.js";
import { retrying } from "./retrying.js";

/**
 * Loads a module, and tries again as long as the service cannot be reached.
 *
 * @param {() => Promise<object>} load imports the module
 */
export function loaded(load) {
  return retrying(async () => {
    try {
      return await load();
    } catch (failure) {
      // Browsers report so that a file has not arrived.
      throw failure instanceof TypeError ? new Unreachable(failure) : failure;
    }
  });
}
