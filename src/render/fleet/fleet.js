// Sorts tables and searches repositories; without it everything stands there, the worst first.
(() => {
  const value = (cell) => {
    if (!cell) return "";
    return cell.dataset.v === undefined ? cell.textContent.trim().toLowerCase() : Number(cell.dataset.v);
  };
  for (const table of document.querySelectorAll("table.sorted")) {
    const head = table.tHead.rows[0];
    for (const th of head.cells) {
      const button = document.createElement("button");
      button.type = "button";
      button.append(...th.childNodes);
      th.append(button);
    }
    head.addEventListener("click", (event) => {
      const th = event.target.closest("th");
      if (!th) return;
      const body = table.tBodies[0];
      const rows = [...body.rows];
      rows.forEach((row, at) => { row.at ??= at; });
      // Numbers begin with the greatest.
      const number = typeof value(rows[0]?.cells[th.cellIndex]) === "number";
      const now = th.getAttribute("aria-sort");
      const up = now ? now !== "ascending" : !number;
      for (const other of head.cells) other.removeAttribute("aria-sort");
      th.setAttribute("aria-sort", up ? "ascending" : "descending");
      const keys = new Map(rows.map((row) => [row, value(row.cells[th.cellIndex])]));
      rows.sort((a, b) => {
        const [x, y] = [keys.get(a), keys.get(b)];
        return (x < y ? -1 : x > y ? 1 : 0) * (up ? 1 : -1) || a.at - b.at;
      });
      body.append(...rows);
    });
  }
  const repositories = [...document.querySelectorAll(".repository")];
  const [controls, search, count] = ["controls", "search", "count"].map((id) => document.getElementById(id));
  controls.hidden = false;
  const show = () => {
    const words = search.value.toLowerCase().split(/\s+/).filter(Boolean);
    let shown = 0;
    for (const one of repositories) {
      one.words ??= one.textContent.toLowerCase();
      one.hidden = !words.every((word) => one.words.includes(word));
      shown += !one.hidden;
    }
    count.textContent = `${shown} of ${repositories.length}`;
  };
  search.addEventListener("input", show);
  count.textContent = `${repositories.length} of ${repositories.length}`;
  const open = () => {
    const target = /^#r\d+$/.test(location.hash) && document.getElementById(location.hash.slice(1));
    if (target) target.open = true;
  };
  addEventListener("hashchange", open);
  open();
})();
