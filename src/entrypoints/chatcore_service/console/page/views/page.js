// Puts the page together for a reader who is signed in.
import { html, render } from "../vendor/lit-html/lit-html.js";
import { ConversationList } from "../state/conversation-list.js";
import { draftOf, keepDraft } from "../state/drafts.js";
import { Feed } from "../state/feed.js";
import { OpenChat } from "../state/open-chat.js";
import { Outbox } from "../state/outbox.js";
import { keptSampling } from "../state/sampling.js";
import { Search } from "../state/search.js";
import { ChatView } from "./chat.js";
import { Composer } from "./composer.js";
import { iconButton } from "./icons.js";
import { Panels } from "./panels.js";
import { SearchView } from "./search.js";
import { Sidebar } from "./sidebar.js";

const NAME = "chatcore";
const NARROW = matchMedia("(max-width: 48rem)");
const TOUCH = matchMedia("(hover: none)");
/** The address of a conversation, or of a message in it. */
const ADDRESS = /^#\/c\/([0-9a-f-]{36})(?:\/([0-9a-f-]{36}))?$/i;

export class Page {
  #root;
  #list;
  #chat;
  #feed;
  #search;
  #sidebar;
  #composer;
  #panels;
  #chatView;
  #canSignOut;
  #isSidebarOpen = false;
  #isDrawing = false;
  #end = new AbortController();

