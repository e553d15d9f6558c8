"use strict";
// The search page: Sphinx's words around MiniSearch's ranking of the book's sections.
// searchindex.js (book_search.py) holds their text, so that nothing else is fetched.

// Numbers with × between them, runs of Chinese, words with what joins them, symbols.
const WORD = new RegExp([
  String.raw`(?<![\p{L}\p{N}])\d+(?:\s?[x×*]\s?\d+)+(?![\p{L}\p{N}])`,
  String.raw`\p{Script=Han}+`,
  String.raw`L(?:[-‐‑._'’]+L)*`.replaceAll(
    "L", String.raw`(?:(?!\p{Script=Han})[\p{L}\p{N}])+`),
  String.raw`\p{Sm}`,
].join("|"), "gu");
const isHan = (word) => /^\p{Script=Han}/u.test(word);
const stemmer = new Stemmer();
const common = new Set(stopwords); // Sphinx has a list, from version 9 on a set

// British and American spelling are one.
const american = (text) => text
  .replace(/(?<=[a-z]{3})our/g, "or")
  .replace(/\bgrey/g, "gray")
  .replace(/tre\b/g, "ter")
  .replace(/(?<=[a-z]{3})is(?=e|ing|ation)/g, "iz");

// What is the same word: full-width letters, both spellings, one stem.
function fold(word) {
  const plain = word.normalize("NFKC").toLowerCase();
  return /^[a-z]{3,}$/.test(plain) ? stemmer.stemWord(american(plain)) : plain;
}

// The pieces of a word that hyphens or the like join, with their places in it.
const pieces = (word, joint) =>
  [...word.matchAll(new RegExp(`[^${joint}]+`, "gu"))].map((m) => [m[0], m.index]);
const JOINTS = "-‐‑_'’";

// A joined word as one, U-Net as unet; of dotted names also the ends: torch.nn.Conv2d
// is nn.Conv2d and Conv2d. Then its parts. Words come back: each is read once.
const read = new Map();
function readingsOf(word) {
  if (!read.has(word)) {
    const all = [...readings(word)].map(([part, at, to]) => [fold(part), at, to]);
    read.set(word, all.filter(([key]) => !common.has(key)));
  }
  return read.get(word);
}

function* readings(word) {
  const names = pieces(word, ".");
  for (const [, at] of names)
    yield [word.slice(at).replace(/[^\p{L}\p{N}]/gu, ""), at, word.length];
  for (const [name, at] of names) {
    const parts = pieces(name, JOINTS);
    if (names.length > 1 && parts.length > 1)
      yield [name.replace(/[^\p{L}\p{N}]/gu, ""), at, at + name.length];
    if (names.length > 1 || parts.length > 1)
      for (const [part, from] of parts)
        yield [part, at + from, at + from + part.length];
  }
}

// All that a text may be found by: [key, start, end].
function* keysOf(text) {
  for (const { 0: word, index } of text.matchAll(WORD)) {
    if (isHan(word)) {
      // Characters, and pairs of them: no dictionary can cut them wrongly.
      for (let at = 0; at < word.length; at++)
        for (const to of [at + 1, at + 2])
          if (to <= word.length) yield [word.slice(at, to), index + at, index + to];
    } else if (/^\d+\s?[x×*]/.test(word)) {
      yield [word.replace(/\s/g, "").replace(/[x*]/g, "×"), index, index + word.length];
      for (const [number, at] of pieces(word, "\\sx×*"))
        yield [number, index + at, index + at + number.length];
      yield ["×", index, index + word.length];
    } else
      for (const [key, at, to] of readingsOf(word)) yield [key, index + at, index + to];
  }
}

// What a query asks for: units as they were typed, each with the keys that it stands for.
function unitsOf(query) {
  const units = [], symbols = [];
  for (const [word] of query.matchAll(WORD)) {
    if (/^\p{Sm}$/u.test(word)) symbols.push({ word, keys: [word] });
    else if (isHan(word)) units.push({ word, keys: pairs(word) });
    else if (/^\d+\s?[x×*]/.test(word))
      units.push({ word, keys: [word.replace(/\s/g, "").replace(/[x*]/g, "×")] });
    else {
      // As one word, if the book has it; else its parts.
      const keyOf = (joined) => fold(joined.replace(/[^\p{L}\p{N}]/gu, ""));
      const split = (joined, joint, next) =>
        known.has(keyOf(joined)) || !joint ? [joined]
          : pieces(joined, joint).flatMap(([piece]) => split(piece, next));
      for (const part of split(word, ".", JOINTS)) {
        // Of loss.backward() the method, too, wherever it is called.
        const ends = [part, ...part.split(".").slice(1).slice(-1)].map(keyOf);
        const keys = ends.filter((key) => !common.has(key));
        if (keys.length) units.push({ word: part, keys, any: true });
      }
    }
  }
  return units.length ? units : symbols;
}

