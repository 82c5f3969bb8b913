"use strict";
// Whatever a document or an answer says reaches the page as text: there is no markup here but what `make` builds.

const PROTOCOL = "2026-01-26"; // of MCP Apps
const MOST_CELLS = 600; // of a document's strip; a longer document has several pages to a cell
const CONTROLS = /[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u200e\u200f\u202a-\u202e\u2066-\u2069]/g;
const get = (id) => document.getElementById(id);
const root = document.documentElement;

/** Control characters, and those that turn the direction of what follows, are shown as what they are not: a sign. */
const plain = (text) => String(text ?? "").replace(/\r\n?/g, "\n").replace(CONTROLS, "\ufffd");

/** Makes an element: attributes by name, texts and elements as its children. */
function make(tag, attributes = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (name === "onclick") element.addEventListener("click", value);
    else if (value !== undefined && value !== false) element.setAttribute(name, plain(value));
  }
  element.append(...children.map((child) => (child instanceof Node ? child : plain(child))));
  return element;
}

const fill = (id, ...children) => get(id).replaceChildren(...children);
const show = (id, wanted) => { get(id).hidden = !wanted; };
const say = (text) => { get("status").textContent = plain(text); };
const lasted = (seconds) => (seconds < 0.1 ? `${Math.round(1000 * seconds)} ms` : `${seconds.toFixed(2)} s`);
const count = (number, noun) => `${number.toLocaleString("en")} ${noun}${number === 1 ? "" : "s"}`;

// What is shown. A tool's result leaves out what has its usual value, such as the outcome of a step that was done.

let showPage; // (document_id, page, quotes) => a promise of a page; set by whichever way the page was opened
let response; // the result
let sources = []; // its citations, or the closest passages
let opened = null; // { document_id, page, source }
let opener = null; // what had the focus before the evidence was opened
let requests = 0;

function present(result) {
  response = result;
  const titles = new Map((result.documents ?? []).map((each) => [each.document_id, each.title]));
  sources = (result.citations?.length ? result.citations : (result.closest ?? []))
    .map((source) => ({ ...source, title: titles.get(source.document_id) ?? source.title }));
  closeEvidence();
  fill("asked", title(result));
  say(statusOf(result));
  fill("answer", ...answerOf(result));
  presentCoverage(result);
  presentWay(result);
  const notes = [...(result.warnings ?? []), ...(result.engine?.notes ?? []), ...(result.coverage?.skipped ?? [])];
  fill("note-list", ...notes.map((note) => make("li", { dir: "auto" }, note)));
  show("notes", notes.length);
}

function title(result) {
  if (result.question) return result.question;
  if (!result.mode) return "Readroom";
  const titles = (result.documents ?? []).map((each) => each.title);
  const named = titles.length > 3 ? `${titles.length} documents` : titles.join(" and ");
  return `${result.mode[0].toUpperCase()}${result.mode.slice(1)}: ${named}`;
}

function statusOf(result) {
  if (result.status === "running") return result.message || "Still working.";
  const coverage = result.coverage ?? {};
  const read = coverage.tokens_total
    ? `${count(coverage.tokens_read ?? 0, "token")} of ${coverage.tokens_total.toLocaleString("en")} read. ` : "";
  const part = result.part ? `Claims ${result.part.first} to ${result.part.last} of ${result.part.total}. ` : "";
  return `${part}${read}${sources.length ? "Choose a mark to see the quote on its page." : ""}`;
}

function answerOf(result) {
  if (result.status === "running") return [];
  const parts = [];
  if (result.weak) parts.push(make("p", { class: "faint" }, "A weak match: the document may not answer this."));
  if (result.focus) parts.push(make("p", { class: "faint", dir: "auto" }, `Looked for: ${result.focus}`));
  const claims = result.claims ?? [];
  if (result.message) parts.push(...reworded(result.message));
  else parts.push(...statements(claims));
  if (sources.length) {
    parts.push(make("h2", {}, claims.length ? "Sources" : "Closest passages"));
    for (const of of new Set(sources.map((source) => source.document_id))) {
      const those = sources.filter((source) => source.document_id === of);
      parts.push(make("h3", { dir: "auto" }, those[0].title), make("ul", { class: "sources" },
        ...those.map((each) => make("li", { dir: "auto" }, mark(each), ` ${placeOf(each)}: “${each.quote}”`))));
    }
  }
  return parts;
}

