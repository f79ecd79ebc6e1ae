// Exports and imports all conversations of the reader.
import { upload } from "./upload.js";

/**
 * Returns all conversations as a file.
 *
 * @param {Api} api the service
 * @param {(bytes: number) => void} onProgress is called with the number of bytes that have arrived
 * @throws {Error} the file is not complete
 */
export async function exportAll(api, { onProgress, signal }) {
  const response = await api.request("GET", "api/export", { signal });
  const parts = [];
  let bytes = 0;
  const reader = response.body.getReader();
  for (;;) {
    const { value, done } = await reader.read();
    if (done) break;
    parts.push(value);
    bytes += value.length;
    onProgress(bytes);
  }
  // A response that was broken off stops in the middle of a line.
  if (parts.at(-1)?.at(-1) !== "\n".charCodeAt(0)) throw new Error("The export broke off before its end.");
  return new Blob(parts, { type: "application/x-ndjson" });
}

/**
 * Imports the conversations of a file.
 *
 * @param {Api} api the service
 * @param {File} file an export of a service like this one, or `conversations.json` of ChatGPT
 * @param {(share: number) => void} onProgress is called with the share of the file that has been sent
 * @returns {Promise<{imported: number, skipped: number, problems: {line: number, problem: string}[]}>}
 */
export async function importAll(api, file, { onProgress, signal }) {
  // The upload is not repeated if the reader's token has expired, so a token is renewed before.
  await api.json("GET", "api/changes");
  const type = file.name.toLowerCase().endsWith(".json") ? "application/json" : "application/x-ndjson";
  const headers = { ...(await api.headers()), "Content-Type": type };
  return upload("api/import", file, { headers, onProgress, signal });
}
