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