/** The claims as an answer says them, or as an analysis does: an overview, points under their headings, rows. */
function statements(claims) {
  const points = claims.filter((claim) => ["overview", "point", undefined].includes(claim.kind));
  const rows = claims.filter((claim) => !points.includes(claim));
  const parts = [];
  let section = "";
  for (const claim of points) {
    if (claim.section && claim.section !== section) parts.push(make("h3", { dir: "auto" }, (section = claim.section)));
    parts.push(make("p", { class: "claim", dir: "auto" }, ...said(claim)));
  }
  if (rows.length) {
    const head = make("tr", {}, make("th", { scope: "col" }, "Where"), make("th", { scope: "col" }, "What"));
    parts.push(make("table", {}, make("thead", {}, head), make("tbody", {}, ...rows.map((claim) =>
      make("tr", {}, make("td", { dir: "auto" }, claim.section || claim.kind),
        make("td", { dir: "auto" }, ...said(claim)))))));
  }
  return parts;
}

function said(claim) {
  const doubt = claim.supported === "partly" ? " (its quotes support this only in part)" : "";
  return [claim.text, ...claim.citations.map(sourceOf).filter(Boolean).map(mark), doubt];
}

/** An answer that a model has reworded holds its marks in its text. */
const reworded = (message) => message.split(/\n{2,}/).map((paragraph) =>
  make("p", { class: "claim", dir: "auto" }, ...paragraph.split(/\[(\d+)\]/).map((part, place) => {
    const source = place % 2 ? sourceOf(part) : null;
    return source && response.citations?.length ? mark(source) : place % 2 ? `[${part}]` : part;
  })));

const sourceOf = (id) => sources.find((source) => source.id === id);
const placeOf = (source) => source.place || `page ${source.page}`;

const mark = (source) => make("button", {
  type: "button", class: "mark", "data-source": source.id, "aria-controls": "evidence",
  "aria-label": `Source ${source.id}, ${placeOf(source)}`,
  onclick: () => openPage(source.document_id, source.page, source),
}, source.id);

const chart = (image) => {
  const kind = /^image\/(png|webp|jpeg)$/.test(image.mimeType) ? image.mimeType : "image/png";
  return make("img", { src: `data:${kind};base64,${image.data}`, alt: "The chart of the measurement" });
};

// Coverage and the agents' way.

function presentCoverage(result) {
  const cited = new Map();
  for (const each of sources) {
    const key = `${each.document_id} ${each.page}`;
    cited.set(key, (cited.get(key) ?? 0) + 1);
  }
  const strips = (result.documents ?? []).filter((each) =>
    each.pages_read?.length || sources.some((source) => source.document_id === each.document_id));
  const left = (result.documents ?? []).length - strips.length;
  fill("documents", ...strips.flatMap((each) => strip(each, cited)),
    ...(left ? [make("p", { class: "faint" }, `Of ${count(left, "more document")} nothing was read.`)] : []));
  show("coverage", strips.length && result.status !== "running");
}

function strip(each, cited) {
  const read = new Set();
  for (const [first, last] of each.pages_read ?? []) for (let page = first; page <= last; page++) read.add(page);
  const step = Math.ceil(each.pages / MOST_CELLS);
  const cells = [];
  for (let page = 1; page <= each.pages; page += step) {
    const pages = Array.from({ length: Math.min(step, each.pages - page + 1) }, (_, more) => page + more);
    cells.push(cell(each, pages, pages.filter((one) => read.has(one)).length,
      pages.map((one) => cited.get(`${each.document_id} ${one}`) ?? 0).reduce((one, more) => one + more, 0)));
  }
  cells[0]?.setAttribute("tabindex", "0");
  const bar = make("div", { class: "strip", role: "toolbar", "aria-label": `Pages of ${each.title}` }, ...cells);
  bar.addEventListener("keydown", (event) => moveAlong(event, cells));
  const said = `${count(read.size, "page")} of ${each.pages.toLocaleString("en")} read`;
  return [make("h3", { dir: "auto" }, each.title), make("p", { class: "faint" }, said), bar];
}

