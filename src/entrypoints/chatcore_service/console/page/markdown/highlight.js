// Colours code. The highlighter and its languages are loaded when a text has code in one of them.
import { loadedIfPossible } from "../service/module-loading.js";
import { nodesOf } from "./sanitize.js";

const FOLDER = "../vendor/@highlightjs/cdn-assets/es";
const MOST_CHARACTERS = 60_000;

/** The file of each language, by the names that people give it. */
const LANGUAGES = new Map(
  Object.entries({
    bash: ["bash", "sh", "shell", "zsh", "console"],
    c: ["c", "h"],
    cpp: ["cpp", "c++", "cc", "hpp"],
    csharp: ["csharp", "cs", "c#"],
    css: ["css"],
    diff: ["diff", "patch"],
    dockerfile: ["dockerfile", "docker"],
    go: ["go", "golang"],
    ini: ["ini", "toml"],
    java: ["java"],
    javascript: ["javascript", "js", "jsx", "mjs"],
    json: ["json", "jsonc"],
    kotlin: ["kotlin", "kt"],
    markdown: ["markdown", "md"],
    php: ["php"],
    python: ["python", "py"],
    ruby: ["ruby", "rb"],
    rust: ["rust", "rs"],
    sql: ["sql", "postgresql"],
    swift: ["swift"],
    typescript: ["typescript", "ts", "tsx"],
    xml: ["xml", "html", "svg", "vue"],
    yaml: ["yaml", "yml"],
  }).flatMap(([file, names]) => names.map((name) => [name, file])),
);

/** What loads the languages. One that has failed is not requested again, however much code is in it. */
const loading = new Map();

/** Colours the text of an element, if its language is known. */
export async function highlight(element, language) {
  const file = LANGUAGES.get(language.toLowerCase());
  const code = element.textContent;
  if (!file || code.length > MOST_CHARACTERS) return;
  const highlighter = await withLanguage(file);
  if (element.textContent === code) {
    element.replaceChildren(nodesOf(highlighter.highlight(code, { language: file, ignoreIllegals: true }).value));
  }
}

async function withLanguage(file) {
  if (!loading.has(file)) loading.set(file, load(file));
  return loading.get(file);
}

async function load(file) {
  const [core, language] = await Promise.all([
    loadedIfPossible(() => import(`${FOLDER}/core.min.js`)),
    loadedIfPossible(() => import(`${FOLDER}/languages/${file}.min.js`)),
  ]);
  core.default.registerLanguage(file, language.default);
  return core.default;
}
