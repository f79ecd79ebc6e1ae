// The settings: the model and the instructions of a conversation, and how replies are sampled.
import { html, nothing } from "../vendor/lit-html/lit-html.js";
import { retrying } from "../service/retrying.js";
import { newId } from "../state/ids.js";
import { keepSampling, keptSampling } from "../state/sampling.js";
import { Dialog } from "./dialog.js";
import { listModels, loadModel } from "./models.js";

const DEFAULT_MODEL = "default";
const MAX_TOP_K = 200;
const MOST_ATTEMPTS = 3;

class Settings {
  #api;
  #limits;
  #conversation;
  #actions;
  #dialog;
  #models = { tags: [], loaded: null, canLoad: false };
  #model;
  #isBusy = false;
  #problem = null;
  #note = null;

  constructor({ api, limits, conversation, signal }, actions) {
    this.#api = api;
    this.#limits = limits;
    this.#conversation = conversation;
    this.#actions = actions;
    this.#model = conversation?.model_tag ?? DEFAULT_MODEL;
    this.#dialog = new Dialog("Settings", () => this.#view(), signal);
    this.#doing(async () => {
      this.#models = await retrying(() => listModels(api), { most: MOST_ATTEMPTS });
    });
  }

  #view() {
    return html`
      <form class="settings" @submit=${(event) => this.#save(event)}>
        <fieldset>
          <legend>${this.#conversation === null ? "A new conversation" : "This conversation"}</legend>
          ${this.#modelField()}
          <label>
            Instructions
            <textarea
              name="instructions"
              rows="5"
              dir="auto"
              placeholder="What the model should always bear in mind"
              .defaultValue=${this.#conversation?.instructions ?? ""}
            ></textarea>
          </label>
        </fieldset>
        ${sampling(this.#limits)}
        <p class="note" role="status">${this.#note ?? nothing}</p>
        ${this.#problem ? html`<p class="problem" role="alert">${this.#problem}</p>` : nothing}
        <div class="buttons">
          <button type="button" class="quiet" @click=${() => this.#dialog.close()}>Cancel</button>
          <button class="primary" ?disabled=${this.#isBusy}>Save</button>
        </div>
      </form>
    `;
  }

  #modelField() {
    const { tags, loaded, canLoad } = this.#models;
    const choices = [...new Set([DEFAULT_MODEL, this.#model, ...tags])];
    const nameOf = (tag) => {
      if (tag === DEFAULT_MODEL) return "Default";
      return tag === loaded ? `${tag} (loaded)` : tag;
    };
    const isLoadable = canLoad && this.#model !== loaded && tags.includes(this.#model);
    return html`
      <label>
        Model
        <select name="model" @change=${(event) => this.#choose(event.target.value)}>
          ${choices.map(
            (tag) => html`<option value=${tag} .selected=${tag === this.#model}>${nameOf(tag)}</option>`,
          )}
        </select>
      </label>
      ${isLoadable
        ? html`<p class="note">
            This model is not loaded. An administrator can load it, for everybody.
            <button type="button" class="quiet" ?disabled=${this.#isBusy} @click=${() => this.#load()}>Load it</button>
          </p>`
        : nothing}
    `;
  }

  #choose(tag) {
    this.#model = tag;
    this.#problem = null;
    this.#dialog.redraw();
  }

  async #load() {
    const tag = this.#model;
    await this.#doing(async () => {
      await loadModel(this.#api, tag);
      this.#note = `${tag} is being loaded.`;
      this.#models = await listModels(this.#api);
    });
  }

  async #save(event) {
    event.preventDefault();
    const { instructions, temperature, max_tokens, top_k } = event.currentTarget.elements;
    const chosen = { model_tag: this.#model, instructions: instructions.value.trim() || null };
    await this.#doing(async () => {
      await this.#saveConversation(chosen);
      keepSampling(numbers({ temperature, max_tokens, top_k }));
      this.#dialog.close();
    });
  }

  async #saveConversation(chosen) {
    const before = this.#conversation ?? { model_tag: DEFAULT_MODEL, instructions: null };
    const changes = Object.fromEntries(Object.entries(chosen).filter(([name, value]) => value !== before[name]));
    if (Object.keys(changes).length === 0) return;
    if (this.#conversation === null) {
      this.#actions.created(await this.#api.createConversation({ id: newId(), ...changes }));
    } else {
      this.#actions.changed(await this.#api.changeConversation(this.#conversation.id, changes));
    }
  }

  async #doing(act) {
    this.#isBusy = true;
    this.#problem = null;
    this.#note = null;
    this.#dialog.redraw();
    try {
      await act();
    } catch (failure) {
      this.#problem = failure.message;
    }
    this.#isBusy = false;
    this.#dialog.redraw();
  }
}

function sampling(limits) {
  const chosen = keptSampling();
  const field = (name, label, range) => html`
    <label>
      ${label}
      <input
        type="number"
        name=${name}
        min=${range.min}
        max=${range.max}
        step=${range.step}
        placeholder="Default"
        .defaultValue=${chosen[name] ?? ""}
      />
    </label>
  `;
  return html`
    <fieldset class="sampling">
      <legend>All conversations in this browser</legend>
      ${field("temperature", "Temperature", { min: 0, max: limits.temperature, step: "any" })}
      ${field("max_tokens", "Longest reply (tokens)", { min: 1, max: limits.reply_tokens, step: 1 })}
      ${field("top_k", "Top-k", { min: 0, max: MAX_TOP_K, step: 1 })}
    </fieldset>
  `;
}

function numbers(fields) {
  const filled = Object.entries(fields).filter(([, field]) => field.value !== "");
  return Object.fromEntries(filled.map(([name, field]) => [name, Number(field.value)]));
}

/**
 * Shows the settings.
 *
 * @param {{api: Api, limits: object, conversation: object|null, signal: AbortSignal}} context what they are about; a
 *   conversation of null is a new one, which begins when the reader saves the settings
 * @param {{created(conversation), changed(conversation)}} actions is told what the reader has saved
 */
export function showSettings(context, actions) {
  return new Settings(context, actions);
}
