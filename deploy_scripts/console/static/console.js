"use strict";
/* What htmx does not do: a hidden window follows nothing, a page goes on to what its work came to, and files go to the
   console with their progress. */
(function () {
  /* A browser has six connections for all its windows on one address, and each look of a window may cost. */
  const followed = new Set();
  htmx.createEventSource = function (url) {
    const source = new EventSource(url);
    followed.add(source);
    return source;
  };
  const paused = new Set();
  document.addEventListener("visibilitychange", function () {
    if (document.hidden) {
      for (const source of followed) {
        // One that has come to its end is closed already, and stays so.
        if (source.readyState !== EventSource.CLOSED) {
          source.close();
          paused.add(source);
        }
        followed.delete(source);
      }
    } else {
      for (const source of paused) {
        paused.delete(source);
        // htmx connects anew what it finds closed.
        source.onerror(new Event("error"));
      }
    }
  });
})();

document.addEventListener("htmx:sseClose", function (event) {
  const next = event.detail.type === "message" && event.target.querySelector("a[data-next]");
  if (next) window.location.assign(next.href);
});

(function () {
  const zone = document.getElementById("drop-zone");
  if (!zone) return;
  const box = document.getElementById("receiving");
  const text = document.getElementById("receiving-text");
  const bar = document.getElementById("receiving-bar");
  const problem = document.getElementById("receiving-error");
  const AT_ONCE = 4;

  function send(method, url, body, onProgress) {
    return new Promise(function (resolve, reject) {
      const request = new XMLHttpRequest();
      request.open(method, url);
      request.setRequestHeader("HX-Request", "true");
      if (onProgress) request.upload.onprogress = function (event) { onProgress(event.loaded); };
      request.onload = function () {
        if (request.status < 300) resolve(request.responseText ? JSON.parse(request.responseText) : {});
        else if ((request.getResponseHeader("Content-Type") || "").startsWith("text/html")) reject({ html: request.responseText });
        // Not a page's word: the console is at its end.
        else request.onerror();
      };
      request.onerror = function () {
        reject({ text: "The console does not answer, or did not take the file. Is it still running?" });
      };
      request.send(body);
    });
  }

  function show(what, done, total) {
    box.hidden = false;
    problem.textContent = "";
    text.textContent = what;
    bar.max = total || 1;
    bar.value = done;
  }

  function fail(error) {
    box.hidden = true;
    // A part of the console's own, in which every name is escaped already.
    if (error.html) problem.innerHTML = error.html;
    else problem.textContent = error.text || String(error);
  }

  function sendFile(file) {
    show("Receiving " + file.name, 0, file.size);
    const url = "/drop/zip?name=" + encodeURIComponent(file.name);
    send("PUT", url, file, function (count) { bar.value = count; })
      .then(function (answer) { window.location.assign(answer.next); }).catch(fail);
  }

  /* files: [{path, file}], the paths below the folder. */
  async function sendFolder(name, files) {
    try {
      if (!files.length) throw { text: "The folder has no files." };
      const form = new URLSearchParams({ name: name });
      const begun = await send("POST", "/drop/folder", form);
      const waiting = files.slice();
      let done = 0;
      const worker = async function () {
        for (let each = waiting.shift(); each; each = waiting.shift()) {
          await send("PUT", begun.next + "/file?path=" + encodeURIComponent(each.path), each.file);
          done += 1;
          show("Receiving " + name + ": " + done + " of " + files.length + " files", done, files.length);
        }
      };
      await Promise.all(Array.from({ length: AT_ONCE }, worker));
      window.location.assign(begun.next);
    } catch (error) {
      fail(error);
    }
  }

  async function walk(folder, before, found) {
    const reader = folder.createReader();
    for (;;) {
      const entries = await new Promise(function (resolve, reject) { reader.readEntries(resolve, reject); });
      if (!entries.length) return found;
      for (const entry of entries) {
        if (entry.isDirectory) await walk(entry, before + entry.name + "/", found);
        else {
          const file = await new Promise(function (resolve, reject) { entry.file(resolve, reject); });
          found.push({ path: before + entry.name, file: file });
        }
      }
    }
  }

  document.getElementById("zip-file").addEventListener("change", function (event) {
    if (event.target.files.length) sendFile(event.target.files[0]);
  });
  document.getElementById("folder-files").addEventListener("change", function (event) {
    const files = Array.from(event.target.files);
    if (!files.length) return;
    const name = files[0].webkitRelativePath.split("/")[0];
    sendFolder(name, files.map(function (file) {
      return { path: file.webkitRelativePath.split("/").slice(1).join("/"), file: file };
    }));
  });
  // A file that is dropped beside the zone would replace the page.
  for (const name of ["dragover", "drop"]) {
    document.addEventListener(name, function (event) { event.preventDefault(); });
  }
  zone.addEventListener("dragover", function () { zone.classList.add("over"); });
  zone.addEventListener("dragleave", function () { zone.classList.remove("over"); });
  zone.addEventListener("drop", async function (event) {
    zone.classList.remove("over");
    const item = event.dataTransfer.items[0];
    if (event.dataTransfer.files.length > 1) {
      fail({ text: "Drop one thing: a zip, or the folder that holds the folders of the classes." });
      return;
    }
    const entry = item && item.webkitGetAsEntry && item.webkitGetAsEntry();
    const file = event.dataTransfer.files[0];
    if (entry && entry.isDirectory) {
      show("Reading " + entry.name, 0, 1);
      walk(entry, "", []).then(function (found) { return sendFolder(entry.name, found); }).catch(fail);
    } else if (file) sendFile(file);
  });
})();