const pairs = (run) =>
  run.length < 2 ? [run] : [...run.slice(1)].map((_, at) => run.slice(at, at + 2));

// The index, made in the browser in a moment: some 370 sections.
const BOOSTS = { title: 4, prose: 1, code: 0.3 };
const KINDS = { term: 1.5, section: 1, name: 0.1 };  // unetlib's names come last
const EXACT = { tokenize: (key) => [key] };
let index, spellings, variants, known;

// content: {pages: {page: [{id, kind, title, prose, code}]}, variants: {typed: meant}}.
function makeIndex(content) {
  variants = content.variants;
  known = new Set();
  index = new MiniSearch({
    fields: Object.keys(BOOSTS),
    storeFields: ["kind", "title", "prose", "code", "within"],
    processTerm: (key) => key,
    tokenize(text) {
      const keys = [...keysOf(text)].map(([key]) => key);
      for (const key of keys) known.add(key);
      return keys;
    },
  });
  // How words are written, and how often, for those that are mistyped. In Chinese a
  // slip of the hand can be seen only in a whole name.
  const times = new Map();
  for (const [page, parts] of Object.entries(content.pages))
    for (const part of parts) {
      index.add({ ...part, id: `${page}.html#${part.id}`, within: parts[0].title });
      const text = `${part.title} ${part.prose}`.toLowerCase();
      const written = text.match(/[a-z]{4,}/g) ?? [];
      const named = part.title.match(/\p{Script=Han}{3,}/gu) ?? [];
      for (const word of [...written, ...named])
        times.set(word, (times.get(word) ?? 0) + 1);
    }
  spellings = new MiniSearch({ ...EXACT, fields: ["id"], storeFields: ["times"] });
  spellings.addAll([...times].map(([id, n]) => ({ id, times: n })));
}

// What only says that one asks.
const ASKING = /为什么|什么|怎么|怎样|如何|吗|\b(?:why|how|what|do|does|i|my)\b/g;

// A query in the book's own characters and words.
function rewrite(query) {
  const plain = query.normalize("NFKC").toLowerCase();
  let text = [...plain].map((c) => variants[c] ?? c).join("");
  // Longer wordings first: 去杂讯 before 杂讯.
  const wordings = Object.keys(variants).filter((typed) => typed.length > 1);
  for (const typed of wordings.sort((a, b) => b.length - a.length)) {
    const literal = typed.toLowerCase().replace(/[.*+?^${}()|[\]\\]/g, "\\$&");
    text = text.replace(new RegExp(`(?<![a-z])${literal}(?![a-z])`, "g"), variants[typed]);
  }
  text = text.replace(/(?<=\d)\s?[x×*]\s?(?=\d)/g, "×");
  const asked = text.replace(ASKING, " ");
  return asked.trim() ? asked : text;
}

// Each unit whole, or any of its keys where the unit is content with that.
function lookUp(units) {
  const queries = units.map(({ keys, any }) =>
    ({ combineWith: any ? "OR" : "AND", queries: keys }));
  return index.search({ combineWith: "AND", queries }, { ...EXACT, boost: BOOSTS });
}

function lookUpMost(keys) {
  return index.search({ combineWith: "OR", queries: keys }, { ...EXACT, boost: BOOSTS })
    .filter(({ queryTerms }) => queryTerms.length >= 0.6 * keys.length);
}

// The word of the book that was most likely meant: one that begins so, or has a letter
// or two else.
function nearest(word) {
  const ways = [{ fuzzy: 1 }];
  if (!isHan(word)) ways.unshift({ prefix: true });
  if (word.length > 5) ways.push({ fuzzy: 2 });
  const boostDocument = (id, term, { times }) => Math.log2(1 + times);
  const longer = ({ id }) => Math.abs(id.length - word.length);
  if (word.length < 3) return;
  for (const way of ways) {
    const near = spellings.search(word, { ...way, boostDocument })
      .filter(({ id }) => isHan(word) || id[0] === word[0]);
    if (near.length) return near.sort((a, b) => longer(a) - longer(b))[0].id;
  }
}

