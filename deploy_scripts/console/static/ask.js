"use strict";
// A photo that is chosen, dropped or pasted is sent as it is; the answer is a part of the page, from the server.
(() => {
  const zone = document.getElementById("photo-zone");
  const input = document.getElementById("photo");
  const answer = document.getElementById("answer");
  const asking = document.getElementById("asking");
  let sent = 0;
  let preview = "";

  async function send(file) {
    const mine = ++sent;
    const explain = document.getElementById("explain").checked ? "&explain=on" : "";
    asking.classList.add("htmx-request");
    try {
      const reply = await fetch(`/ask/photo?name=${encodeURIComponent(file.name || "pasted.png")}${explain}`, {
        method: "PUT", body: file, headers: { "HX-Request": "true", "Content-Type": "application/octet-stream" },
      });
      // Anything else is not a page's word: the console is at its end.
      if (!reply.headers.get("Content-Type")?.startsWith("text/html")) throw new Error(reply.statusText);
      const html = await reply.text();
      if (mine !== sent) return;
      answer.innerHTML = html;
      if (reply.ok) {
        show(file);
        history.replaceState(null, "", "/ask");
      }
    } catch {
      if (mine === sent) answer.textContent = "The console does not answer: is `dropserve console` still running?";
    } finally {
      if (mine === sent) asking.classList.remove("htmx-request");
      input.value = "";
    }
  }

  // Only the browser has the photo; a format that it does not know is not shown.
  function show(file) {
    if (preview) URL.revokeObjectURL(preview);
    preview = URL.createObjectURL(file);
    const figure = document.createElement("figure");
    const image = new Image();
    image.alt = "The photo that was sent";
    figure.append(image);
    image.onload = () => answer.querySelector(".pictures").prepend(figure);
    image.src = preview;
  }

  function fileOf(items) {
    return [...(items?.files ?? [])].find((file) => file.type.startsWith("image/")) ?? items?.files?.[0];
  }

  input.addEventListener("change", () => { if (input.files[0]) send(input.files[0]); });
  for (const name of ["dragenter", "dragover"]) {
    document.addEventListener(name, (event) => {
      if (![...event.dataTransfer.types].includes("Files")) return;
      event.preventDefault();
      zone.classList.add("dragged");
    });
  }
  document.addEventListener("dragleave", (event) => { if (!event.relatedTarget) zone.classList.remove("dragged"); });
  document.addEventListener("drop", (event) => {
    zone.classList.remove("dragged");
    const file = fileOf(event.dataTransfer);
    if (!file) return;
    event.preventDefault();
    send(file);
  });
  document.addEventListener("paste", (event) => {
    const file = fileOf(event.clipboardData);
    if (file) send(file);
  });
})();
