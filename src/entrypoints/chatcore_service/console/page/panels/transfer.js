// Import and export: all conversations as a file, and conversations from a file.
import { html, nothing } from "../vendor/lit-html/lit-html.js";
import { Dialog } from "./dialog.js";
import { exportAll, importAll } from "./transfer-api.js";

const FILE_NAME = "conversations.jsonl";
const MEGABYTE = 1_000_000;

class Transfer {
  #api;
  #dialog;
  #isRunning = false;
  /** What is said about the last one. */
  #note = null;
  #problem = null;
  #share = null;
  #report = null;
  #end;

  constructor({ api, signal }) {
    this.#api = api;
    this.#end = new AbortController();
    this.#dialog = new Dialog("Import and export", () => this.#view(), signal);
    this.#dialog.whenClosed(() => this.#end.abort());
  }

  #view() {
    return html`
      <section>
        <h3>Export</h3>
        <p class="note">All your conversations in one file, with all branches.</p>
        <div class="buttons">
          <button type="button" class="primary" ?disabled=${this.#isRunning} @click=${() => this.#export()}>
            Export
          </button>
        </div>
      </section>
      <section>
        <h3>Import</h3>
        <p class="note">
          A file that was exported here, or conversations.json of a ChatGPT export, unpacked. What is there already is
          left as it is, so an import that was broken off can be repeated.
        </p>
        <label>
          File
          <input
            type="file"
            accept=".json,.jsonl,.ndjson,application/json"
            ?disabled=${this.#isRunning}
            @change=${(event) => this.#import(event.target)}
          />
        </label>
      </section>
      ${this.#outcome()}
    `;
  }

  #outcome() {
    const { imported, skipped, problems } = this.#report ?? { problems: [] };
    return html`
      <section class="outcome">
        ${this.#isRunning
          ? html`<progress aria-label="Progress" value=${this.#share ?? nothing}></progress>`
          : nothing}
        <p class="note" role="status">${this.#note ?? nothing}</p>
        ${this.#problem === null ? nothing : html`<p class="problem" role="alert">${this.#problem}</p>`}
        ${this.#report === null
          ? nothing
          : html`<p role="status">${imported} imported, ${skipped} skipped${problems.length > 0 ? ":" : "."}</p>`}
        ${problems.length === 0
          ? nothing
          : html`<ul class="import-problems" aria-label="Problems" tabindex="0">
              ${problems.map(({ line, problem }) => html`<li>Number ${line}: ${problem}</li>`)}
            </ul>`}
      </section>
    `;
  }

  async #export() {
    await this.#doing(async (signal) => {
      const onProgress = (bytes) => this.#says(`${(bytes / MEGABYTE).toFixed(1)} MB`);
      save(await exportAll(this.#api, { onProgress, signal }));
      this.#note = "The file is complete.";
    });
  }

  async #import(input) {
    const [file] = input.files;
    if (file === undefined) return;
    await this.#doing(async (signal) => {
      const onProgress = (share) => {
        this.#share = share < 1 ? share : null;
        this.#says(share < 1 ? `${Math.floor(share * 100)} % sent` : "Sent. Waiting for the end …");
      };
      this.#report = await importAll(this.#api, file, { onProgress, signal });
      this.#note = null;
    });
    // The same file can be chosen again.
    input.value = "";
  }

  #says(note) {
    this.#note = note;
    this.#dialog.redraw();
  }

  async #doing(act) {
    const { signal } = this.#end;
    this.#isRunning = true;
    this.#share = null;
    this.#problem = null;
    this.#report = null;
    this.#says(null);
    try {
      await act(signal);
    } catch (failure) {
      if (signal.aborted) return;
      this.#note = null;
      this.#problem = failure.message;
    }
    this.#isRunning = false;
    this.#dialog.redraw();
  }
}

/** Lets the browser keep a file. */
function save(file) {
  const link = document.createElement("a");
  link.href = URL.createObjectURL(file);
  link.download = FILE_NAME;
  link.click();
  // The browser has begun to read the file by then.
  setTimeout(() => URL.revokeObjectURL(link.href), 60_000);
}

/**
 * Shows the export and the import. Closing the dialog ends what is under way.
 *
 * @param {{api: Api, signal: AbortSignal}} context the service, and what closes the dialog
 */
export function showTransfer(context) {
  return new Transfer(context);
}