// Results, best first; the keys they were found by; what was probably meant instead.
function find(query) {
  const text = rewrite(query);
  let units = unitsOf(text), meant;
  let hits = lookUp(units);
  if (!hits.length) {
    let corrected = text;
    for (const { word, keys } of units) {
      const better = keys.every((key) => known.has(key)) ? undefined : nearest(word);
      if (better) corrected = corrected.replace(word, better);
    }
    if (corrected !== text) {
      units = unitsOf(corrected);
      hits = lookUp(units);
      if (hits.length) meant = corrected;
    }
  }
  const keys = [...new Set(units.flatMap(({ keys }) => keys))];
  // A question in many words: most of them will do.
  if (hits.length < 3) {
    const seen = new Set(hits.map(({ id }) => id));
    hits.push(...lookUpMost(keys).filter(({ id }) => !seen.has(id)));
  }
  const asked = (meant ?? text).trim(), isCode = /[_.(=]/.test(asked);
  const spelled = (name) => unitsOf(name).flatMap((unit) => unit.keys).join(" ");
  const whole = spelled(asked), phrase = american(asked);
  for (const hit of hits) {
    if (hit.kind !== "name" || !isCode) hit.score *= KINDS[hit.kind];
    const own = hit.title.replace(/^\d+ /, "").split(" / ");  // chapters have numbers
    // What is called so comes first, its definition before all.
    if (hit.kind !== "name" && own.some((name) => spelled(name) === whole))
      hit.score *= hit.kind === "term" ? 50 : 5;
    const said = american(`${hit.title} ${hit.prose}`.toLowerCase());
    if (said.includes(phrase)) hit.score *= 1.5;
  }
  return { hits: hits.sort((a, b) => b.score - a.score), keys: new Set(keys), meant };
}

// Where a text has any of the keys: [start, end], those that overlap as one.
function placesIn(text, keys) {
  const places = [];
  for (const [key, start, end] of keysOf(text)) {
    if (!keys.has(key)) continue;
    const last = places.at(-1);
    if (last && start < last[1]) last[1] = Math.max(last[1], end);
    else places.push([start, end]);
  }
  return places;
}

// Three lines or so where the keys stand closest, those words marked.
function quote({ prose, code }, keys) {
  const [text, places] = [prose, code].map((text) => [text, placesIn(text, keys)])
    .find(([, places]) => places.length) ?? [prose || code, []];
  const within = (from) => places.filter(([a, b]) => a >= from && b <= from + 160).length;
  const starts = places.map(([start]) => start);
  const first = starts.reduce((a, b) => (within(b) > within(a) ? b : a), starts[0] ?? 0);
  // From the beginning of a sentence, or else of a word.
  const before = text.slice(Math.max(0, first - 60), first);
  const cut = before.search(/(?<=[。！？]|[.!?] )[^。！？.!?]*$/);
  const space = first > 60 && cut < 0 ? before.indexOf(" ") + 1 : Math.max(cut, 0);
  const from = first - before.length + space;
  const length = /\p{Script=Han}{5}/u.test(text.slice(from, from + 100)) ? 120 : 220;
  // No word is cut in two.
  const to = from + text.slice(from, from + length + 1)
    .replace(from + length < text.length ? /((?!\p{Script=Han})[\p{L}\p{N}])+$/u : "", "")
    .length;
  const line = document.createElement("p");
  line.className = "context";
  let at = from;
  if (from > 0) line.append("… ");
  for (const [start, end] of places.filter(([a, b]) => a >= from && b <= to)) {
    const mark = document.createElement("mark");
    mark.textContent = text.slice(start, end);
    line.append(text.slice(at, start), mark);
    at = end;
  }
  line.append(text.slice(at, to), to < text.length ? " …" : "");
  return line;
}

function show(hit, keys) {
  const item = document.createElement("li");
  const link = item.appendChild(document.createElement("a"));
  const [page, place] = hit.id.split("#");
  // The page marks these words: see book.js.
  const text = `${hit.title} ${hit.prose} ${hit.code}`;
  const found = placesIn(text, keys).map(([start, end]) => text.slice(start, end));
  const marked = [...new Set(found.map((word) => word.toLowerCase()))].slice(0, 8);
  const marks = new URLSearchParams(marked.map((word) => ["found", word]));
  link.href = `${page}?${marks}#${place}`;
  link.textContent = hit.title;
  if (hit.within !== hit.title) {
    const within = item.appendChild(document.createElement("span"));
    within.className = "within";
    within.textContent = hit.within;
  }
  item.append(quote(hit, keys));
  Search.output.append(item);
}

Search.query = (query) => {
  makeIndex(Search._index);
  const { hits, keys, meant } = find(query);
  for (const hit of hits) show(hit, keys);
  _finishSearch(hits.length);
  if (hits.length)
    Search.status.innerText = _("Results: ${count}").replace("${count}", hits.length);
  if (!meant) return;
  const line = document.createElement("p");
  const link = document.createElement("a");
  link.href = `?${new URLSearchParams({ q: meant })}`;
  link.textContent = meant;
  line.append(`${_("Did you mean:")} `, link);
  Search.status.after(line);
};
