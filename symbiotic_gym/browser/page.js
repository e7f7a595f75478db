// One walk over a frame's DOM (shadow roots included) that gives every element its bid and returns the page as text: one line an
// element, `[bid] role "name" properties`, with ids only on what can be acted on. Roles and names come from dom-accessibility-api,
// bids are numbered as BrowserGym numbers them, so that recorded actions mean the same there. Where the text would be longer than
// `budget` lines, what is near the viewport is kept, and a line in (parentheses), which no page can write, says what is missing.
// Installed once a document and called at each look: what the engine has learnt of it stays, and nothing is compiled again.
() => {
  const { computeAccessibleName, getRole } = domAccessibility;
  const clickable = window.__symbiotic ? window.__symbiotic.clickable : new WeakSet();

  const STANDARD_TAGS = new Set(
    ("a abbr acronym address applet area article aside audio b base basefont bdi bdo big blockquote body br button canvas caption " +
      "center cite code col colgroup data datalist dd del details dfn dialog dir div dl dt em embed fieldset figcaption figure font " +
      "footer form frame frameset h1 h2 h3 h4 h5 h6 head header hgroup hr html i iframe img input ins kbd label legend li link main " +
      "map mark menu meta meter nav noframes noscript object ol optgroup option output p param picture pre progress q rp rt ruby s " +
      "samp script search section select small source span strike strong style sub summary sup svg table tbody td template textarea " +
      "tfoot th thead time title tr track tt u ul var video wbr").split(" "),
  );
  const SKIPPED_TAGS = new Set("head script style template noscript meta link title base param source track".split(" "));
  const INTERACTIVE_ROLES = new Set(
    ("button link textbox searchbox combobox listbox option checkbox radio switch slider spinbutton tab menuitem menuitemcheckbox " +
      "menuitemradio treeitem gridcell scrollbar").split(" "),
  );
  const FOCUSABLE = "a[href], area[href], button, input, select, textarea, summary, iframe, [tabindex], [contenteditable]";
  let all = []; // the elements, shadow roots' too
  let decorated = true; // whether a style sheet may write text before or after them
  const FORMATTED_INPUTS = new Set("date time datetime-local month week color".split(" "));
  const SHOWN_ROLES = new Set("heading img dialog alertdialog alert status progressbar tooltip".split(" "));

  // --- bids -------------------------------------------------------------------------------------------------------------------
  const letters = (n) => {
    // a, b, ..., z, aA, aB, ...: only the first letter is lower case, so that nested prefixes can be taken apart again
    let word = "";
    for (n += 1; n > 0; n = Math.floor((n - 1) / 26)) word = String.fromCharCode(97 + ((n - 1) % 26)) + word;
    return word[0] + word.slice(1).toUpperCase();
  };
  const everyElement = (root) => {
    const out = [];
    const open = [{ found: root.querySelectorAll("*"), at: 0 }];
    while (open.length > 0) {
      const top = open[open.length - 1];
      if (top.at === top.found.length) {
        open.pop();
        continue;
      }
      const element = top.found[top.at++];
      out.push(element);
      if (element.shadowRoot) open.push({ found: element.shadowRoot.querySelectorAll("*"), at: 0 });
    }
    return out;
  };
  // BrowserGym's own counters, so that its extraction can follow ours on the same page
  const startCounters = () => {
    if (window.browsergym_elem_counter !== undefined) return;
    let frames = 0;
    window.browsergym_elem_counter = 0;
    window.browsergym_frame_id_generator = { next: () => letters(frames++) };
  };
  // a page can have attributes of that name too: what is not in our form is replaced, and what is, is not given out a second time
  const markAll = (prefix) => {
    const ours = new RegExp(`^${prefix}(0|[1-9][0-9]{0,8})$`);
    const frames = new RegExp(`^${prefix}[a-z][A-Z]{0,8}$`);
    const taken = new Set();
    const mark = (element) => {
      let bid = element.getAttribute("bid");
      const frame = element.localName === "iframe" || element.localName === "frame";
      if (bid === null || taken.has(bid) || !(frame ? frames : ours).test(bid)) {
        do bid = prefix + (frame ? window.browsergym_frame_id_generator.next() : window.browsergym_elem_counter++);
        while (taken.has(bid));
        element.setAttribute("bid", bid);
      }
      taken.add(bid);
    };
    for (const element of all) if (STANDARD_TAGS.has(element.localName)) mark(element);
    // SVG shapes and custom elements that listen for clicks come after, so that the numbers above stay BrowserGym's
    for (const element of all) if (!STANDARD_TAGS.has(element.localName) && clickable.has(element)) mark(element);
  };

  // --- what a line says -------------------------------------------------------------------------------------------------------
  const MAX_NAME = 200; // characters
  const MAX_VALUE = 2000;
  const clean = (text) => (text || "").replace(/\s+/g, " ").trim();
  const shortened = (text, end) => text.slice(0, /[\uD800-\uDBFF]/.test(text[end - 1]) ? end - 1 : end) + "…"; // no half characters
  const quote = (text, longest = MAX_NAME) => JSON.stringify(text.length > longest ? shortened(text, longest - 1) : text);
  const roleOf = (element) => {
    if (element.isContentEditable && !(element.parentElement && element.parentElement.isContentEditable)) return "textbox";
    let role = getRole(element);
    if (role && !/^[a-z-]+$/.test(role)) {
      // the library takes the attribute up to its first space: "Button" is a button, and a line break would begin a line of its own
      const first = role.toLowerCase().split(/\s/)[0];
      role = /^[a-z-]+$/.test(first) ? first : "generic";
    }
    if ((role === "presentation" || role === "none") && element.matches(FOCUSABLE)) {
      // ARIA's conflict resolution: what can have the focus cannot be mere decoration
      const bare = element.cloneNode(false);
      bare.removeAttribute("role");
      role = getRole(bare);
    }
    if (role) return role;
    if (element.localName === "input") return element.type === "hidden" ? "" : element.type === "file" ? "button" : "textbox";
    if (element.localName === "a" && (clickable.has(element) || element.onclick)) return "link"; // as Chromium has it
    return "generic";
  };
  // A name from content, as it is rendered: the library knows neither line breaks nor capitals made by a style sheet.
  const NAMED_BY_CONTENT = new Set("button link option checkbox radio switch tab menuitem menuitemcheckbox menuitemradio treeitem gridcell heading".split(" "));
  const NATIVELY_NAMED = new Set("input select textarea img area option".split(" "));
  const GROUPS = new Set("group tree menu".split(" "));
  const libraryName = (element) => {
    try {
      return computeAccessibleName(element);
    } catch (error) {
      if (!(error instanceof RangeError)) throw error;
      // it calls itself once a level, and this one is too deep for that
      const ids = element.getAttribute("aria-labelledby");
      const named = ids ? ids.split(/\s+/).map((id) => element.getRootNode().getElementById(id)) : [element];
      return named.map((part) => part?.textContent ?? "").join(" ");
    }
  };
  // To ask every element for what style sheets write before and after it would be a quarter of the walk.
  const MOST_RULES = 2000;
  const decorates = (sheets) => {
    let left = MOST_RULES;
    const writes = (rules, within = false) => {
      for (const rule of rules) {
        if (left-- === 0) return true;
        const pseudo = within || /:(before|after)/.test(rule.selectorText);
        if (pseudo && rule.style && !/^(""|none|normal|)$/.test(rule.style.content)) return true;
        if (writes(rule.styleSheet?.cssRules ?? rule.cssRules ?? [], pseudo)) return true;
      }
      return false;
    };
    try {
      return sheets.some((sheet) => writes(sheet.cssRules));
    } catch {
      return true; // a sheet of another origin
    }
  };
  const cased = (text, style) => {
    const change = style.textTransform;
    if (change === "uppercase") return text.toUpperCase();
    if (change === "lowercase") return text.toLowerCase();
    return change === "capitalize" ? text.replace(/(^|\s)(\p{L})/gu, (all, space, letter) => space + letter.toUpperCase()) : text;
  };
  const contentOf = (root, control) => {
    if (!decorated && root.childElementCount === 0 && root.localName !== "slot") {
      const style = getComputedStyle(root);
      return style.visibility === "visible" ? cased(root.textContent, style) : "";
    }
    let text = "";
    const decoration = (element, which) => {
      if (!decorated) return;
      const { content } = getComputedStyle(element, which);
      if (content.startsWith('"') && content.length > 2) text += content.slice(1, content.lastIndexOf('"')).replace(/\\(.)/g, "$1");
    };
    const open = []; // the elements that are being read, outermost first
    const enter = (element, style, space) => {
      decoration(element, "::before");
      open.push({ element, style, space, seen: style.visibility === "visible", nodes: childrenOf(element), at: 0 });
    };
    const part = (element) => {
      const { localName } = element;
      if (SKIPPED_TAGS.has(localName) || element.getAttribute("aria-hidden") === "true") return;
      const style = getComputedStyle(element);
      if (style.display === "none") return;
      const space = style.display === "inline" && localName !== "br" ? "" : " ";
      text += space;
      const label = element.getAttribute("aria-label");
      if (label && label.trim()) text += label;
      else if (localName === "img" || localName === "area") text += element.alt || element.title;
      else if (element instanceof SVGElement) text += element.querySelector(":scope > title")?.textContent ?? "";
      else if (localName === "select") text += [...element.selectedOptions].map((option) => option.label).join(" ");
      else if (localName === "input" || localName === "textarea") {
        if (element.type !== "password" && element.type !== "checkbox" && element.type !== "radio") text += element.value;
      } else if (element.hasAttribute("aria-labelledby")) text += libraryName(element);
      else if (!GROUPS.has(element.getAttribute("role"))) {
        enter(element, style, space);
        return;
      }
      text += space;
    };
    enter(root, getComputedStyle(root), "");
    while (open.length > 0) {
      const { element, style, space, seen, nodes, at } = open[open.length - 1];
      if (at === nodes.length) {
        decoration(element, "::after");
        text += space;
        open.pop();
        continue;
      }
      open[open.length - 1].at++;
      const node = nodes[at];
      if (node.nodeType === Node.TEXT_NODE) {
        if (seen) text += cased(node.data, style);
      } else if (node.nodeType === Node.ELEMENT_NODE && node !== control) part(node);
    }
    return text;
  };
  const accessibleName = (element, role = roleOf(element)) => {
    // the library reads HTML-only properties that SVG elements lack
    if (element instanceof SVGElement) return clean(element.getAttribute("aria-label") || element.querySelector(":scope > title")?.textContent);
    if (!element.hasAttribute("aria-label") && !element.hasAttribute("aria-labelledby")) {
      if (element.localName === "area") return clean(element.alt || element.title);
      if (element.labels && element.labels.length > 0) {
        const name = clean([...element.labels].map((label) => contentOf(label, element)).join(" "));
        if (name) return name;
      } else if (NAMED_BY_CONTENT.has(role) && !NATIVELY_NAMED.has(element.localName)) {
        const name = clean(contentOf(element, null));
        if (name) return name;
      }
    }
    return clean(libraryName(element));
  };
  const nameOf = (element, role) => {
    const name = accessibleName(element, role) || clean(element.placeholder);
    if (name || role === "textbox" || role === "combobox" || role === "listbox" || role === "slider") return name;
    return clean(element instanceof HTMLElement ? element.innerText : element.textContent);
  };
  const propertiesOf = (element, role, name) => {
    const properties = [];
    if (!name) {
      // nothing to call it by: what the page's author calls it is better than nothing
      const hint = clean(element.getAttribute("id")) || clean(element.getAttribute("class"));
      if (hint && (role === "generic" || role === "button" || role === "link" || element instanceof SVGElement)) properties.push(`hint=${quote(hint)}`);
    }
    if (element.localName === "select") {
      if (!element.multiple) properties.push(`value=${quote(clean(element.selectedOptions[0]?.label))}`);
    } else if (element.isContentEditable && role === "textbox") {
      properties.push(`value=${quote(element.innerText.trim(), MAX_VALUE)}`);
    } else if (["textbox", "searchbox", "combobox", "spinbutton", "slider"].includes(role) && "value" in element) {
      const value = element.type === "password" ? "•".repeat(element.value.length) : element.value;
      if (value !== "") properties.push(`value=${quote(value, MAX_VALUE)}`);
    } else if (role === "slider" || role === "spinbutton" || role === "progressbar") {
      const value = element.getAttribute("aria-valuenow");
      if (value) properties.push(`value=${quote(value)}`);
    }
    if (element.checked === true || element.getAttribute("aria-checked") === "true") properties.push("checked");
    if (element.localName === "option" ? element.selected : element.getAttribute("aria-selected") === "true") properties.push("selected");
    if (element.getAttribute("aria-expanded") === "true") properties.push("expanded");
    if (element.disabled === true || element.getAttribute("aria-disabled") === "true") properties.push("disabled");
    if (element.readOnly === true && role === "textbox") properties.push("readonly");
    if (element.localName === "textarea") properties.push("multiline");
    // what such a field takes ("2019-01-18", "08:05") cannot be told from what it displays
    if (element.localName === "input" && FORMATTED_INPUTS.has(element.type)) properties.push(`type=${element.type}`);
    if (element === (element.getRootNode().activeElement ?? null) && element !== document.body) properties.push("focused");
    return properties;
  };
  const actsOnClicks = (element, style) => {
    if (element === document.body || element === document.documentElement) return false;
    if (clickable.has(element) || element.onclick || element.onmousedown) return true;
    if (element.tabIndex >= 0 && element.hasAttribute("tabindex")) return true;
    if (element.draggable === true && element.localName !== "img" && element.localName !== "a") return true;
    return style.cursor === "pointer" && element.parentElement !== null && getComputedStyle(element.parentElement).cursor !== "pointer";
  };

  // --- the walk ---------------------------------------------------------------------------------------------------------------
  const childrenOf = (element) => {
    if (element.shadowRoot) return element.shadowRoot.childNodes;
    if (element.localName === "slot" && element.assignedNodes().length > 0) return element.assignedNodes();
    return element.childNodes;
  };
  const shownOf = (element) => {
    if (element.localName === "details" && !element.open) return [...element.children].filter((child) => child.localName === "summary").slice(0, 1);
    return element.hidden === "until-found" ? [] : childrenOf(element);
  };
  const HIDDEN = " hidden"; // what a line of text ends with that people cannot see: it is said to programs only
  // A block of lines is {lines: [text], acts: whether anything in it can be acted on, controls: whether by its role}. Loose text is
  // gathered until a line breaks it. Pages nest deeper than calls can: what is being read stands in a list, outermost first, with
  // `then` for what becomes of its block.
  const reading = ({ within, style, then, named = false }) => ({
    style: style ?? getComputedStyle(within),
    nodes: shownOf(within),
    at: 0,
    loose: "",
    legible: named || undefined, // not known yet
    paint: undefined,
    block: { lines: [], acts: false, controls: false },
    then,
  });
  const flush = (open) => {
    const text = clean(open.loose);
    if (text) open.block.lines.push(`text ${quote(text, MAX_VALUE)}`);
    open.loose = "";
  };
  const take = (open, inner) => {
    if (inner === null) return;
    if ("inline" in inner) {
      open.loose += inner.inline;
      return;
    }
    if (inner.lines.length === 0) return;
    flush(open);
    const { block } = open;
    if (block.lines.length === 0) block.lines = inner.lines;
    else for (const line of inner.lines) block.lines.push(line);
    block.acts ||= inner.acts;
    block.controls ||= inner.controls;
  };
  const CLEAR = "rgba(0, 0, 0, 0)";
  const paintOf = (frame) => {
    if (!frame.paint) frame.paint = { color: frame.style.color, backgroundColor: frame.style.backgroundColor, under: undefined };
    return frame.paint;
  };
  const legible = (open) => {
    const top = open[open.length - 1];
    if (parseFloat(top.style.fontSize) < 2) return false;
    const { color } = paintOf(top);
    if (color === CLEAR) return top.style.backgroundClip === "text";
    // what the text stands on, where that has the same colour as its own text; each answer is kept for the next text inside
    let at = open.length - 1;
    while (at > 0 && paintOf(open[at]).backgroundColor === CLEAR && open[at].paint.under === undefined) at--;
    const paint = paintOf(open[at]);
    const under = paint.under ?? (paint.backgroundColor === paint.color ? paint.color : "");
    for (const frame of open.slice(at)) frame.paint.under = under;
    return under !== color;
  };
  const readText = (text, top, open) => {
    if (top.legible === undefined && /\S/.test(text)) top.legible = legible(open);
    if (top.legible !== false) top.loose += text;
    else if (/\S/.test(text)) {
      flush(top);
      top.block.lines.push(`text ${quote(clean(text), MAX_VALUE)}${HIDDEN}`);
    }
  };
  const read = (found) => {
    const open = [reading(found)];
    for (;;) {
      const top = open[open.length - 1];
      if (top.at === top.nodes.length) {
        flush(top);
        const inner = top.then(top.block);
        open.pop();
        if (open.length === 0) return inner;
        take(open[open.length - 1], inner);
        continue;
      }
      const node = top.nodes[top.at++];
      if (node.nodeType === Node.TEXT_NODE) readText(node.data, top, open);
      else if (node.nodeType !== Node.ELEMENT_NODE || SKIPPED_TAGS.has(node.localName)) continue;
      else if (node.localName === "br") flush(top);
      else {
        const found = visit(node);
        if (found !== null && "then" in found) open.push(reading(found));
        else take(top, found);
      }
    }
  };
  const DEEPEST = 2 * 50; // spaces: deeper lines stand no further in, or they would be spaces for the most part
  const indent = (lines) => lines.map((line) => (line.startsWith(" ".repeat(DEEPEST)) ? line : "  " + line));
  const seenText = (line) => line.startsWith("text ") && !line.endsWith(HIDDEN);
  const textIn = (line) => JSON.parse(line.endsWith(HIDDEN) ? line.slice(5, -HIDDEN.length) : line.slice(5)); // of a line of text
  // With all that it holds: faded out, clipped away, or off the page. What a text's own letters are like is `legible`'s business.
  const unseen = (element, { style, solid }) => {
    if (!solid && style.opacity === "0") return true;
    const { position, overflowX } = style;
    if (position !== "absolute" && position !== "fixed" && overflowX !== "hidden" && overflowX !== "clip") return false;
    const box = element.getBoundingClientRect();
    const clipped = overflowX !== "visible" && (box.width <= 1 || box.height <= 1);
    return clipped || box.right + scrollX < 0 || box.bottom + scrollY < 0;
  };
  const isInline = (style) => style.display.startsWith("inline") || style.display === "contents";

  const { checkVisibility } = Element.prototype;
  // What an element comes to: a block, `{inline: text}`, null for nothing, or `{within, then}` where what it holds has to be read first.
  const visit = (element) => {
    const style = getComputedStyle(element);
    if (element.localName === "area") {
      // part of a picture: it has no box of its own, and is there whenever it leads somewhere
      return element.hasAttribute("href") ? { lines: [describe(element, "link")], acts: true, controls: true } : null;
    }
    const solid = checkVisibility.call(element, { checkVisibilityCSS: true, checkOpacity: true }); // three questions in one
    if ((!solid && style.display === "none") || element.getAttribute("aria-hidden") === "true" || element.inert) return null;
    if (element.localName === "input" && element.type === "hidden") return null;
    const bid = element.getAttribute("bid");
    if (element.localName === "iframe" || element.localName === "frame") {
      return { lines: [`[${bid}] iframe ${quote(accessibleName(element))}`, `\u0000${bid}`], acts: true, controls: true };
    }
    if (element.localName === "label" && element.control && !element.control.hidden && element.querySelectorAll("input,select,textarea,button").length <= 1) {
      if (getComputedStyle(element.control).display !== "none") {
        // its text is the control's name already
        return element.contains(element.control) ? visit(element.control) : null;
      }
    }
    const role = roleOf(element);
    const invisible = !solid && style.visibility !== "visible";
    const interactive = INTERACTIVE_ROLES.has(role) && (role !== "gridcell" || actsOnClicks(element, style));
    const acts = !invisible && bid !== null && (interactive || actsOnClicks(element, style));

    if (invisible) {
      const seen = (line) => /^\s*\[|^\u0000/.test(line); // text inherits the hiding; a child may undo it
      return { within: element, style, then: (inner) => (inner.acts ? { ...inner, lines: inner.lines.filter(seen) } : null) };
    }
    if (element.localName === "select") {
      const line = `[${bid}] ${role} ${quote(nameOf(element, role))} ${propertiesOf(element, role, "-").join(" ")}`.trim();
      return { lines: [line, ...[...element.options].map((o) => "  " + describe(o, "option"))], acts: true, controls: true };
    }
    if (element.localName === "textarea") return { lines: [describe(element, role)], acts: true, controls: true };

    const kind = { bid, style, solid, role, interactive, acts };
    return { within: element, style, then: (inner) => comesTo(element, kind, inner), named: acts };
  };
  const comesTo = (element, kind, inner) => {
    const { bid, style, role, interactive, acts } = kind;
    if (!acts && !inner.acts && inner.lines.length > 0 && unseen(element, kind)) {
      return { lines: inner.lines.map((line) => (/^\s*text "/.test(line) && !line.endsWith(HIDDEN) ? line + HIDDEN : line)), acts: false, controls: false };
    }
    if (acts) {
      // what a button or tab holds is the button, unless it holds another control
      if (interactive) {
        const name = nameOf(element, role);
        const held = inner.controls ? inner.lines.filter((line) => !line.startsWith("text ") || !name.includes(textIn(line))) : [];
        return { lines: [describe(element, role, name), ...indent(held)], acts: true, controls: true };
      }
      const ownText = inner.lines.filter(seenText).map(textIn);
      if (inner.acts && style.cursor === "pointer" && clickable.has(element) && ownText.length > 0) {
        // an entry that opens on a click and holds icons of its own, as in a list of mails
        const rest = inner.lines.filter((line) => !seenText(line));
        return { lines: [`[${bid}] ${role} ${quote(ownText.join(" "))}`, ...indent(rest)], acts: true, controls: inner.controls };
      }
      if (inner.acts) return inner; // a container that listens for its children's clicks
      if (element.children.length <= 3 || inner.lines.length <= 1) return { lines: [describe(element, role)], acts: true, controls: false };
      return { lines: [`[${bid}] ${role} ""`, ...indent(inner.lines)], acts: true, controls: false };
    }
    const partly = () => inner.lines.some((line) => line.endsWith(HIDDEN)); // a name would not tell which part people see
    if (role === "row" && !inner.acts && !partly()) {
      const cells = [...element.children].map((cell) => clean(cell.innerText)).filter(Boolean);
      return { lines: cells.length ? [`row ${quote(cells.join(" | "))}`] : [], acts: false };
    }
    if (role === "row") return { lines: ["row", ...indent(inner.lines)], acts: inner.acts, controls: inner.controls };
    if (SHOWN_ROLES.has(role)) {
      const dialog = role === "dialog" || role === "alertdialog";
      if (!dialog && partly()) {
        const rest = inner.lines.filter((line) => !seenText(line));
        return { ...inner, lines: [`${role} ${quote(inner.lines.filter(seenText).map(textIn).join(" "))}`, ...indent(rest)] };
      }
      const name = dialog ? accessibleName(element) : nameOf(element, role);
      if (!inner.acts && !dialog) return { lines: name ? [`${role} ${quote(name)}`] : [], acts: false };
      return { lines: [`${role} ${quote(name)}`, ...indent(inner.lines)], acts: inner.acts, controls: inner.controls };
    }
    if (!inner.acts && inner.lines.length <= 1 && !partly() && (inner.lines.length === 0 || inner.lines[0].startsWith("text ")) && isInline(style)) {
      return { inline: inner.lines.length === 0 ? "" : (element.childElementCount && element.innerText) || element.textContent };
    }
    return inner;
  };
  const describe = (element, role, name = nameOf(element, role)) => {
    const kind = element instanceof SVGElement && role === "generic" ? `svg:${element.localName}` : role;
    return [`[${element.getAttribute("bid")}] ${kind}`, quote(name), ...propertiesOf(element, role, name)].join(" ");
  };

  // --- the budget -------------------------------------------------------------------------------------------------------------
  const inViewport = (lines) => {
    // the first line whose element can be seen without scrolling
    const byBid = new Map(all.map((element) => [element.getAttribute("bid"), element]));
    return lines.findIndex((line) => {
      const found = /^\s*\[(\w+)\]/.exec(line);
      const box = found && byBid.get(found[1])?.getBoundingClientRect();
      return box && box.height > 0 && box.bottom > 0 && box.top < innerHeight;
    });
  };
  const cut = (lines, budget) => {
    if (lines.length <= budget) return lines;
    const first = window.scrollY > 0 ? Math.max(0, inViewport(lines) - Math.floor(budget / 4)) : 0;
    const start = Math.min(first, lines.length - budget);
    const above = start > 0 ? [`(${start} lines above are left out; scroll up to see them)`] : [];
    const below = lines.length - start - budget;
    return [...above, ...lines.slice(start, start + budget), ...(below > 0 ? [`(${below} lines below are left out; scroll down to see them)`] : [])];
  };

  const own = (name) => Object.getOwnPropertyDescriptor(Document.prototype, name).get.call(document); // not a form of that name
  const itself = (block) => block;
  return (prefix, budget) => {
    startCounters();
    all = everyElement(document);
    markAll(prefix);
    decorated = all.some((element) => element.shadowRoot) || decorates([...document.styleSheets, ...document.adoptedStyleSheets]);
    // behind an open modal dialog nothing can be reached
    const modal = [...document.querySelectorAll("dialog:modal")].pop();
    const found = modal ? visit(modal) : own("body") ? { within: own("body"), then: itself } : null;
    const block = (found !== null && "then" in found ? read(found) : found) ?? { lines: [] };
    const text = cut(block.lines, budget).join("\n"); // one text: a list of thousands takes longer to send than to make
    all = []; // or what the page drops could not be forgotten
    return { text, title: own("title") };
  };
}