  /**
   * @param {HTMLElement} root where the page is drawn
   * @param {{api: Api, limits: object, signOut: (() => void)|null}} service what the page needs of the service
   */
  constructor(root, { api, limits, signOut }) {
    this.#root = root;
    this.#canSignOut = signOut !== null;
    this.#list = new ConversationList(api, (conversation) => this.#chat.changedElsewhere(conversation));
    this.#chat = new OpenChat(api, new Outbox(), (conversation) => this.#list.put(conversation), keptSampling);
    this.#feed = new Feed(api, this.#list, this.#chat);
    this.#composer = new Composer(
      { send: (content) => this.#send(content), stop: () => this.#chat.asking.stop(), redraw: () => this.#redraw() },
      limits.message_characters,
    );
    this.#chatView = new ChatView(this.#chat, limits.message_characters, () => this.#redraw());
    this.#panels = new Panels(
      { api, limits, signal: this.#end.signal },
      {
        changed: (conversation) => this.#changed(conversation),
        created: (conversation) => this.#begun(conversation),
        opened: () => this.#list.attempts.forget(),
        failed: (problem) => this.#list.attempts.report(problem),
      },
    );
    const search = new Search(api);
    this.#search = new SearchView(search, (id, messageId, words) => this.#goTo(id, messageId, words));
    this.#sidebar = new Sidebar(this.#list, this.#search, limits.title_characters, {
      open: (id) => this.#goTo(id),
      newChat: () => this.#goTo(null),
      transfer: () => this.#panels.showTransfer(),
      redraw: () => this.#redraw(),
      signOut,
    });
    this.#list.subscribe(() => this.#redraw());
    search.subscribe(() => this.#redraw());
    this.#chat.subscribe(() => this.#followChat());
  }

  /** Shows the conversation that the address names, and follows the address from now on. */
  begin() {
    const { signal } = this.#end;
    addEventListener("hashchange", () => this.#openAddressed(), { signal });
    addEventListener("keydown", (event) => this.#pressed(event), { signal });
    NARROW.addEventListener("change", () => this.#isSidebarOpen && this.#toggleSidebar(), { signal });
    addEventListener("online", () => this.#chat.connected(), { signal });
    // It may be another day.
    document.addEventListener("visibilitychange", () => this.#redraw(), { signal });
    this.#feed.begin();
    this.#openAddressed();
    requestAnimationFrame(() => {
      if (!TOUCH.matches && document.activeElement === document.body) this.#composer.focus();
    });
  }

  /** Stops everything, as when the reader has signed out. */
  end() {
    this.#end.abort();
    this.#feed.end();
    this.#list.end();
    this.#chat.end();
  }

  #openAddressed() {
    const { id, messageId } = addressed();
    this.#open(id, messageId);
  }

  #goTo(id, messageId = null, words = []) {
    this.#isSidebarOpen = false;
    const isThere = id !== null && id === this.#chat.id && this.#chat.state === "ready";
    if (!isThere) history.pushState(null, "", id === null ? "#/" : `#/c/${id}`);
    if (!isThere) this.#open(id, messageId, words);
    else if (messageId !== null) this.#chat.showMessage(messageId, words);
    this.#redraw();
    // While the list covers it, nothing here can have the focus. Under a finger, the field would open a keyboard.
    requestAnimationFrame(() => (TOUCH.matches ? this.#focus(".menu button") : this.#composer.focus()));
  }

  /** Opens a conversation at its end, or at a message and words in it; null opens a new chat. */
  async #open(id, messageId, words = []) {
    this.#composer.showDraftOf(id);
    const opened = this.#chat.open(id);
    this.#chatView.showEnd();
    this.#redraw();
    await opened;
    if (messageId !== null && this.#chat.id === id) await this.#chat.showMessage(messageId, words);
  }

  #changed(conversation) {
    this.#list.put(conversation);
    this.#chat.changedElsewhere(conversation);
  }

  /** Opens a conversation that has just begun, with what the reader has typed for a new one. */
  #begun(conversation) {
    this.#list.put(conversation);
    keepDraft(conversation.id, draftOf(null));
    keepDraft(null, "");
    this.#goTo(conversation.id);
  }

  #send(content) {
    // A new conversation is not in the archive.
    if (this.#chat.id === null && this.#list.isArchive) this.#list.showArchive(false);
    // The address and the draft follow the chat, which has an id now.
    this.#chat.send(content);
    this.#chatView.showEnd();
    this.#redraw();
  }

  /** Follows a conversation that gets another id, and puts back what was refused. */
  #followChat() {
    const { id, writing } = this.#chat;
    // The service may have given a new conversation another id than the page, or may not have created it. The address
    // does not tell: the reader may have entered another one, which the browser reports in a moment.
    if (this.#composer.conversationId !== id) {
      history.replaceState(null, "", id === null ? "#/" : `#/c/${id}`);
      this.#composer.showDraftOf(id);
    }
    if (writing.returned !== null) {
      this.#composer.putBack(writing.returned);
      writing.returned = null;
    }
    this.#redraw();
  }

  #pressed(event) {
    // Escape ends what an input method composes.
    if (event.isComposing) return;
    const hasCommand = event.ctrlKey || event.metaKey;
    if (event.key === "Escape" && !event.defaultPrevented) {
      if (this.#isSidebarOpen) this.#toggleSidebar();
      else if (this.#chat.running !== null) this.#chat.asking.stop();
    } else if (hasCommand && !event.shiftKey && event.key.toLowerCase() === "k") {
      event.preventDefault();
      this.#goToSearch();
    } else if (hasCommand && event.shiftKey && event.key.toLowerCase() === "o") {
      event.preventDefault();
      this.#goTo(null);
    }
  }

  #goToSearch() {
    // On a narrow screen, the field is there as soon as the sidebar is.
    this.#isSidebarOpen = NARROW.matches;
    this.#redraw();
    requestAnimationFrame(() => this.#search.focus());
  }

  #toggleSidebar() {
    this.#isSidebarOpen = !this.#isSidebarOpen;
    this.#redraw();
    const next = this.#isSidebarOpen ? ".new-chat" : ".menu button";
    requestAnimationFrame(() => this.#focus(next));
  }

  #focus(selector) {
    this.#root.querySelector(selector)?.focus();
  }

  /** Draws the page soon; many changes at once are drawn once. */
  #redraw() {
    if (this.#isDrawing || this.#end.signal.aborted) return;
    this.#isDrawing = true;
    requestAnimationFrame(() => {
      this.#isDrawing = false;
      if (!this.#end.signal.aborted) this.#draw();
    });
  }

  #draw() {
    const focused = document.activeElement;
    this.#render();
    this.#chatView.drawn();
    this.#sidebar.drawn();
    // With a finger there is no focus to lose, and a field that gets it covers the page with a keyboard.
    if (hasLostFocus(focused) && !TOUCH.matches) this.#composer.focus();
  }

  #render() {
    // The list learns of a new title first.
    const { title = this.#chat.state === "missing" ? "Not found" : "New chat" } =
      this.#list.find(this.#chat.id) ?? this.#chat.conversation ?? {};
    document.title = this.#chat.conversation ? `${title} – ${NAME}` : NAME;
    render(
      html`
        <div class="page ${this.#isSidebarOpen ? "with-sidebar" : ""}">
          <button type="button" class="skip primary" @click=${() => this.#composer.focus()}>Write a message</button>
          ${this.#sidebar.view(this.#chat.id, { canSignOut: this.#canSignOut })}
          <button
            type="button"
            class="backdrop"
            tabindex="-1"
            aria-label="Close the list"
            @click=${() => this.#toggleSidebar()}
          ></button>
          <main ?inert=${this.#isSidebarOpen}>
            <header>
              <span class="menu">
                ${iconButton("menu", "Conversations", () => this.#toggleSidebar(), { expanded: this.#isSidebarOpen })}
              </span>
              <h1 dir="auto">${title}</h1>
              ${iconButton("settings", "Settings", () => this.#panels.showSettings(this.#chat.conversation), {
                disabled: this.#chat.id !== null && this.#chat.conversation === null,
              })}
            </header>
            ${this.#chatView.view()} ${this.#composer.view({
              isWriting: this.#chat.running !== null,
              isBusy: this.#chat.isBusy,
            })}
          </main>
          ${this.#sidebar.notes()}
        </div>
      `,
      this.#root,
    );
  }
}

/** Returns the ids of the conversation and of the message that the address names; null stands for a new chat, or none. */
function addressed() {
  const [, id = null, messageId = null] = ADDRESS.exec(location.hash.toLowerCase()) ?? [];
  return { id, messageId };
}

/** Returns whether an element had the focus and cannot have it any more, and no other one has it. */
function hasLostFocus(element) {
  const isElsewhere = ![element, document.body].includes(document.activeElement);
  if (isElsewhere || element === document.body) return false;
  return !element.isConnected || element.matches(":disabled");
}
