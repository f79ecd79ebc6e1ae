// The switch between the versions of a message.
import { html, nothing } from "../vendor/lit-html/lit-html.js";
import { iconButton } from "./icons.js";

/**
 * Returns the switch; nothing if the message has one version.
 *
 * @param {{id: string, versions: string[]}} message the version that is shown, and the ids of all, oldest first
 * @param {(id: string) => void} choose shows another version
 */
export function versionSwitch({ id, versions = [] }, choose) {
  if (versions.length < 2) return nothing;
  const place = versions.indexOf(id);
  const [previous, next] = [versions[place - 1], versions[place + 1]];
  return html`
    <span class="versions" role="group" aria-label="Versions">
      ${iconButton("previous", "Previous version", () => choose(previous), { disabled: previous === undefined })}
      <span aria-label="Version ${place + 1} of ${versions.length}">${place + 1}/${versions.length}</span>
      ${iconButton("next", "Next version", () => choose(next), { disabled: next === undefined })}
    </span>
  `;
}