function cell(each, pages, read, quotes) {
  const last = pages.at(-1);
  const name = pages.length === 1 ? `Page ${last}` : `Pages ${pages[0]} to ${last}`;
  const state = read === 0 ? "not read" : read === pages.length ? "read" : `${read} of ${pages.length} read`;
  const label = `${name}, ${state}${quotes ? `, cited ${count(quotes, "time")}` : ""}`;
  const known = sources.find((source) => source.document_id === each.document_id && pages.includes(source.page));
  return make("button", {
    type: "button", class: `cell${read ? " read" : ""}${quotes ? " cited" : ""}`, tabindex: "-1",
    "aria-label": label, title: label, "data-document": each.document_id, "data-first": pages[0], "data-last": last,
    onclick: () => openPage(each.document_id, known?.page ?? pages[0], known ?? null),
  });
}

/** The strip is one stop for the tabulator; within it go the arrow keys. */
function moveAlong(event, cells) {
  const here = cells.indexOf(document.activeElement);
  const to = { ArrowRight: here + 1, ArrowLeft: here - 1, Home: 0, End: cells.length - 1 }[event.key];
  if (cells[to]) {
    event.preventDefault();
    for (const each of cells) each.tabIndex = -1;
    cells[to].tabIndex = 0;
    cells[to].focus();
  }
}

function presentWay(result) {
  const steps = result.route?.agents ?? [];
  const longest = Math.max(0.001, ...steps.map((step) => step.seconds));
  fill("reason", result.route?.reason ?? "");
  fill("steps", ...steps.map((step) => {
    const bar = make("span", { class: "time", "aria-hidden": "true" });
    bar.style.width = `${(100 * step.seconds) / longest}%`;
    const outcome = (step.outcome ?? "done") === "done" ? [] : [make("span", { class: "outcome faint" }, step.outcome)];
    return make("li", {}, make("span", {}, step.agent), bar, make("span", {}, lasted(step.seconds)), ...outcome);
  }));
  show("way", steps.length);
}

// Evidence.

async function openPage(documentId, page, source) {
  if (get("evidence").hidden) opener = document.activeElement;
  const request = ++requests;
  const here = sources.filter((each) => each.document_id === documentId && each.page === page);
  opened = { documentId, page, source };
  root.classList.add("opened");
  show("evidence", true);
  for (const each of document.querySelectorAll(".mark")) {
    each.setAttribute("aria-current", String(each.dataset.source === source?.id));
  }
  fill("quote", source ? plain(source.quote) : "");
  show("quote", source);
  fill("place", source ? `${source.title}, ${placeOf(source)}` : `Page ${page}`);
  get("place").focus();
  say("Opening the page.");
  let evidence;
  try {
    evidence = await showPage(documentId, page, here.map((each) => [each.start, each.end]));
  } catch (error) {
    if (request === requests) noPage(error);
    return;
  }
  if (request === requests) presentPage(evidence, here, source);
}

function noPage(error) {
  fill("sheet");
  fill("text");
  show("words", false);
  fill("found", plain(error.message));
  say("The page cannot be shown.");
}

