// Runs in every frame before the page's own scripts. It counts what is still on its way (requests, short timers, DOM changes), so
// that the observation can wait for rest instead of for a fixed time, and remembers which elements listen for clicks, since many
// pages make plain <span>s clickable with addEventListener alone.
(() => {
  if (window.__symbiotic) return;
  const state = { requests: 0, timers: new Map(), changed: performance.now(), clickable: new WeakSet() };
  const LONGEST_TIMER_MS = 1000; // a timer further away is no answer to this action
  const DEEPEST_CHAIN = 8; // a timer set by a timer set by ... is a page's heartbeat, not an answer

  const nativeSetTimeout = window.setTimeout.bind(window);
  const nativeClearTimeout = window.clearTimeout.bind(window);
  let depth = 0;
  window.setTimeout = (callback, delay = 0, ...rest) => {
    const level = depth + 1;
    const id = nativeSetTimeout(function () {
      state.timers.delete(id);
      const outer = depth;
      depth = level;
      try {
        return typeof callback === "function" ? callback.apply(window, rest) : (0, eval)(callback);
      } finally {
        depth = outer;
      }
    }, delay);
    if (delay <= LONGEST_TIMER_MS && level <= DEEPEST_CHAIN) state.timers.set(id, true);
    return id;
  };
  window.clearTimeout = (id) => {
    state.timers.delete(id);
    nativeClearTimeout(id);
  };

  const nativeFetch = window.fetch;
  window.fetch = function (...args) {
    state.requests++;
    return nativeFetch.apply(this, args).finally(() => state.requests--);
  };
  const nativeSend = XMLHttpRequest.prototype.send;
  XMLHttpRequest.prototype.send = function (...args) {
    state.requests++;
    this.addEventListener("loadend", () => state.requests--, { once: true });
    return nativeSend.apply(this, args);
  };

  const nativeListen = EventTarget.prototype.addEventListener;
  const CLICKS = new Set(["click", "mousedown", "mouseup", "pointerdown", "pointerup", "dblclick"]);
  EventTarget.prototype.addEventListener = function (type, ...rest) {
    if (CLICKS.has(type) && this instanceof Element) state.clickable.add(this);
    return nativeListen.call(this, type, ...rest);
  };

  new MutationObserver(() => {
    state.changed = performance.now();
  }).observe(document, { subtree: true, childList: true, attributes: true, characterData: true });

  const STILL_MS = 25;
  // Resolves to true at rest, to false when the page is still busy after bound_ms.
  const rest = (bound_ms) =>
    new Promise((resolve) => {
      const start = performance.now();
      const look = () => {
        const now = performance.now();
        const busy = state.requests > 0 || state.timers.size > 0 || now - state.changed < STILL_MS || document.readyState === "loading";
        if (!busy) resolve(true);
        else if (now - start >= bound_ms) resolve(false);
        else nativeSetTimeout(look, 10);
      };
      // one turn of the event loop first, so that handlers of the action itself have run
      nativeSetTimeout(look, 10);
    });

  Object.defineProperty(window, "__symbiotic", { value: { rest, clickable: state.clickable }, enumerable: false });
})();
