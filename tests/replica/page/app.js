// The replica's single page: a virtualised timeline of search results.
"use strict";

(() => {
  const boot = JSON.parse(document.getElementById("boot").textContent);
  const column = document.querySelector("[data-testid=primaryColumn]");
  const rawQuery = new URLSearchParams(location.search).get("q") || "";

  if (boot.redirect) {
    setTimeout(() => location.replace(boot.redirect), 150); // the wall closes after load
    return;
  }
  if (boot.page !== "/search") {
    column.innerHTML = '<h1>Home</h1><section role="region"></section>';
    return;
  }

  const csrf = () => (document.cookie.match(/(?:^|;\s*)ct0=([^;]*)/) || [])[1] || "";
  const headers = () => ({
    "authorization": "Bearer replica",
    "content-type": "application/json",
    "x-csrf-token": csrf(),
    "x-twitter-active-user": "yes",
    "x-twitter-auth-type": "OAuth2Session",
    "x-twitter-client-language": "en",
  });

  // Resolves to {status, text}; rejects when the connection breaks.
  function send(method, url, body) {
    if (boot.transport === "fetch") {
      return fetch(url, { method, headers: headers(), body, credentials: "include" })
        .then(async (response) => ({ status: response.status, text: await response.text() }));
    }
    return new Promise((resolve, reject) => {
      const xhr = new XMLHttpRequest();
      xhr.open(method, url);
      for (const [name, value] of Object.entries(headers())) xhr.setRequestHeader(name, value);
      xhr.onload = () => resolve({ status: xhr.status, text: xhr.responseText });
      xhr.onerror = () => reject(new Error("network"));
      xhr.send(body);
    });
  }

  const features = {
    responsive_web_graphql_timeline_navigation_enabled: true,
    longform_notetweets_consumption_enabled: true,
    responsive_web_edit_tweet_api_enabled: true,
    view_counts_everywhere_api_enabled: true,
  };

  function graphql(operation, queryId, variables, method) {
    const path = `/i/api/graphql/${queryId}/${operation}`;
    if (method === "POST") return send("POST", path, JSON.stringify({ variables, features, queryId }));
    const encoded = (value) => encodeURIComponent(JSON.stringify(value));
    return send("GET", `${path}?variables=${encoded(variables)}&features=${encoded(features)}`);
  }

  function searchTimeline(cursor, count) {
    const variables = { rawQuery, count, querySource: "typed_query", product: "Latest" };
    if (cursor) variables.cursor = cursor;
    return graphql("SearchTimeline", boot.queryId, variables, boot.method);
  }

  // ---- what the page holds ----

  const cells = []; // {key, top, height, write}
  const keys = new Set();
  const mounted = new Map(); // key -> element
  let total = 0; // height of all cells, px
  let cursor = null;
  let isLoading = false;
  let hasError = false;
  let hasEnded = false;
  let waitsForScroll = false;

  column.innerHTML =
    '<h1></h1><section role="region"><div aria-label="Timeline: Search timeline"><div id="list"></div></div></section>' +
    '<div class="footer"></div>';
  column.querySelector("h1").textContent = rawQuery;
  document.title = `${rawQuery} - Search / Replica`;
  const list = document.getElementById("list");
  const footer = column.querySelector(".footer"); // its height never changes, so loading moves nothing
  list.style.position = "relative";

  const escape = (text) =>
    String(text).replace(/[&<>"]/g, (sign) => ({ "&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;" })[sign]);

  const pixel = "data:image/gif;base64,R0lGODlhAQABAAAAACwAAAAAAQABAAA=";
  const emoji = /\p{Regional_Indicator}{2}|\p{Extended_Pictographic}\uFE0F?/gu;
  const withEmoji = (escaped) =>
    escaped.replace(emoji, (sign) => `<img alt="${sign}" draggable="false" src="${pixel}">`);

  // `text` comes with X's own entities (&amp; &lt; &gt;), so it is HTML already.
  function richText(text, entities) {
    let out = withEmoji(text);
    for (const url of entities.urls || []) {
      out = out.split(url.url).join(`<a dir="ltr" role="link" href="${escape(url.url)}">${escape(url.display_url)}</a>`);
    }
    return out.replace(/(^|[\s>])#([\w\u0900-\u097F]+)/g,
      (all, before, tag) => `${before}<a dir="ltr" role="link" href="/hashtag/${tag}?src=hashtag_click">#${tag}</a>`);
  }

  const userOf = (tweet) => {
    const user = tweet.core.user_results.result;
    const holder = user.core || user.legacy;
    return { name: holder.name, handle: holder.screen_name };
  };

  function userName(user, link, createdAt) {
    const moment = createdAt ? new Date(createdAt).toISOString() : null;
    const time = moment
      ? `<a href="${link}" dir="ltr" role="link"><time datetime="${moment}">${moment.slice(5, 10)}</time></a>` : "Ad";
    return `<div data-testid="User-Name"><a href="/${user.handle}" role="link"><span>${withEmoji(escape(user.name))}</span></a> ` +
      `<a href="/${user.handle}" role="link" tabindex="-1"><span>@${user.handle}</span></a> <span>·</span> ${time}</div>`;
  }

  function textBlock(tweet) {
    const isLong = Boolean(tweet.note_tweet);
    const legacy = tweet.legacy;
    const shown = Array.from(legacy.full_text).slice(...legacy.display_text_range).join("");
    return `<div data-testid="tweetText" lang="${legacy.lang}" dir="auto"><span>${richText(shown, legacy.entities)}</span></div>` +
      (isLong ? '<button data-testid="tweet-text-show-more-link" role="link">Show more</button>' : "");
  }

  function group(tweet, link) {
    const { reply_count: replies, retweet_count: reposts, favorite_count: likes, bookmark_count: bookmarks } = tweet.legacy;
    const views = tweet.views && tweet.views.count;
    const parts = [[replies, "replies"], [reposts, "reposts"], [likes, "likes"], [bookmarks, "bookmarks"], [views, "views"]];
    const label = parts.filter(([count]) => Number(count) > 0).map(([count, what]) => `${count} ${what}`).join(", ");
    const button = (id, text, count) => `<button data-testid="${id}" role="button" aria-label="${text}">${count || ""}</button>`;
    return `<div role="group" aria-label="${label}">` +
      button("reply", `${replies} Replies. Reply`, replies) +
      button("retweet", `${reposts} reposts. Repost`, reposts) +
      button("like", `${likes} Likes. Like`, likes) +
      (views ? `<a role="link" href="${link}/analytics" aria-label="${views} views. View post analytics">${views}</a>` : "") +
      button("bookmark", "Bookmark", "") + "</div>";
  }

  function article(outer, isPromoted) {
    const repost = outer.legacy.retweeted_status_result;
    const tweet = repost ? repost.result : outer;
    const user = userOf(tweet);
    const link = `/${user.handle}/status/${tweet.rest_id}`;
    const social = repost
      ? `<span data-testid="socialContext">${withEmoji(escape(userOf(outer).name))} reposted</span>` : "";
    let quote = "";
    if (tweet.quoted_status_result) {
      const quoted = tweet.quoted_status_result.result;
      const author = userOf(quoted);
      quote = `<div role="link" tabindex="0" class="quote">` +
        userName(author, `/${author.handle}/status/${quoted.rest_id}`, quoted.legacy.created_at) + textBlock(quoted) + "</div>";
    }
    const photo = tweet.legacy.entities.media ? '<div data-testid="tweetPhoto" class="photo"></div>' : "";
    return `<article data-testid="tweet" role="article" tabindex="0">${social}` +
      `<div data-testid="Tweet-User-Avatar"><img alt="" src="/static/avatar.svg"></div>` +
      userName(user, link, isPromoted ? null : tweet.legacy.created_at) +
      textBlock(tweet) + photo + quote + group(tweet, link) + "</article>";
  }

  function heightOf(tweet) {
    const shown = (tweet.legacy.retweeted_status_result || {}).result || tweet;
    const lines = (text) => text.split("\n").reduce((sum, line) => sum + Math.max(1, Math.ceil(line.length / 62)), 0);
    return 130 + 20 * lines(shown.legacy.full_text) + (shown.legacy.entities.media ? 210 : 0) +
      (shown.quoted_status_result ? 70 + 20 * lines(shown.quoted_status_result.result.legacy.full_text) : 0) +
      (shown.note_tweet ? 24 : 0) + (tweet === shown ? 0 : 22);
  }

  function addCell(key, height, write) {
    if (keys.has(key)) return false;
    keys.add(key);
    cells.push({ key, top: total, height, write });
    total += height;
    return true;
  }

  function addEntry(entry) {
    const item = (entry.content || {}).itemContent;
    if (!item || !item.tweet_results) return false;
    const isPromoted = Boolean(item.promotedMetadata);
    let result = item.tweet_results.result;
    if (result && result.__typename === "TweetWithVisibilityResults") result = result.tweet;
    if (!result || !result.legacy) {
      return addCell(entry.entryId, 60, () => "<div><span>This post is unavailable.</span></div>");
    }
    return addCell(entry.entryId, heightOf(result), () =>
      isPromoted ? `<div data-testid="placementTracking">${article(result, true)}</div>` : article(result, false));
  }

  // ---- drawing: only cells within about one viewport of the window are in the DOM ----

  function draw() {
    const from = window.scrollY - list.offsetTop - window.innerHeight;
    const to = from + 3 * window.innerHeight;
    let low = 0;
    let high = cells.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      if (cells[middle].top + cells[middle].height < from) low = middle + 1;
      else high = middle;
    }
    const wanted = new Map();
    for (let index = low; index < cells.length && cells[index].top <= to; index++) wanted.set(cells[index].key, cells[index]);
    for (const [key, element] of mounted) {
      if (!wanted.has(key)) {
        element.remove();
        mounted.delete(key);
      }
    }
    for (const [key, cell] of wanted) {
      if (mounted.has(key)) continue;
      const element = document.createElement("div");
      element.dataset.testid = "cellInnerDiv";
      element.style.transform = `translateY(${cell.top}px)`;
      element.style.height = `${cell.height}px`;
      element.innerHTML = cell.write();
      list.appendChild(element);
      mounted.set(key, element);
    }
    list.style.minHeight = `${total}px`;
  }

  function status(html) {
    footer.innerHTML = html;
  }

  function fail() {
    hasError = true;
    status('<div data-testid="error-detail"><span>Something went wrong. Try reloading.</span></div>' +
      '<button role="button" type="button"><span>Retry</span></button>');
    footer.querySelector("button").addEventListener("click", () => {
      hasError = false;
      load();
    });
  }

  // ---- loading: one request at a time ----

  function instructionsOf(body) {
    const search = body.data && body.data.search_by_raw_query;
    return search && search.search_timeline && search.search_timeline.timeline.instructions;
  }

  function take(instructions) {
    const entries = instructions.flatMap((one) => one.entries || (one.entry ? [one.entry] : []));
    const sent = cursor;
    let added = 0;
    let results = 0;
    for (const entry of entries) {
      if (entry.content.cursorType === "Bottom") cursor = entry.content.value;
      else if (!entry.content.cursorType) {
        results += 1;
        added += addEntry(entry);
      }
    }
    waitsForScroll = added === 0;
    hasEnded = results === 0 && (cursor === sent || cells.length === 0);
    if (cells.length === 0) {
      status('<div data-testid="emptyState"><div data-testid="empty_state_header_text"><span></span></div>' +
        '<div data-testid="empty_state_body_text"><span>Try searching for something else.</span></div></div>');
      footer.querySelector("span").textContent = `No results for “${rawQuery}”`;
    } else status("");
  }

  async function load() {
    isLoading = true;
    status('<div role="progressbar" aria-label="Loading"></div>');
    try {
      const answer = await searchTimeline(cursor, 20);
      if (answer.status === 401) {
        location.replace(`/i/flow/login?redirect_after_login=${encodeURIComponent(location.pathname + location.search)}`);
        return;
      }
      if (answer.status === 403 && /"code":\s*326\b/.test(answer.text)) {
        location.replace("/account/access");
        return;
      }
      if (answer.status !== 200) throw new Error(`status ${answer.status}`);
      const body = JSON.parse(answer.text);
      const instructions = instructionsOf(body);
      if (instructions) take(instructions);
      else if ((body.errors || []).some((error) => error.code === 88)) {
        hasEnded = true;
        status('<div data-testid="error-detail"><span>Rate limit exceeded</span>' +
          "<span>You have reached your limit for seeing posts today.</span></div>");
      } else throw new Error("no timeline");
    } catch (error) {
      fail();
    } finally {
      isLoading = false;
    }
    draw();
    loadIfNear(false);
  }

  function loadIfNear(isByScroll) {
    if (isLoading || hasError || hasEnded) return;
    if (!isByScroll && (waitsForScroll || total >= window.innerHeight)) return;
    const below = list.offsetTop + total - (window.scrollY + window.innerHeight);
    if (below < 1.5 * window.innerHeight) load();
  }

  let isDrawing = false;
  window.addEventListener("scroll", () => {
    if (!isDrawing) {
      isDrawing = true;
      requestAnimationFrame(() => {
        isDrawing = false;
        draw();
      });
    }
    loadIfNear(true);
  });
  window.addEventListener("resize", draw);

  async function start() {
    if (boot.serviceWorker && navigator.serviceWorker) {
      await navigator.serviceWorker.register("/sw.js");
      await new Promise((resolve) => {
        if (navigator.serviceWorker.controller) resolve();
        navigator.serviceWorker.addEventListener("controllerchange", resolve);
        setTimeout(resolve, 1500);
      });
    }
    status('<div role="progressbar" aria-label="Loading"></div>');
    // The dummies that precede the real request.
    await graphql("UserByScreenName", boot.userQueryId, { screen_name: "replica" }, "GET").catch(() => null);
    await searchTimeline(null, 0).catch(() => null);
    load();
  }

  start();
})();
