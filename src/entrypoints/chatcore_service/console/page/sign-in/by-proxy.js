// Leaves the sign-in to the proxy in front of the service, which has let the reader through to this page.
import { ProxySession } from "./sessions.js";

export class SignInByProxy {
  kind = "proxy";
  isNew = false;

  async resume() {
    return new ProxySession();
  }

  /** Loads the page again, so that the proxy can ask the reader to sign in. */
  begin() {
    location.reload();
  }
}
