// Keeps the page as it would be if it were loaded anew, without loading it anew.
//
// The same document is fetched in the background, and what differs is changed in place: texts, attributes, and
// elements where there are more or fewer. So nothing flickers, and focus, selection, the place on the page and
// what was opened stay. A page that nobody sees asks for nothing.
"use strict";
(() => {
  const EVERY_MS = 2000;
  const PATIENCE_MS = 5000;
  const live = document.getElementById("live");
  const told = document.getElementById("told");
  let timer = 0;
  let asking = null;
  let seenAt = new Date();
  let isLost = false;

  const clock = (at) => at.toTimeString().slice(0, 8);

  // What a person did here is not undone: `open`. What the script itself writes is not: `data-keep`.
  const isOurs = (name) => name === "open";

  function morph(old, now) {
    if (old.nodeType !== now.nodeType || old.nodeName !== now.nodeName || old.id !== now.id) {
      old.replaceWith(document.importNode(now, true));
    } else if (old.nodeType !== Node.ELEMENT_NODE) {
      if (old.nodeValue !== now.nodeValue) old.nodeValue = now.nodeValue;
    } else if (!old.hasAttribute("data-keep")) {
      for (const { name } of [...old.attributes]) {
        if (!now.hasAttribute(name) && !isOurs(name)) old.removeAttribute(name);
      }
      for (const { name, value } of now.attributes) {
        if (old.getAttribute(name) !== value && !isOurs(name)) old.setAttribute(name, value);
      }
      morphChildren(old, now);
    }
  }

  function morphChildren(old, now) {
    const wanted = [...now.childNodes];
    wanted.forEach((child, index) => {
      let own = old.childNodes[index];
      if (child.id && own?.id !== child.id) {
        const elsewhere = [...old.children].find((each) => each.id === child.id);
        if (elsewhere) {
          old.insertBefore(elsewhere, own ?? null);
          own = elsewhere;
        }
      }
      if (own) morph(own, child);
      else old.append(document.importNode(child, true));
    });
    while (old.childNodes.length > wanted.length) old.lastChild.remove();
  }

  function show(text, lost) {
    live.textContent = text;
    document.documentElement.classList.toggle("lost", lost);
    if (lost !== isLost) {
      told.textContent = lost ? text : "connected again";
      isLost = lost;
    }
  }

  function came(page) {
    const root = document.documentElement;
    // Another version may have another script and other styles.
    if (page.documentElement.dataset.version !== root.dataset.version) {
      location.reload();
      return;
    }
    seenAt = new Date();
    const before = document.getElementById("verdict").textContent;
    if (document.title !== page.title) document.title = page.title;
    morph(document.getElementById("icon"), page.getElementById("icon"));
    morph(document.body, page.body);
    const after = document.getElementById("verdict").textContent;
    show(`live · ${clock(seenAt)}`, false);
    if (after !== before) told.textContent = after;
  }

  function ask() {
    clearTimeout(timer);
    if (document.hidden || asking) return;
    // Not fetch: the browser itself makes the document, and no text is turned into markup by this script.
    asking = new XMLHttpRequest();
    asking.open("GET", location.pathname);
    asking.responseType = "document";
    asking.timeout = PATIENCE_MS;
    asking.onloadend = (event) => {
      const { status, response } = event.target;
      asking = null;
      timer = setTimeout(ask, EVERY_MS);
      if (status === 200 && response?.getElementById("state")) came(response);
      else if (!document.hidden) show(`connection lost since ${clock(seenAt)}`, true);
    };
    asking.send();
  }

  document.addEventListener("visibilitychange", () => {
    if (document.hidden) {
      clearTimeout(timer);
      if (!isLost) show("paused", false);
    } else {
      ask();
    }
  });
  show(`live · ${clock(seenAt)}`, false);
  timer = setTimeout(ask, EVERY_MS);
})();