function presentPage(evidence, here, source) {
  const active = source ? here.indexOf(source) : -1;
  const name = evidence.page_name || `page ${evidence.page}`;
  fill("place", plain(source ? `Source ${source.id}: ${evidence.title}, ${name}` : `${evidence.title}, ${name}`));
  presentPicture(evidence, name, active, source);
  const marked = presentText(evidence, active);
  const drawn = evidence.picture?.places[active]?.length;
  const missing = evidence.picture && active >= 0 && !drawn
    ? "The quote was not found on the picture of the page, which may be a scan; it is marked in the page’s text. " : "";
  const fuzzy = source?.verified === "fuzzy" ? "The quote is in the document’s words, which the model’s came close to. " : "";
  const cut = evidence.cut ? "Only a part of this long page is shown. " : "";
  fill("found", plain(`${missing}${fuzzy}${cut}${evidence.note ?? ""}`));
  get("words").open = !drawn;
  const step = evidence.pages_total;
  get("page-before").disabled = evidence.page <= 1;
  get("page-after").disabled = evidence.page >= step;
  get("previous").disabled = get("next").disabled = sources.length < 2;
  for (const each of document.querySelectorAll(".cell[data-document]")) {
    const { document: of, first, last } = each.dataset;
    const current = of === evidence.document_id && Number(first) <= evidence.page && evidence.page <= Number(last);
    if (current) each.setAttribute("aria-current", "page"); else each.removeAttribute("aria-current");
  }
  (document.querySelector(".place.active") ?? marked)?.scrollIntoView({ block: "center" });
  say(`${name[0].toUpperCase()}${name.slice(1)} is open.${active >= 0 && (drawn || marked) ? " The quote is marked." : ""}`);
}

function presentPicture(evidence, name, active, source) {
  const picture = evidence.picture;
  if (!picture) return fill("sheet");
  const spoken = source ? `The quote on it: ${source.quote}` : "Its text follows.";
  const image = make("img", {
    src: `data:image/webp;base64,${picture.webp}`, width: picture.width, height: picture.height,
    alt: `${evidence.title}, ${name}. ${spoken}`,
  });
  const places = picture.places.flatMap((rectangles, quote) => rectangles.map(([left, top, right, bottom]) => {
    const box = make("div", { class: `place${quote === active ? " active" : ""}`, "aria-hidden": "true" });
    const share = { left, top, width: right - left, height: bottom - top };
    for (const [side, value] of Object.entries(share)) box.style[side] = `${100 * value}%`;
    return box;
  }));
  return fill("sheet", image, ...places);
}

/** Returns the first stretch of the quote, for the reader to see first. */
function presentText(evidence, active) {
  let first = null;
  fill("text", ...evidence.text.map((stretch) => {
    if (!stretch.quotes.length) return plain(stretch.text);
    const isActive = stretch.quotes.includes(active);
    const marked = make("mark", isActive ? { class: "active" } : {}, stretch.text);
    if (isActive) first ??= marked;
    return marked;
  }));
  show("words", evidence.text.length);
  return first;
}

function closeEvidence() {
  requests++;
  opened = null;
  root.classList.remove("opened");
  show("evidence", false);
  for (const each of document.querySelectorAll("[aria-current]")) each.removeAttribute("aria-current");
  opener?.focus();
  opener = null;
}

function openNeighbour(step) {
  const here = opened?.source ? sources.indexOf(opened.source) : step > 0 ? -1 : sources.length;
  const source = sources.at((here + step) % sources.length);
  openPage(source.document_id, source.page, source);
}

const openBeside = (step) => opened && openPage(opened.documentId, opened.page + step,
  sources.find((each) => each.document_id === opened.documentId && each.page === opened.page + step) ?? null);

get("previous").addEventListener("click", () => openNeighbour(-1));
get("next").addEventListener("click", () => openNeighbour(1));
get("page-before").addEventListener("click", () => openBeside(-1));
get("page-after").addEventListener("click", () => openBeside(1));
get("close").addEventListener("click", closeEvidence);
document.addEventListener("keydown", (event) => { if (event.key === "Escape" && opened) closeEvidence(); });

// In a client that shows MCP Apps: JSON-RPC with the window around this one.

