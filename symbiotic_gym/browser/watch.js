// Runs in every frame before the page's own scripts, and knows two things afterwards: what is still on its way (requests, timers,
// animation frames, navigations, DOM changes), so that the observation can wait for rest instead of for a fixed time; and which
// elements listen for clicks, since many pages make plain <span>s clickable with addEventListener alone.
//
// What counts as on its way is what an action can have set off. A callback belongs to the chain of callbacks that scheduled it, and
// a chain counts for LONGEST_MS from its start: a poll or an animation that has been running for longer is the page's heartbeat.
// What kept the page from resting until the bound is not waited for a second time.
(() => {
  if (window.__symbiotic) return;
  const LONGEST_MS = 950; // a callback further away than that is no answer to this action
  const STILL_MS = 25; // how long the DOM has to stay as it is
  const now = performance.now.bind(performance);
  const nativeSetTimeout = window.setTimeout.bind(window);
  const nativeClear = window.clearTimeout.bind(window);
  const nativeListen = EventTarget.prototype.addEventListener;
  const nativeFrame = window.requestAnimationFrame.bind(window);
  const clickable = new WeakSet();
  const requests = new Map(); // key -> {what, matters}
  const callbacks = new Map(); // key -> {chain, what}
  const seen = new Map(); // what -> how often since the wait began
  const heartbeats = new Set(); // what has kept the page busy until the bound before
  let chain = null; // of the callback that runs now
  let changed = now();
  let leaving = 0; // when a navigation away began, 0 when there is none
  let opened = 0; // windows asked for
  let listensForAnimations = false;

  const note = (what) => seen.set(what, (seen.get(what) || 0) + 1);
  const running = (mine, callback, self, args) => {
    const outer = chain;
    chain = mine;
    try {
      return typeof callback === "function" ? callback.apply(self, args) : (0, eval)(callback);
    } finally {
      chain = outer;
    }
  };

  // --- callbacks ---
  const expect = (key, kind, callback) => {
    const mine = chain || { since: now() };
    const what = `${kind} ${String(callback).slice(0, 200)}`;
    note(what);
    callbacks.set(key, { chain: mine, what });
    return mine;
  };
  const once = (schedule, kind) => (callback, delay, ...rest) => {
    let mine = chain;
    const id = schedule(function (...given) {
      callbacks.delete(kind + id);
      return running(mine, callback, window, kind === "timer" ? rest : given);
    }, delay);
    const soon = kind !== "timer" || !(delay > LONGEST_MS);
    if (soon) mine = expect(kind + id, kind, callback);
    return id;
  };
  const forget = (native, kind) => (id) => {
    callbacks.delete(kind + id);
    native(id);
  };
  window.setTimeout = once(nativeSetTimeout, "timer");
  window.requestAnimationFrame = once(nativeFrame, "frame");
  window.requestIdleCallback = once(window.requestIdleCallback.bind(window), "idle");
  window.cancelAnimationFrame = forget(window.cancelAnimationFrame.bind(window), "frame");
  window.cancelIdleCallback = forget(window.cancelIdleCallback.bind(window), "idle");
  const nativeSetInterval = window.setInterval.bind(window);
  window.setInterval = (callback, delay, ...rest) => {
    let mine = chain;
    const id = nativeSetInterval(() => running(mine, callback, window, rest), delay);
    if (!(delay > LONGEST_MS)) mine = expect("timer" + id, "interval", callback);
    return id;
  };
  // timers and intervals share their numbers, and either function ends either
  window.clearTimeout = forget(nativeClear, "timer");
  window.clearInterval = forget(window.clearInterval.bind(window), "timer");

  // --- requests ---
  const start = (what, matters = () => true) => {
    const key = {};
    note(what);
    requests.set(key, { what, matters });
    return () => requests.delete(key);
  };
  const path = (url) => String(url?.url ?? url).split(/[?#]/)[0];
  const nativeFetch = window.fetch;
  window.fetch = function (...args) {
    return nativeFetch.apply(this, args).finally(start(`request ${path(args[0])}`));
  };
  // the answer's head is there before its body
  for (const method of ["arrayBuffer", "blob", "formData", "json", "text"]) {
    const native = Response.prototype[method];
    Response.prototype[method] = function () {
      return native.call(this).finally(start(`body ${path(this.url)}`));
    };
  }
  const nativeOpen = XMLHttpRequest.prototype.open;
  const nativeSend = XMLHttpRequest.prototype.send;
  const paths = new WeakMap(); // of each XMLHttpRequest
  const ends = new WeakMap(); // of those under way
  XMLHttpRequest.prototype.open = function (method, url, ...rest) {
    ends.get(this)?.(); // opening it again ends it without an event
    paths.set(this, path(url));
    return nativeOpen.call(this, method, url, ...rest);
  };
  XMLHttpRequest.prototype.send = function (...args) {
    const end = start(`request ${paths.get(this)}`);
    ends.set(this, end);
    nativeListen.call(this, "loadend", end, { once: true });
    try {
      return nativeSend.apply(this, args);
    } catch (error) {
      end();
      throw error;
    }
  };
  // Answers that nothing promises: of workers and sockets, after a message to them. One that did not come in time is not waited for
  // again until its sender is heard of, and one message is waited for at a time: whoever chats keeps no page from resting.
  const senders = new WeakMap(); // worker, port or socket -> {what, end, silent}
  let known = 0;
  const sender = (source, endings) => {
    let its = senders.get(source);
    if (!its) {
      its = { what: `answer ${++known}`, end: null, silent: false };
      const heard = () => {
        its.silent = false;
        its.end?.();
      };
      for (const type of ["message", ...endings]) nativeListen.call(source, type, heard);
      senders.set(source, its);
    }
    return its;
  };
  const awaits = (source, endings) => {
    const its = sender(source, endings);
    if (its.silent || its.end) return;
    const end = start(its.what);
    const late = nativeSetTimeout(() => {
      its.silent = true;
      its.end();
    }, LONGEST_MS);
    its.end = () => {
      nativeClear(late);
      end();
      its.end = null;
    };
  };
  const ports = new WeakSet(); // of shared workers; those of a MessageChannel answer at once or through something that is counted
  const onMessage = (prototype, method, endings, matters = () => true) => {
    const native = prototype[method];
    prototype[method] = function (...args) {
      const result = native.apply(this, args);
      if (matters(this)) awaits(this, endings);
      return result;
    };
  };
  const whenMade = (name, made) => {
    const native = window[name];
    if (!native) return;
    window[name] = new Proxy(native, {
      construct: (_, args, newTarget) => {
        const result = Reflect.construct(native, args, newTarget);
        made(result);
        return result;
      },
    });
    native.prototype.constructor = window[name];
  };
  onMessage(Worker.prototype, "postMessage", ["error", "messageerror"]);
  onMessage(MessagePort.prototype, "postMessage", ["messageerror"], (port) => ports.has(port));
  onMessage(WebSocket.prototype, "send", ["error", "close"], (socket) => socket.readyState === WebSocket.OPEN);
  whenMade("SharedWorker", (worker) => ports.add(worker.port));
  whenMade("WebSocket", (socket) => {
    const end = start(`request ${path(socket.url)}`);
    for (const type of ["open", "error", "close"]) nativeListen.call(socket, type, end, { once: true });
  });
  // What elements load: scripts, frames and style sheets in the page, and pictures that somebody waits for.
  const heard = new WeakSet(); // pictures with a listener for "load"
  const loads = (element, matters) => {
    const end = start(`load ${path(element.src || element.href)}`, matters);
    for (const type of ["load", "error"]) nativeListen.call(element, type, end, { once: true });
  };
  const onSource = (prototype, matters) => {
    const native = Object.getOwnPropertyDescriptor(prototype, "src");
    Object.defineProperty(prototype, "src", {
      ...native,
      set(url) {
        native.set.call(this, url);
        loads(this, matters(this));
      },
    });
  };
  onSource(HTMLScriptElement.prototype, (script) => () => script.isConnected);
  onSource(HTMLImageElement.prototype, (image) => () => !image.complete && image.loading !== "lazy" && (image.onload !== null || heard.has(image)));
  const inserted = (element) => {
    if (element.localName === "link") loads(element, () => element.isConnected && element.sheet === null);
    else if (element.loading !== "lazy") loads(element, () => element.isConnected && !loaded(element));
  };
  const loaded = (frame) => {
    const there = frame.contentDocument; // null for another origin
    return there !== null && there.readyState === "complete" && (there.URL !== "about:blank" || !/^(https?:|\/|\.|\w+[^:]*$)/.test(frame.getAttribute("src") ?? ":"));
  };

  // --- what the page looks like, and who listens ---
  const LOADING = "iframe, link[rel=stylesheet]";
  new MutationObserver((records) => {
    changed = now();
    if (document.readyState !== "complete") return; // the page's own parts: the load event waits for them
    for (const { addedNodes } of records) {
      for (const node of addedNodes) {
        if (node.nodeType !== Node.ELEMENT_NODE) continue;
        if (node.matches(LOADING)) inserted(node);
        if (node.firstElementChild) node.querySelectorAll(LOADING).forEach(inserted);
      }
    }
  }).observe(document, { subtree: true, childList: true, attributes: true, characterData: true });

  const CLICKS = new Set(["click", "mousedown", "mouseup", "pointerdown", "pointerup", "dblclick"]);
  const ENDS = new Set(["transitionend", "animationend", "webkitTransitionEnd", "webkitAnimationEnd"]);
  EventTarget.prototype.addEventListener = function (type, ...rest) {
    if (CLICKS.has(type) && this instanceof Element) clickable.add(this);
    if (type === "load" && this instanceof HTMLImageElement) heard.add(this);
    if (ENDS.has(type)) listensForAnimations = true;
    return nativeListen.call(this, type, ...rest);
  };
  for (const type of ["ontransitionend", "onanimationend"]) {
    const native = Object.getOwnPropertyDescriptor(HTMLElement.prototype, type);
    if (native) Object.defineProperty(HTMLElement.prototype, type, {
      ...native,
      set(listener) {
        listensForAnimations = true;
        native.set.call(this, listener);
      },
    });
  }
  const animates = () =>
    document.getAnimations().some((animation) => {
      const { endTime } = animation.effect?.getComputedTiming() ?? {};
      const shows = animation.transitionProperty === "visibility" || animation.transitionProperty === "display";
      return (listensForAnimations || shows) && animation.playState === "running" && endTime - (animation.currentTime ?? 0) <= LONGEST_MS;
    });

  // --- leaving ---
  const LEADS_NOWHERE = /^(?!https?:|about:|blob:|data:|file:|javascript:)/; // mailto: and its like go to other programs
  let target = ""; // of the navigation that begins: the browser names it just before it asks the page whether it may leave
  window.navigation?.addEventListener("navigate", (event) => {
    target = event.destination.url;
  });
  nativeListen.call(window, "beforeunload", () => {
    if (!target || !LEADS_NOWHERE.test(target)) leaving = now();
    target = "";
  });
  nativeListen.call(window, "pageshow", () => {
    leaving = 0; // come back to from the history
  });
  // Whether what is meant for `name` opens a tab. A tab of that name may be there already: then it is waited for in vain.
  const opens = (name) => {
    if (/^(_self|_parent|_top)?$/i.test(name)) return false;
    if (/^_blank$/i.test(name)) return true;
    return ![window, parent, top].some((at) => {
      try {
        const child = at[name];
        return at.name === name || (child && child.window === child);
      } catch {
        return false; // of another origin, and has no frame of that name
      }
    });
  };
  const targetOf = (element) => element.target || document.querySelector("base[target]")?.target || "";
  const nativeOpenWindow = window.open;
  window.open = function (...args) {
    const result = nativeOpenWindow.apply(this, args);
    const unseen = /\b(noopener|noreferrer)\b/i.test(args[2] ?? ""); // by us too
    if ((result || unseen) && opens(String(args[1] ?? "_blank"))) opened++;
    return result;
  };
  const onClick = (event) => {
    // the last to hear of it: whoever wanted to prevent the click has done so
    const link = event.composedPath().find((node) => node.localName === "a" || node.localName === "area");
    if (!link?.href || event.defaultPrevented) return;
    if (LEADS_NOWHERE.test(link.href)) {
      // a frame that it is meant for is asked whether it may leave, and stays
      nativeSetTimeout(() => inside().forEach((frame) => frame?.stay()), 50);
    }
    const aside = event.ctrlKey || event.metaKey || event.shiftKey || event.button === 1;
    if (aside || opens(targetOf(link))) opened++;
  };
  nativeListen.call(window, "click", onClick);
  nativeListen.call(window, "auxclick", (event) => {
    if (event.button === 1) onClick(event);
  });
  nativeListen.call(window, "submit", (event) => {
    if (!event.defaultPrevented && opens(event.submitter?.formTarget || targetOf(event.target))) opened++;
  });
  const nativeSubmit = HTMLFormElement.prototype.submit;
  HTMLFormElement.prototype.submit = function () {
    if (opens(targetOf(this))) opened++;
    return nativeSubmit.call(this);
  };
  const redirects = () => {
    const meta = document.querySelector('meta[http-equiv="refresh" i]');
    return meta !== null && Number.parseFloat(meta.content) * 1000 <= LONGEST_MS && now() < 3000;
  };

  // --- rest ---
  const pending = () => {
    const at = now();
    for (const { what, matters } of requests.values()) if (!heartbeats.has(what) && matters()) return true;
    for (const { chain: mine, what } of callbacks.values()) if (at - mine.since < LONGEST_MS && !heartbeats.has(what)) return true;
    return false;
  };
  const inside = () => [...document.querySelectorAll("iframe, frame")].map((frame) => {
    try {
      return frame.contentWindow.__symbiotic ?? null;
    } catch {
      return null; // of another origin: it is asked from outside
    }
  });
  const busy = () =>
    now() - changed < STILL_MS ||
    document.readyState === "loading" ||
    leaving > 0 ||
    pending() ||
    redirects() ||
    animates() ||
    inside().some((frame) => frame?.busy());
  const begin = () => {
    seen.clear();
    for (const frame of inside()) frame?.begin();
  };
  const giveUp = () => {
    // under way the whole time, or again and again: next time it is not waited for
    for (const { what } of requests.values()) heartbeats.add(what);
    for (const [what, times] of seen) if (times >= 3) heartbeats.add(what);
    leaving = 0; // of a frame: the page as a whole is waited for from outside
    for (const frame of inside()) frame?.giveUp();
  };
  // Resolves to {state, opened, foreign}. The state is "rest", or "busy" when the page is not at rest after bound_ms, or "leaving" as
  // soon as a navigation away began; then the number of windows opened since the last call, and of frames of other origins.
  const rest = (bound_ms) =>
    new Promise((resolve) => {
      const began = now();
      begin();
      const answer = (state) => {
        resolve({ state, opened, foreign: inside().filter((frame) => frame === null).length });
        opened = 0;
      };
      const look = () => {
        if (leaving) answer("leaving");
        else if (!busy()) answer("rest");
        else if (now() - began >= bound_ms) {
          giveUp();
          answer("busy");
        } else nativeSetTimeout(look, 10);
      };
      // first a frame, so that what the action itself set off (observers, scrolling) has begun; a page in the background has none
      let started = false;
      const startOnce = () => {
        if (!started) nativeSetTimeout(look, 5);
        started = true;
      };
      nativeFrame(startOnce);
      nativeSetTimeout(startOnce, 40);
    });

  const api = { rest, busy, begin, giveUp, clickable, leaving: () => leaving > 0, stay: () => { leaving = 0; } };
  Object.defineProperty(window, "__symbiotic", { value: Object.freeze(api), enumerable: false });
})();
