// What the service says about itself before anybody has signed in.
import { addressOf } from "./api.js";
import { Refused, Unreachable } from "./problems.js";

/** Returns how the reader signs in, and the limits of what the reader may enter. */
export async function loadConfig() {
  let response;
  try {
    response = await fetch(addressOf("console/config"));
  } catch (failure) {
    throw new Unreachable(failure);
  }
  if (response.ok) return response.json();
  throw new Refused(response.status, await response.json().catch(() => ({})), null);
}
