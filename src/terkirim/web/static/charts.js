// Draws each chart from the table that stands behind it; without a script the table remains.
// A column says how it is drawn: bars, line, dashes, or edge (two edges have a band between them).
"use strict";

(() => {
  const colour = (name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();
  const rows = (table) => [...table.tBodies[0].rows];
  const counted = (text) => (text === "" ? null : Number(text));
  const column = (table, at) => rows(table).map((row) => counted(row.cells[at].dataset.value));
  const heads = (table) => [...table.tHead.rows[0].cells];

  const locale = (box) => (box.dataset.language === "en" ? "en-GB" : box.dataset.language);

  // Rows with an instant stand where it is; all others stand side by side.
  const across = (table, language) => {
    const firsts = rows(table).map((row) => row.cells[0]);
    const labels = firsts.map((cell) => cell.textContent);
    if (firsts.every((cell) => cell.dataset.at)) {
      const instants = firsts.map((cell) => Number(cell.dataset.at));
      const day = new Intl.DateTimeFormat(language, { day: "numeric", month: "short", timeZone: table.dataset.zone });
      const hour = new Intl.DateTimeFormat(language, { hour: "2-digit", minute: "2-digit", timeZone: table.dataset.zone });
      const tick = (at, step) => (step < 86400 && at % 86400 ? hour : day).format(at * 1000);
      return { places: instants, labels, isTime: true, values: (_, ats, __, ___, step) => ats.map((at) => tick(at, step)) };
    }
    const ticks = firsts.map((cell) => cell.dataset.tick);
    return { places: ticks.map((_, at) => at), labels, isTime: false, values: (_, ats) => ats.map((at) => ticks[at] ?? "") };
  };

  const look = (cell, value) => {
    const ink = colour(cell.dataset.colour);
    const common = { label: cell.textContent, stroke: ink, width: 2, points: { show: false }, value };
    if (cell.dataset.draw === "bars") {
      return { ...common, width: 1, fill: ink + "99", paths: uPlot.paths.bars({ size: [0.72, 40] }) };
    }
    if (cell.dataset.draw === "dashes") return { ...common, dash: [5, 3] };
    return cell.dataset.draw === "edge" ? { ...common, width: 1, dash: [2, 3] } : common;
  };

  const bands = (cells) => {
    const edges = cells.map((cell, at) => (cell.dataset.draw === "edge" ? at : 0)).filter(Boolean);
    return edges.length === 2 ? [{ series: [edges[1], edges[0]], fill: colour(cells[edges[0]].dataset.colour) + "22" }] : [];
  };

  const drawn = (box) => {
    const table = document.getElementById(box.dataset.chart);
    const cells = heads(table);
    const number = new Intl.NumberFormat(locale(box));
    const { places, labels, isTime, values } = across(table, locale(box));
    const columns = cells.slice(1).map((_, at) => column(table, at + 1));
    const most = Math.max(...columns.flat(), 1);
    const grid = { stroke: colour("--line"), width: 1 };
    const axis = { stroke: colour("--muted"), grid, ticks: grid, font: "12px system-ui" };
    const value = (_, count) => (count === null ? "–" : number.format(count));
    const sideBySide = { time: false, range: [-0.5, places.length - 0.5] };
    const options = {
      width: box.clientWidth, height: Number(box.dataset.height ?? 220), padding: [10, 28, 0, 0],
      cursor: { y: false, drag: { x: false, y: false } },
      scales: { x: isTime ? { time: false } : sideBySide, y: { range: [0, most * 1.08] } },
      series: [
        { label: cells[0].textContent, value: (_, __, ___, at) => labels[at] ?? "–" },
        ...cells.slice(1).map((cell) => look(cell, value)),
      ],
      bands: bands(cells),
      axes: [
        { ...axis, space: 64, values,
          incrs: isTime ? [3600, 10800, 21600, 43200, 86400, 172800, 604800, 1209600, 2592000] : [1, 2, 3, 6, 12, 24, 48, 72, 168] },
        { ...axis, size: 62, label: cells[1].dataset.unit, labelSize: 20, labelFont: "12px system-ui",
          incrs: [1, 2, 5, 10, 20, 50, 100, 200, 500, 1e3, 2e3, 5e3, 1e4, 2e4, 5e4, 1e5, 2e5, 5e5, 1e6, 2e6, 5e6, 1e7],
          values: (_, counts) => counts.map((count) => number.format(count)) },
      ],
    };
    box.replaceChildren();
    return new uPlot(options, [places, ...columns], box);
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
