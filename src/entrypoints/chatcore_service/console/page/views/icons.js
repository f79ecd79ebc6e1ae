// The icons of buttons. They have no meaning of their own for screen readers, because buttons have labels.
import { html, nothing } from "../vendor/lit-html/lit-html.js";

const PATHS = {
  archive: "M4 7h16M6 7v12h12V7M10 11h4M5 4h14v3H5z",
  close: "M6 6l12 12M18 6L6 18",
  continue: "M6 5v14l7-7zM13 5v14l7-7z",
  copy: "M9 9h10v11H9zM5 15V4h10",
  delete: "M5 7h14M10 7V4h4v3M7 7l1 13h8l1-13",
  down: "M12 5v14M6 13l6 6 6-6",
  menu: "M4 7h16M4 12h16M4 17h16",
  more: "M6 12h.01M12 12h.01M18 12h.01",
  new: "M12 5v14M5 12h14",
  next: "M10 7l5 5-5 5",
  pin: "M9 4h6l-1 6 3 3H7l3-3zM12 13v7",
  previous: "M14 7l-5 5 5 5",
  regenerate: "M19 12a7 7 0 1 1-2-5M19 4v4h-4",
  rename: "M4 20l1-4L16 5l3 3L8 19z",
  search: "M10.5 4a6.5 6.5 0 1 0 0 13 6.5 6.5 0 0 0 0-13M15 15l5 5",
  send: "M12 19V5M6 11l6-6 6 6",
  settings: "M4 8h9M17 8h3M4 16h3M11 16h9M15 6v4M9 14v4",
  signOut: "M10 5H5v14h5M14 8l4 4-4 4M18 12H9",
  stop: "M7 7h10v10H7z",
  transfer: "M8 20V6M4 10l4-4 4 4M16 4v14M12 14l4 4 4-4",
};

/** Returns an icon by its name. */
export function icon(name) {
  return html`<svg class="icon" viewBox="0 0 24 24" aria-hidden="true"><path d=${PATHS[name]}></path></svg>`;
}

/** Returns a button that shows an icon only. */
export function iconButton(name, label, onClick, { disabled = false, pressed = nothing, expanded = nothing } = {}) {
  return html`<button
    type="button"
    class="icon-button"
    title=${label}
    aria-label=${label}
    aria-pressed=${pressed}
    aria-expanded=${expanded}
    ?disabled=${disabled}
    @click=${onClick}
  >
    ${icon(name)}
  </button>`;
}
