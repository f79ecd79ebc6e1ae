// Begins: finds out how the reader signs in, signs the reader in, and shows the page.
import { render } from "./vendor/lit-html/lit-html.js";
import { Api } from "./service/api.js";
import { loadConfig } from "./service/config.js";
import { signInFor } from "./sign-in/sign-in.js";
import { forgetAll } from "./state/tab-storage.js";
import { Page } from "./views/page.js";
import { failureView, signInView } from "./views/sign-in.js";

const root = document.getElementById("page");
// Tells loading.js that all modules have arrived.
document.documentElement.dataset.begun = "";

async function begin() {
  const config = await loadConfig();
  const signIn = await signInFor(config.sign_in);
  try {
    const session = await signIn.resume();
    if (session === null) askToSignIn(null);
    else show(session);
  } catch (failure) {
    askToSignIn(failure.message);
  }

  function show(session) {
    // lit keeps what it has drawn in an element, so each page has one of its own.
    const place = document.createElement("div");
    root.replaceChildren(place);
    let hasLeft = false;
    const leave = (problem) => {
      // Several requests may be refused at once.
      if (hasLeft) return;
      hasLeft = true;
      page.end();
      session.end();
      askToSignIn(problem);
    };
    const api = new Api(session, () => leave("Your sign-in is not valid any more."));
    const page = new Page(place, {
      api,
      limits: config.limits,
      signOut: signIn.kind === "proxy" ? null : signOut,
    });
    page.begin();

    function signOut() {
      forgetAll();
      leave(null);
      // The next reader may be somebody else.
      history.replaceState(null, "", location.pathname);
    }
  }

  function askToSignIn(problem) {
    document.title = "chatcore";
    const place = document.createElement("div");
    root.replaceChildren(place);
    const draw = (sentence) => render(signInView(signIn.kind, sentence, start), place);
    async function start(token) {
      try {
        const session = await signIn.begin(token);
        if (session === null) return;
        await check(session);
        show(session);
      } catch (failure) {
        draw(failure.message);
      }
    }
    draw(problem);
  }
}

/** Asks the service for something, so that a reader with a wrong token is told so before the page opens. */
async function check(session) {
  try {
    await new Api(session, () => {}).conversations({ isArchive: false });
  } catch (failure) {
    session.end();
    throw failure.status === 401 ? new Error("The service does not accept this token.") : failure;
  }
}

begin().catch((failure) => {
  root.replaceChildren();
  render(failureView(failure.message), root);
});
