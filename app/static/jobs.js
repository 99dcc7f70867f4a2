// Jobs: the badge of each page, which tells when a job has ended, and the progress on the page of a job.
"use strict";
{
  const COOKIE = "switchboard_jobs"; // keys of the jobs that this browser watches, set by the server
  const SLOWEST = 8000; // milliseconds between two questions

  const watched = () => (document.cookie.match(/(?:^|; )switchboard_jobs=([0-9.]*)/)?.[1] || "").split(".").filter(Boolean);
  const watch = (keys) => {
    const secure = location.protocol === "https:" ? "; secure" : "";
    document.cookie = `${COOKIE}=${keys.join(".")}; path=/; samesite=lax${secure}${keys.length ? "" : "; max-age=0"}`;
  };
  const ask = async (url) => {
    const answer = await fetch(url, { headers: { Accept: "application/json" }, redirect: "error" });
    if (!answer.ok) throw new Error(answer.status);
    return answer.json();
  };
  const later = (work, wait) => setTimeout(work, document.hidden ? SLOWEST : wait);

  // --- the badge
  const badge = document.getElementById("jobs-badge");
  const page = document.querySelector("[data-job]");
  let wait = 1000;

  const tell = (job) => {
    const box = document.createElement("div");
    box.className = `alert alert-${job.state === "done" ? "success" : "warning"}`;
    box.setAttribute("role", job.state === "done" ? "status" : "alert");
    const text = document.createElement("span");
    const link = document.createElement("a");
    link.href = job.url;
    link.textContent = job.title;
    text.append(link, ` · ${job.label}${job.text ? `: ${job.text}` : ""}`);
    const close = document.createElement("button");
    close.type = "button";
    close.className = "btn btn-plain";
    close.dataset.dismiss = "";
    close.setAttribute("aria-label", badge.dataset.dismissLabel);
    close.textContent = "×";
    box.append(text, close);
    document.getElementById("main").prepend(box);
  };

  const look = async () => {
    const keys = watched();
    badge.hidden = !keys.length;
    if (!keys.length) return;
    badge.querySelector(".jobs-badge-text").textContent = badge.dataset.label.replace("#", keys.length);
    try {
      const { jobs } = await ask(`${badge.dataset.states}?${keys.map((key) => `id=${key}`).join("&")}`);
      const open = new Set(jobs.filter((job) => job.open).map((job) => String(job.id)));
      const still = watched().filter((key) => open.has(key) || !keys.includes(key));
      watch(still);
      jobs.filter((job) => !job.open && location.pathname !== job.url).forEach(tell);
      badge.hidden = !still.length;
      badge.querySelector(".jobs-badge-text").textContent = badge.dataset.label.replace("#", still.length);
      if (!still.length) return;
    } catch {
      // signed out, or the network is away: it asks again later
    }
    wait = Math.min(wait * 1.3, SLOWEST);
    later(look, wait);
  };
  if (badge) look();

  // --- the page of a job
  if (page) {
    const bar = document.getElementById("job-progress");
    const text = document.getElementById("job-text");
    const follow = async () => {
      try {
        const job = await ask(page.dataset.job);
        if (!job.open) {
          location.reload();
          return;
        }
        if (job.percent === null) bar.removeAttribute("value");
        else bar.value = job.percent;
        text.textContent = job.progress || job.label;
      } catch {
        text.textContent = page.dataset.lost;
      }
      later(follow, 1000);
    };
    later(follow, 500);
  }
}
