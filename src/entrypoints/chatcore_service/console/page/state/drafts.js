// What the reader has typed and not sent, for each conversation.
import { keep, kept } from "./tab-storage.js";

const NEW_CHAT = "new";

/** Returns the draft of a conversation; null stands for a new chat. */
export function draftOf(conversationId) {
  return kept(`draft:${conversationId ?? NEW_CHAT}`) ?? "";
}

export function keepDraft(conversationId, text) {
  keep(`draft:${conversationId ?? NEW_CHAT}`, text || null);
}

/** Puts a text that was not sent back, in front of what the reader has typed since. */
export function withReturned(text, draft) {
  return draft.trim() ? `${text}\n${draft}` : text;
}

/**
 * Returns the edit of a message that the reader has begun in a conversation, or null.
 *
 * @returns {{id: string, text: string}|null} the edited message and the text so far
 */
export function editOf(conversationId) {
  return kept(`edit:${conversationId}`);
}

/** Keeps an edit; null forgets it. */
export function keepEdit(conversationId, edit) {
  keep(`edit:${conversationId}`, edit);
}
