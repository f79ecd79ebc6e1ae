// The models of the inference service, and loading another one.
import { Refused } from "../service/problems.js";

/**
 * Returns the models that a conversation can name.
 *
 * @param {Api} api the service
 * @returns {Promise<{tags: string[], loaded: string|null, canLoad: boolean}>} the models, the one that is loaded, and
 *   whether the inference service has a list from which one is loaded
 */
export async function listModels(api) {
  const document = await api.json("GET", "api/models");
  // The service passes on what the inference service says, which has one of two forms.
  if (Array.isArray(document.models)) {
    const tags = document.models.map((model) => model.model_tag).filter(isTag);
    const { current_model: loaded } = document;
    return { tags, loaded: isTag(loaded) ? loaded : null, canLoad: tags.length > 0 };
  }
  const tags = (Array.isArray(document.data) ? document.data : []).map((model) => model?.id).filter(isTag);
  return { tags, loaded: null, canLoad: false };
}

/**
 * Asks the inference service to load a model, for everybody.
 *
 * @throws {Error} the model was not loaded; the message says why, for people
 */
export async function loadModel(api, tag) {
  try {
    await api.json("POST", "api/models/swap", { body: { model_tag: tag } });
  } catch (failure) {
    throw failure instanceof Refused ? new Error(sentenceFor(failure), { cause: failure }) : failure;
  }
}

function sentenceFor({ status, code, message }) {
  if (status === 403) return "Only an administrator can load another model.";
  if (code === "cannot_swap") return "This service cannot load another model from here. Its operator chooses the models.";
  return message;
}

function isTag(value) {
  return typeof value === "string" && value !== "";
}
