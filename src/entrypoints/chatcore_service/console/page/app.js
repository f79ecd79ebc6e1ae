// Begins: finds out how the reader signs in, signs the reader in, and shows the page.
import { render } from "./vendor/lit-html/lit-html.js";
import { Api } from "./service/api.js";
import { loadConfig } from "./service/config.js";
import { signInFor } from "./sign-in/sign-in.js";
import { forgetAll, kept } from "./state/tab-storage.js";
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
    else await welcome(session);
  } catch (failure) {
    askToSignIn(failure.message);
  }

  async function welcome(session) {
    if (signIn.isNew) await check(session);
    show(session);
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
    const draw = (state) => render(signInView(signIn.kind, state, start), place);
    let isStarting = false;
    async function start(token) {
      // A second click is not meant for a second page.
      if (isStarting) return;
      isStarting = true;
      draw({ isStarting });
      try {
        const session = await signIn.begin(token);
        if (session !== null) await welcome(session);
      } catch (failure) {
        isStarting = false;
        draw({ problem: failure.message });
      }
    }
    draw({ problem });
    place.querySelector("input, button").focus();
  }
}

/**
 * Finds out who has signed in, so that a reader with a wrong token is told so before the page opens, and nobody sees what
 * another reader has left in this tab when the sign-in expired.
 */
async function check(session) {
  try {
    const { items, pinned } = await new Api(session, () => {}).conversations({ isArchive: false });
    const reader = [...items, ...pinned][0]?.user_id ?? null;
    const former = kept("reader");
    if (former === null || former === reader) return;
    forgetAll({ except: ["token", "tokens"] });
    history.replaceState(null, "", location.pathname);
  } catch (failure) {
    session.end();
    throw failure.status === 401 ? new Error("The service does not accept this sign-in.") : failure;
  }
}

begin().catch((failure) => {
  root.replaceChildren();
  render(failureView(failure.message), root);
});
