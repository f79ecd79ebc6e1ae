// The switch between the versions of a message.
import { html, nothing } from "../vendor/lit-html/lit-html.js";
import { iconButton } from "./icons.js";

/** The service names so many versions before a message and after it. */
const MOST_EACH_WAY = 25;

/**
 * Returns the switch; nothing if the message has one version.
 *
 * @param {{id: string, versions: string[]}} message the version that is shown, and the ids of all, oldest first
 * @param {(id: string, label: string) => void} choose shows another version; `label` is that of the arrow
 */
export function versionSwitch({ id, versions = [] }, choose) {
  if (versions.length < 2) return nothing;
  const place = versions.indexOf(id);
  return html`
    <span class="versions" role="group" aria-label="Versions">
      ${arrow("previous", "Previous version", versions[place - 1], choose)}
      <span>${placeOf(place, versions.length)}</span>
      ${arrow("next", "Next version", versions[place + 1], choose)}
    </span>
  `;
}

function arrow(icon, label, id, choose) {
  return iconButton(icon, label, () => choose(id, label), { disabled: id === undefined });
}

/** Returns the place of a version, such as "2/3"; where the service may not have named all, a number would be wrong. */
function placeOf(place, count) {
  const mayHaveMore = place >= MOST_EACH_WAY || count - 1 - place >= MOST_EACH_WAY;
  return mayHaveMore ? "…" : `${place + 1}/${count}`;
}