function connectToHost() {
  const waiting = new Map();
  let last = 0;
  const send = (message) => window.parent.postMessage({ jsonrpc: "2.0", ...message }, "*");
  const request = (method, params) => new Promise((resolve, reject) => {
    waiting.set(++last, { resolve, reject });
    send({ id: last, method, params });
  });
  const heard = {
    "ui/notifications/tool-result": presentToolResult,
    "ui/notifications/tool-cancelled": () => say("The call was cancelled."),
    "ui/notifications/host-context-changed": applyContext,
  };
  window.addEventListener("message", ({ source, data }) => {
    if (source !== window.parent || data?.jsonrpc !== "2.0") return;
    if (data.method === undefined) {
      const { resolve, reject } = waiting.get(data.id) ?? {};
      waiting.delete(data.id);
      if (data.error) reject?.(new Error(data.error.message)); else resolve?.(data.result);
    } else if (data.id === undefined) heard[data.method]?.(data.params ?? {});
    else if (["ping", "ui/resource-teardown"].includes(data.method)) send({ id: data.id, result: {} });
    else send({ id: data.id, error: { code: -32601, message: "Method not found" } });
  });
  showPage = async (document_id, page, quotes) => {
    const result = await request("tools/call", { name: "show_page", arguments: { document_id, page, quotes } });
    if (result.isError) throw new Error(result.content?.[0]?.text ?? "The page cannot be shown.");
    return result.structuredContent;
  };
  get("fullscreen").addEventListener("click", () => request("ui/request-display-mode", { mode: "fullscreen" }));
  const tellSize = () => send({
    method: "ui/notifications/size-changed",
    params: { width: root.scrollWidth, height: Math.ceil(document.body.getBoundingClientRect().height) },
  });
  const app = { name: "readroom-evidence", version: "1" };
  const capabilities = { availableDisplayModes: ["inline", "fullscreen"] };
  request("ui/initialize", { appInfo: app, appCapabilities: capabilities, protocolVersion: PROTOCOL }).then((host) => {
    applyContext(host.hostContext ?? {});
    send({ method: "ui/notifications/initialized", params: {} });
    new ResizeObserver(tellSize).observe(document.body);
  }).catch((error) => say(error.message));
}

function presentToolResult(result) {
  const blocks = result.content ?? [];
  if (result.structuredContent?.session) return present(result.structuredContent);
  // A refusal, or a measurement with its chart.
  const texts = blocks.filter((block) => block.type === "text").map((block) => make("p", { class: "text" }, block.text));
  fill("answer", ...blocks.filter((block) => block.type === "image").map(chart), ...texts);
  return say(result.isError ? "The call failed." : "");
}

function applyContext(context) {
  if (context.theme === "light" || context.theme === "dark") root.dataset.theme = context.theme;
  for (const [name, value] of Object.entries(context.styles?.variables ?? {})) {
    // A value that fetches is no value of ours; the policy would not let it, either.
    if (/^--[a-z0-9-]+$/.test(name) && value && !/url\(/i.test(value)) root.style.setProperty(name, value);
  }
  if (context.availableDisplayModes) {
    show("fullscreen", context.availableDisplayModes.includes("fullscreen") && context.displayMode !== "fullscreen");
  } else if (context.displayMode) show("fullscreen", context.displayMode !== "fullscreen");
}

// On its own, served by `readroom view`: the address holds a token that is good for one opening.

async function openAlone() {
  const fetched = async (path, options) => {
    const answer = await fetch(path, options);
    const body = await answer.json();
    if (!answer.ok) throw new Error(body.error);
    return body;
  };
  const token = location.hash.slice(1);
  history.replaceState(null, "", location.pathname);
  if (token) sessionStorage.setItem("key", (await fetched("open", { method: "POST", body: token })).key);
  const headers = { authorization: `Bearer ${sessionStorage.getItem("key")}` };
  showPage = (document_id, page, quotes) =>
    fetched("page", { method: "POST", headers, body: JSON.stringify({ document_id, page, quotes }) });
  const { results } = await fetched("results", { headers });
  const choice = get("turn");
  choice.replaceChildren(...results.map((result, place) => make("option", { value: place }, `${place + 1}. ${title(result)}`)));
  choice.addEventListener("change", () => present(results[choice.value]));
  choice.value = String(results.length - 1);
  show("turns", results.length > 1);
  present(results.at(-1));
}

if (window.parent === window) openAlone().catch((error) => say(error.message));
else connectToHost();
