// Draws each chart from the table that stands behind it; without a script the table remains.
"use strict";

(() => {
  const colour = (name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();
  const rows = (table) => [...table.tBodies[0].rows];
  const column = (table, at) => rows(table).map((row) => Number(row.cells[at].dataset.value));
  const heads = (table) => [...table.tHead.rows[0].cells];

  const drawn = (box) => {
    const table = document.getElementById(box.dataset.chart);
    const names = heads(table).map((cell) => cell.textContent);
    const unit = heads(table)[1].dataset.unit;
    const number = new Intl.NumberFormat(box.dataset.language);
    const ticks = rows(table).map((row) => row.cells[0].dataset.tick);
    const sent = column(table, 1), dead = column(table, 2);
    const most = Math.max(...sent, ...dead, 1);
    const labels = rows(table).map((row) => row.cells[0].textContent);
    const grid = { stroke: colour("--line"), width: 1 };
    const axis = { stroke: colour("--muted"), grid, ticks: grid, font: "12px system-ui" };
    const options = {
      width: box.clientWidth, height: 220, padding: [10, 12, 0, 0],
      cursor: { y: false, drag: { x: false, y: false } },
      scales: { x: { time: false, range: [-0.5, ticks.length - 0.5] }, y: { range: [0, most * 1.08] } },
      series: [
        { label: names[0], value: (_, at) => labels[at] ?? "–" },
        { label: names[1], stroke: colour("--chart-1"), fill: colour("--chart-1") + "99", width: 1,
          paths: uPlot.paths.bars({ size: [0.72, 40] }), points: { show: false },
          value: (_, count) => (count === null ? "–" : number.format(count)) },
        { label: names[2], stroke: colour("--chart-2"), width: 2, dash: [5, 3], points: { show: false },
          value: (_, count) => (count === null ? "–" : number.format(count)) },
      ],
      axes: [
        { ...axis, space: 64, incrs: [1, 2, 3, 6, 12, 24, 48, 72, 168], values: (_, ats) => ats.map((at) => ticks[at] ?? "") },
        { ...axis, size: 62, label: unit, labelSize: 20, labelFont: "12px system-ui",
          incrs: [1, 2, 5, 10, 20, 50, 100, 200, 500, 1e3, 2e3, 5e3, 1e4, 2e4, 5e4, 1e5, 2e5, 5e5, 1e6],
          values: (_, counts) => counts.map((count) => number.format(count)) },
      ],
    };
    box.replaceChildren();
    return new uPlot(options, [ticks.map((_, at) => at), sent, dead], box);
  };

  const boxes = [...document.querySelectorAll("[data-chart]")];
  const draw = () => boxes.forEach(drawn);
  draw();
  let width = window.innerWidth;
  window.addEventListener("resize", () => {
    if (window.innerWidth !== width) { width = window.innerWidth; draw(); }
  });
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", draw);
})();
