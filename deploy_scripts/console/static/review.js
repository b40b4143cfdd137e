"use strict";
// Photos decided by keys: the one with the focus in it is meant. A class that is typed means "relabel".
(() => {
  const actions = { k: "keep", d: "drop", r: "relabel", u: "undecide" };

  document.addEventListener("change", (event) => {
    const radio = document.getElementById(event.target.dataset?.relabel ?? "");
    if (radio) radio.checked = true;
    // "Relabel" without a class: the class comes first.
    const article = event.target.closest?.(".photo");
    if (!article || event.target.value !== "relabel" || event.target.type !== "radio") return;
    const field = article.querySelector("[data-relabel]");
    if (field.value) return;
    event.stopPropagation();
    field.focus();
  }, true);

  // A photo that was decided is replaced by a new element, which hears nothing before htmx has settled it: keys wait,
  // and what had the focus, or the photo itself, gets it back.
  let focused = "";
  let waiting = null;

  function press(key) {
    const photos = [...document.querySelectorAll(".photo")];
    const at = photos.indexOf(document.activeElement?.closest(".photo"));
    const step = { n: 1, p: -1 }[key];
    if (step) {
      const next = photos[at < 0 ? 0 : Math.min(Math.max(at + step, 0), photos.length - 1)];
      next?.focus();
      next?.scrollIntoView({ block: "nearest" });
    } else if (at >= 0) {
      photos[at].querySelector(`[value=${actions[key]}]`)?.click();
    }
  }

  document.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    const typing = event.target.matches("input:not([type=radio]):not([type=checkbox]), textarea, select");
    if (typing || !(event.key in actions || ["n", "p"].includes(event.key))) return;
    event.preventDefault();
    if (waiting) waiting.push(event.key);
    else press(event.key);
  });

  document.addEventListener("htmx:beforeSwap", (event) => {
    // What was refused stands below the photo, which stays as it is.
    if (event.detail.xhr.status >= 400 && event.detail.target.matches(".photo")) {
      event.detail.target.querySelector(".refused").innerHTML = event.detail.serverResponse;
      event.detail.shouldSwap = false;
    }
    if (!event.detail.shouldSwap || !event.detail.target.contains(document.activeElement)) return;
    focused = document.activeElement.id;
    waiting = [];
  });

  function goOn() {
    if (!waiting) return;
    const keys = waiting;
    waiting = null;
    document.getElementById(focused)?.focus();
    keys.forEach(press);
  }

  document.addEventListener("htmx:afterSettle", goOn);
  document.addEventListener("htmx:swapError", goOn);
})();
