// Opens the dialogs, whose modules are loaded when they are needed.
import { loaded } from "../service/module-loading.js";
import { Unreachable } from "../service/problems.js";

export class Panels {
  #service;
  #actions;
  #isLoading = false;

  /**
   * @param {{api: Api, limits: object, signal: AbortSignal}} service what dialogs need; the signal closes them
   * @param {{changed(conversation), created(conversation), opened(), failed(problem: Error)}} actions is told of
   *   what happens
   */
  constructor(service, actions) {
    this.#service = service;
    this.#actions = actions;
  }

  /** Shows the settings of a conversation; null stands for a new one. */
  async showSettings(conversation) {
    await this.#show(() => import("../panels/settings.js"), ({ showSettings }) =>
      showSettings({ ...this.#service, conversation }, this.#actions),
    );
  }

  /** Shows the export and the import. */
  async showTransfer() {
    await this.#show(() => import("../panels/transfer.js"), ({ showTransfer }) => showTransfer(this.#service));
  }

  async #show(load, show) {
    // A second click is not meant for a second dialog.
    if (this.#isLoading) return;
    this.#isLoading = true;
    try {
      // The reader, who waits for the dialog, decides about the next attempt.
      const module = await loaded(load, { most: 1 });
      if (this.#service.signal.aborted) return;
      this.#actions.opened();
      show(module);
    } catch (failure) {
      const isMissing = failure instanceof Unreachable;
      this.#actions.failed(isMissing ? new Error("This part of the page could not be loaded.") : failure);
    }
    this.#isLoading = false;
  }
}
