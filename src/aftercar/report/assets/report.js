"use strict";
// Draws the figures and serves the buttons. Text from the data is only ever set as text, never as HTML.
(() => {
  const data = JSON.parse(document.getElementById("aftercar-figures").textContent);
  const main = document.querySelector("main");
  const tip = document.getElementById("tip");
  const drawn = new Map();

  // In place of the library's tooltip, which needs inline styles and HTML.
  const showTip = (handler, event, item, value) => {
    if (value === null || value === undefined || value === "") { tip.hidden = true; return; }
    tip.textContent = String(value);
    tip.hidden = false;
    const box = tip.getBoundingClientRect();
    tip.style.left = Math.max(4, Math.min(event.clientX + 12, window.innerWidth - box.width - 4)) + "px";
    const below = event.clientY + 14;
    tip.style.top = (below + box.height > window.innerHeight ? Math.max(4, event.clientY - box.height - 10) : below) + "px";
  };

  // `ast` lets the library interpret its expressions instead of compiling them, so that the page forbids eval.
  const options = { ast: true, actions: false, renderer: "svg", defaultStyle: false, config: data.config, tooltip: showTip };

  // What a reader has chosen beside a figure, by parameter.
  const chosen = (name) => {
    const values = {};
    for (const one of document.querySelectorAll(`[data-param][data-of="${CSS.escape(name)}"]`)) {
      const param = one.dataset.param;
      if (one.dataset.kind === "switch") values[param] = one.checked;
      else if (one.dataset.kind === "one") values[param] = Number(one.value);
      else {
        values[param] ||= [];
        if (one.checked) values[param].push(Number(one.value));
      }
    }
    return values;
  };

  const sized = (name, width) => {
    const figure = data.figures[name], values = chosen(name);
    const spec = structuredClone(width < data.narrow_below ? figure.narrow : figure.wide);
    spec.datasets = { ...structuredClone(figure.shared), ...spec.datasets };
    for (const param of spec.params || []) if (param.name in values) param.value = values[param.name];
    for (const view of spec.hconcat || [spec]) {
      if (view.name === data.plot) view.width = Math.max(120, width - figure.side);
    }
    return spec;
  };

  // Hidden elements have no width, so that it is taken from the page.
  const available = (canvas) => {
    const style = getComputedStyle(main);
    const inner = main.clientWidth - parseFloat(style.paddingLeft) - parseFloat(style.paddingRight);
    const frame = canvas.closest("details.strategy");
    const border = frame ? 2 * parseFloat(getComputedStyle(frame).paddingLeft) + 2 : 0;
    return Math.min(data.width, Math.floor(inner - border));
  };

  // One drawing at a time in a place: what is asked for meanwhile is drawn afterwards, so that the last choice stands.
  const busy = new Map();
  const draw = async (canvas, again = false) => {
    if (busy.has(canvas)) { busy.set(canvas, true); return; }
    busy.set(canvas, again);
    do {
      const anew = busy.get(canvas);
      busy.set(canvas, false);
      await drawOnce(canvas, anew);
    } while (busy.get(canvas));
    busy.delete(canvas);
  };

  const drawOnce = async (canvas, again) => {
    const width = available(canvas);
    const before = drawn.get(canvas);
    if (before && before.width === width && !again) return;
    drawn.set(canvas, { width });
    try {
      if (before && before.result) before.result.finalize();
      const result = await vegaEmbed(canvas, sized(canvas.dataset.figure, width), options);
      drawn.set(canvas, { width, result });
      const svg = canvas.querySelector("svg");
      if (svg) svg.setAttribute("aria-hidden", "true");
      canvas.dataset.drawn = "yes";
    } catch (error) {
      canvas.dataset.drawn = "failed";
      canvas.textContent = "The picture could not be drawn (" + error.message + "); its data stand in the table below.";
    }
  };

  const drawAll = async () => {
    const canvases = [...document.querySelectorAll(".canvas")];
    const visible = canvases.filter((canvas) => canvas.offsetParent !== null);
    const hidden = canvases.filter((canvas) => canvas.offsetParent === null);
    for (const canvas of [...visible, ...hidden]) {
      await draw(canvas);
      await new Promise((resolve) => setTimeout(resolve));
    }
    document.body.dataset.drawn = "yes";
  };

  const save = (name, content, type) => {
    const link = document.createElement("a");
    link.href = typeof content === "string" && content.startsWith("data:") ? content : URL.createObjectURL(new Blob([content], { type }));
    link.download = name;
    link.click();
    if (link.href.startsWith("blob:")) setTimeout(() => URL.revokeObjectURL(link.href), 10000);
  };

  const saveFigure = async (name, kind) => {
    if (kind === "csv") {
      const rows = [...document.querySelectorAll(`table[data-table="${CSS.escape(name)}"] tr`)];
      // A cell that starts like a formula is quoted with ', so that a spreadsheet does not run it.
      const cell = (one) => {
        const text = one.textContent.trim();
        return '"' + (/^[=+@\t\r]|^-[^\d.]/.test(text) ? "'" + text : text).replaceAll('"', '""') + '"';
      };
      save(name + ".csv", "\ufeff" + rows.map((row) => [...row.children].map(cell).join(",")).join("\r\n") + "\r\n", "text/csv");
      return;
    }
    const { view, finalize } = await vegaEmbed(document.createElement("div"), sized(name, data.saved_width), options);
    if (kind === "svg") save(name + ".svg", await view.toSVG(), "image/svg+xml");
    else save(name + ".png", await view.toImageURL("png", 3), "image/png");
    finalize();
  };

  const sortBy = (header) => {
    const table = header.closest("table");
    const body = table.tBodies[0];
    const index = [...header.parentElement.children].indexOf(header);
    const falling = header.getAttribute("aria-sort") === (header.dataset.kind === "text" ? "ascending" : "descending")
      ? header.dataset.kind === "text" : header.dataset.kind !== "text";
    const value = (row) => Number(row.children[index].dataset.value);
    const rows = [...body.rows].sort((a, b) => (falling ? value(b) - value(a) : value(a) - value(b)));
    for (const other of header.parentElement.children) other.removeAttribute("aria-sort");
    header.setAttribute("aria-sort", falling ? "descending" : "ascending");
    body.append(...rows);
  };

  const filterConflicts = () => {
    const shown = new Set([...document.querySelectorAll("input[data-severity]:checked")].map((box) => box.dataset.severity));
    for (const row of document.querySelectorAll("#conflict-table tbody tr")) row.hidden = !shown.has(row.dataset.severity);
  };

  const search = (text) => {
    const wanted = text.trim().toLowerCase();
    let count = 0;
    for (const frame of document.querySelectorAll("details.strategy")) {
      let hits = 0;
      for (const row of frame.querySelectorAll("table.searchable tbody tr")) {
        const hit = row.textContent.toLowerCase().includes(wanted);
        row.hidden = wanted !== "" && !hit;
        if (hit) hits += 1;
      }
      if (wanted !== "") {
        frame.open = hits > 0;
        const inner = frame.querySelector("table.searchable");
        if (hits > 0 && inner) inner.closest("details").open = true;
      }
      frame.hidden = wanted !== "" && hits === 0;
      count += hits;
    }
    document.getElementById("found").textContent = wanted === "" ? "" : count + (count === 1 ? " figure" : " figures");
  };

  const openTarget = () => {
    const name = decodeURIComponent(location.hash.slice(1));
    const target = name && document.getElementById(name);
    if (!target) return;
    for (let node = target; node; node = node.parentElement) if (node.tagName === "DETAILS") node.open = true;
    target.scrollIntoView();
  };

  const copy = async (button) => {
    try {
      await navigator.clipboard.writeText(button.dataset.copy);
      button.textContent = "Copied";
    } catch {
      getSelection().selectAllChildren(button.previousElementSibling);
      button.textContent = "Press Ctrl+C";
    }
  };

  document.addEventListener("click", (event) => {
    const button = event.target.closest("button");
    if (!button) return;
    if (button.dataset.save) saveFigure(button.dataset.of, button.dataset.save);
    else if (button.dataset.all) for (const one of document.querySelectorAll("details.strategy")) one.open = button.dataset.all === "open";
    else if (button.dataset.copy) copy(button);
    else if (button.dataset.embedded) save(button.dataset.embedded + ".json", document.getElementById(button.dataset.embedded).textContent, "application/json");
    else if (button.parentElement.tagName === "TH") sortBy(button.parentElement);
  });
  document.addEventListener("change", (event) => {
    const { severity, param, of } = event.target.dataset;
    if (severity) filterConflicts();
    if (param) draw(document.querySelector(`.canvas[data-figure="${CSS.escape(of)}"]`), true);
  });
  document.addEventListener("scroll", () => { tip.hidden = true; }, { passive: true });
  document.addEventListener("input", (event) => { if (event.target.id === "search") search(event.target.value); });
  window.addEventListener("hashchange", openTarget);
  let waiting;
  window.addEventListener("resize", () => { clearTimeout(waiting); waiting = setTimeout(drawAll, 200); });

  // On paper everything is open; afterwards each part is as it was.
  let closed = [];
  window.addEventListener("beforeprint", () => {
    closed = [...document.querySelectorAll("main details:not(.data):not([open])")];
    for (const one of closed) one.open = true;
  });
  window.addEventListener("afterprint", () => { for (const one of closed) one.open = false; });

  openTarget();
  drawAll();
})();
