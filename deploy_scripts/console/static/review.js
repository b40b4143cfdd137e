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

  document.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    const typing = event.target.matches("input:not([type=radio]):not([type=checkbox]), textarea, select");
    if (typing) return;
    const photos = [...document.querySelectorAll(".photo")];
    const at = photos.indexOf(document.activeElement?.closest(".photo") ?? document.getElementById(replaced));
    const step = { n: 1, p: -1 }[event.key];
    if (step) {
      const next = photos[at < 0 ? 0 : Math.min(Math.max(at + step, 0), photos.length - 1)];
      next?.focus();
      next?.scrollIntoView({ block: "nearest" });
      event.preventDefault();
    } else if (actions[event.key] && at >= 0) {
      photos[at].querySelector(`[value=${actions[event.key]}]`).click();
      event.preventDefault();
    }
  });

  // The photo that was decided is a new element: what had the focus, or the photo itself, gets it back. A key that
  // comes before is meant for that photo, too.
  let focused = "";
  let replaced = "";
  document.addEventListener("htmx:beforeSwap", (event) => {
    const inside = event.detail.target.contains(document.activeElement);
    focused = inside ? document.activeElement.id : "";
    replaced = inside ? event.detail.target.id : "";
    // What was refused stands below the photo, which stays as it is.
    if (event.detail.xhr.status >= 400 && event.detail.target.matches(".photo")) {
      event.detail.target.querySelector(".refused").innerHTML = event.detail.serverResponse;
      event.detail.shouldSwap = false;
    }
  });
  document.addEventListener("htmx:afterSettle", () => {
    if (focused && document.activeElement === document.body) document.getElementById(focused)?.focus();
    focused = replaced = "";
  });
})();
