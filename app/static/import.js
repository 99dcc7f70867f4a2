// The name of the file that was chosen stands where a browser would write it.
(() => {
  const input = document.querySelector(".file-input input");
  if (!input) return;
  const name = document.querySelector(".file-input .file-name"), none = name.textContent;
  const tell = () => { name.textContent = input.files.length ? input.files[0].name : none; };
  input.addEventListener("change", tell);
  tell();
})();

// Waits for the check of a file: asks whether it is done, and shows the page anew when it is.
(() => {
  const page = document.querySelector("[data-wait-for]");
  if (!page) return;
  const look = async () => {
    try {
      const answer = await fetch(page.dataset.waitFor, { headers: { Accept: "application/json" } });
      const told = answer.redirected || !answer.headers.get("Content-Type").startsWith("application/json") ? null : await answer.json();
      if (!told || told.is_done) return location.reload();
    } catch {
      // the server may be starting anew: look again
    }
    setTimeout(look, 1000);
  };
  setTimeout(look, 1000);
})();
