// Draws each [data-chart] from its data-series with chartkick, in the colours of the theme.
"use strict";
{
  const dark = matchMedia("(prefers-color-scheme: dark)");
  const KINDS = { column: "ColumnChart", bar: "BarChart", line: "LineChart", area: "AreaChart", pie: "PieChart" };
  const COLOURS = {
    light: ["#2f6fce", "#2a9d8f", "#d98a16", "#c2453b", "#7a54c7", "#6b7785", "#3f9b4f", "#b0508f", "#8a6d3b", "#1f4e79", "#e08a7a", "#a3b3c2"],
    dark: ["#7fb0ff", "#57c9bc", "#f0b453", "#f0857b", "#b597f5", "#9aa7b5", "#7fce8d", "#df8fc3", "#c9a86a", "#5a8fd0", "#ffb3a7", "#d0dae4"],
  };

  function draw() {
    const style = getComputedStyle(document.documentElement);
    const [text, line] = ["--muted", "--line"].map((name) => style.getPropertyValue(name).trim());
    const scale = { ticks: { color: text }, grid: { color: line }, border: { color: line } };
    document.querySelectorAll("[data-chart]").forEach((place) => {
      const kind = place.dataset.chart;
      const series = JSON.parse(place.dataset.series);
      const isSplit = series.length > 1 && series[0].data !== undefined;
      const chart = new Chartkick[KINDS[kind] || KINDS.column](place, series, {
        colors: COLOURS[dark.matches ? "dark" : "light"],
        stacked: isSplit && (kind === "column" || kind === "bar"),
        legend: isSplit || kind === "pie" ? "bottom" : false,
        dataset: kind === "line" ? {} : { borderWidth: 0, maxBarThickness: 40 },
        empty: place.dataset.empty,
        thousands: ",",
        library: {
          animation: false,
          plugins: { legend: { labels: { color: text, boxWidth: 12 } } },
          scales: kind === "pie" ? undefined : { x: scale, y: scale },
        },
      });
      const drawn = chart.getChartObject();
      if (!drawn || kind === "pie" || kind === "line") return;
      drawn.data.datasets.forEach((set) => (set.backgroundColor = set.borderColor)); // chartkick makes them see-through
      drawn.update();
    });
  }
  document.addEventListener("DOMContentLoaded", draw);
  dark.addEventListener("change", draw);
}
