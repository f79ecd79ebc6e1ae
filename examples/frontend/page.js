// The page around chat.js. What must survive a reload is in sessionStorage; everything else comes from the service.
import { Chat, Interrupted, Refused } from "./chat.js";

const element = (id) => document.getElementById(id);
const saved = JSON.parse(sessionStorage.getItem("chat") ?? "{}");

let chat = null;
let running = null; // The stream path of the reply that is being generated; of several reads, the newest one's.

function save(changes) {
  sessionStorage.setItem("chat", JSON.stringify(Object.assign(saved, changes)));
}

function showStatus(text) {
  element("status").textContent = text;
}

function addMessage(role, content) {
  const item = document.createElement("li");
  item.dataset.role = role;
  item.textContent = content;
  element("messages").append(item);
  return item;
}

function setRunning(streamPath) {
  running = streamPath;
  element("stop").disabled = running === null;
}

function showEnd(error) {
  showStatus({ null: "The reply is complete.", stopped: "The reply was stopped." }[error] ?? `Failed: ${error}`);
}

async function readReply(streamPath, text, response) {
  const item = addMessage("assistant", text);
  const show = (longer) => {
    text = longer;
    item.textContent = text;
  };
  setRunning(streamPath);
  showStatus("The reply is being generated.");
  try {
    const end = await readOrFollow(streamPath, text, response, show);
    if (running === streamPath) showEnd(end.error);
  } finally {
    // The page may read the next reply already.
    if (running === streamPath) setRunning(null);
  }

  async function readOrFollow() {
    if (!response) return chat.follow(streamPath, text, show);
    try {
      return await chat.read(response, show);
    } catch (failure) {
      if (!(failure instanceof Interrupted)) throw failure;
      return chat.follow(streamPath, text, show);
    }
  }
}

async function openConversation() {
  // A message that is sent earlier goes to no conversation, or is shown twice.
  element("submit").disabled = true;
  chat = new Chat(saved.service, saved.token);
  if (!saved.conversationId) save({ conversationId: (await chat.createConversation()).id });
  const { messages } = await chat.openConversation(saved.conversationId);
  element("messages").replaceChildren();
  for (const message of messages) {
    if (message.status !== "streaming") addMessage(message.role, message.content);
  }
  element("submit").disabled = false;
  element("retry").disabled = !saved.unsent;
  const last = messages.at(-1);
  if (last?.error) showEnd(last.error);
  const streaming = messages.find((message) => message.status === "streaming");
  if (streaming) {
    // Reading from the beginning is always right: what is stored comes at once.
    await readReply(`/api/conversations/${saved.conversationId}/messages/${streaming.id}/stream`, "");
  }
}

// The request is kept until the service has answered, so that a retry sends the same one, even after a reload.
async function post({ content, key }) {
  save({ unsent: { content, key } });
  element("retry").disabled = true;
  try {
    const sent = await chat.send(saved.conversationId, content, key);
    save({ unsent: null });
    return sent;
  } catch (failure) {
    const isFinal = failure instanceof Refused && failure.status < 500 && failure.status !== 429;
    if (isFinal) {
      save({ unsent: null });
      // A refused text comes back, unless the user is typing the next one.
      element("content").value ||= content;
    }
    element("retry").disabled = isFinal;
    throw failure;
  }
}

async function send(content) {
  const { streamPath, response } = await post({ content, key: crypto.randomUUID() });
  addMessage("user", content);
  await readReply(streamPath, "", response);
}

async function retry() {
  const { response } = await post(saved.unsent);
  await response.body.cancel();
  // The first request may have arrived, so the page may show the message already: show what the service has.
  await openConversation();
}

function run(action) {
  action().catch((failure) => showStatus(failure.message));
}

element("login").addEventListener("submit", (event) => {
  event.preventDefault();
  save({ service: element("service").value, token: element("token").value, conversationId: null, unsent: null });
  run(openConversation);
});

element("send").addEventListener("submit", (event) => {
  event.preventDefault();
  if (saved.unsent) {
    showStatus("Your last message has not arrived yet. Retry it first.");
    return;
  }
  const content = element("content").value;
  element("content").value = "";
  run(() => send(content));
});

element("stop").addEventListener("click", () => run(() => chat.stop(running)));
element("retry").addEventListener("click", () => run(retry));

if (saved.token) run(openConversation);
