// Sends a file. Only XMLHttpRequest says how much of it has been sent.
import { addressOf } from "../service/api.js";
import { Refused, Unreachable } from "../service/problems.js";

/**
 * Sends a file and returns the JSON of the response.
 *
 * @param {string} path where to
 * @param {Blob} file the file
 * @param {{headers: object, onProgress: (share: number) => void, signal: AbortSignal}} options the request's headers,
 *   and what is called with the share that has been sent, from 0 to 1
 * @throws {Refused} the service refused the file
 * @throws {Unreachable} there is no response
 */
export function upload(path, file, { headers, onProgress, signal }) {
  return new Promise((resolve, reject) => {
    const request = new XMLHttpRequest();
    request.open("POST", addressOf(path));
    request.responseType = "json";
    for (const [name, value] of Object.entries(headers)) request.setRequestHeader(name, value);
    request.upload.onprogress = ({ loaded, total }) => onProgress(total > 0 ? loaded / total : 1);
    request.onload = () => {
      if (request.status === 200 && request.response !== null) resolve(request.response);
      else reject(new Refused(request.status, request.response ?? {}, null));
    };
    request.onerror = () => reject(new Unreachable(null));
    request.onabort = () => reject(signal.reason);
    signal.addEventListener("abort", () => request.abort());
    request.send(file);
  });
}
