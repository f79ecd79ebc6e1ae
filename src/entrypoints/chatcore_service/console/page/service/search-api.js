// Searches the reader's conversations.

/**
 * Returns a page of conversations that have all words of a query, newest first. A page may be empty and not be the last.
 *
 * @param {Api} api the service
 * @param {string} query at most 500 characters; the last word may be the beginning of one
 * @returns {Promise<{items: {conversation, message_id, snippet, highlights}[], next_cursor: string|null}>}
 */
export function searchConversations(api, query, { cursor, signal }) {
  const parameters = new URLSearchParams({ q: query, ...(cursor && { cursor }) });
  return api.json("GET", `api/search?${parameters}`, { signal });
}

/**
 * Cuts a snippet into pieces that were searched for and pieces around them.
 *
 * @param {string} snippet the text
 * @param {[number, number][]} highlights the starts and ends of what was found, in code points
 * @returns {{text: string, isFound: boolean}[]}
 */
export function piecesOf(snippet, highlights) {
  // JavaScript counts UTF-16 code units.
  const characters = [...snippet];
  const pieces = [];
  let place = 0;
  const cut = (end, isFound) => {
    if (end > place) pieces.push({ text: characters.slice(place, end).join(""), isFound });
    place = Math.max(place, end);
  };
  for (const [start, end] of highlights) {
    cut(start, false);
    cut(end, true);
  }
  cut(characters.length, false);
  return pieces;
}
