// Draws each [data-chart] from its data-series with chartkick, in the colours of the theme; a bar leads to the list behind it.
"use strict";
{
  const KINDS = { column: "ColumnChart", bar: "BarChart", line: "LineChart", area: "AreaChart", pie: "PieChart" };
  // Told apart without seeing red from green: after Okabe and Ito, made to stand on light and on dark ground.
  const COLOURS = {
    light: ["#2463c9", "#e08b00", "#0d8f73", "#b8579a", "#54a8dc", "#c4481c", "#7a6a1f", "#68748a", "#8b6ad0", "#1b4b73", "#b9a13c", "#a9b3c1"],
    dark: ["#7aa8ff", "#f2b24a", "#43c3a2", "#df8cc4", "#8fd0f5", "#f2835c", "#c9b765", "#9aa6b8", "#b79bf2", "#5a93c9", "#e5d57e", "#66727f"],
  };
  const system = matchMedia("(prefers-color-scheme: dark)");

  function isDark() {
    const chosen = document.documentElement.dataset.theme;
    return chosen ? chosen === "dark" : system.matches;
  }

  // What the figures beside a picture lead to: name of a group -> the address for each series.
  function linksOf(place) {
    const drawn = JSON.parse(place.dataset.drawn || "[]");
    const rows = place.parentElement.querySelectorAll("tbody tr");
    const addresses = (row) => [...row.querySelectorAll("td")].map((cell) => cell.querySelector("a")?.href);
    return new Map([...rows].map((row) => [row.querySelector("th")?.textContent, drawn.map((at) => addresses(row)[at])]));
  }

  function draw() {
    const style = getComputedStyle(document.documentElement);
    const [text, line, surface] = ["--muted", "--line", "--surface"].map((name) => style.getPropertyValue(name).trim());
    const colours = COLOURS[isDark() ? "dark" : "light"];
    const number = new Intl.NumberFormat(document.documentElement.lang);
    document.querySelectorAll("[data-chart]").forEach((place) => {
      const { chart: kind, unit = "" } = place.dataset;
      const series = JSON.parse(place.dataset.series);
      const links = linksOf(place);
      const isSplit = series.length > 1 && series[0].data !== undefined;
      const isAcross = kind === "bar";
      const isLine = kind === "line";
      const labels = isAcross && series[0]?.data ? series[0].data.length : 0;
      if (series.length > 6 && innerWidth < 700) place.style.height = "400px"; // room for the legend
      if (labels) place.style.height = `${Math.max(200, 26 * labels + 70)}px`;
      const words = { color: text, maxRotation: 0, autoSkipPadding: 8 };
      const said = (value) => number.format(value) + (unit ? ` ${unit}` : "");
      const names = { ticks: isAcross ? { color: text, autoSkip: false } : words, grid: { display: false }, border: { color: line } };
      const values = { ticks: { ...words, precision: unit ? undefined : 0, maxTicksLimit: 6, callback: (value) => number.format(value) }, grid: { color: line }, border: { display: false },
                       title: { display: Boolean(unit), text: unit, color: text, font: { size: 12 } } };
      const behind = (elements, chart) => elements.length && links.get(chart.data.labels[elements[0].index])?.[elements[0].datasetIndex];
      const chart = new Chartkick[KINDS[kind] || KINDS.column](place, series, {
        colors: colours,
        discrete: true,
        stacked: isSplit && !isLine,
        legend: isSplit || kind === "pie" ? "bottom" : false,
        dataset: isLine ? { borderWidth: 2, pointRadius: 2.5, tension: 0, lineTension: 0 } : { borderWidth: isSplit ? 0.5 : 0, borderColor: surface, maxBarThickness: 36 },
        curve: false,
        empty: place.dataset.empty,
        library: {
          animation: false,
          maintainAspectRatio: false,
          onClick: (_event, elements, drawn) => { const url = behind(elements, drawn); if (url) location.assign(url); },
          onHover: (event, elements, drawn) => { event.native.target.style.cursor = behind(elements, drawn) ? "pointer" : ""; },
          plugins: {
            legend: { labels: { color: text, boxWidth: 12, boxHeight: 12, padding: 10 } },
            tooltip: { callbacks: { label: (it) => `${isSplit ? `${it.dataset.label}: ` : ""}${said(it.raw)}` } },
          },
          scales: kind === "pie" ? undefined : isAcross ? { y: names, x: values } : { x: names, y: values },
        },
      });
      const drawn = chart.getChartObject();
      if (!drawn || kind === "pie") return;
      drawn.data.datasets.forEach((set, at) => { // chartkick makes them see-through
        set.backgroundColor = colours[at % colours.length];
        if (isLine) set.borderColor = set.pointBackgroundColor = colours[at % colours.length];
      });
      drawn.update();
    });
  }
  document.addEventListener("DOMContentLoaded", draw);
  document.addEventListener("theme", draw);
  system.addEventListener("change", draw);
  for (const when of ["beforeprint", "afterprint"]) addEventListener(when, () => Object.values(Chart.instances).forEach((drawn) => drawn.resize()));
}
