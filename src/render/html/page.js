// Filters and sorts the findings that stand in the page; without it they all stand there, worst first.
(() => {
  const table = document.getElementById("findings");
  if (!table) return;
  const bodies = [...table.tBodies];
  const rows = bodies.flatMap((body) => [...body.rows]);
  const each = bodies[0].rows.length;
  rows.forEach((row, at) => { row.at = at; });
  const controls = document.getElementById("controls");
  const [search, severity, state, rule, count] =
    ["search", "severity", "state", "rule", "count"].map((id) => document.getElementById(id));
  controls.hidden = false;
  // How high a body out of sight is taken to be, by its rows.
  const measure = () => {
    for (const body of bodies) {
      const shown = [...body.rows].filter((row) => !row.hidden).length;
      body.hidden = !shown;
      body.style.containIntrinsicSize = `auto ${shown * 76}px`;
    }
  };
  const filter = () => {
    const words = search.value.toLowerCase().split(/\s+/).filter(Boolean);
    let shown = 0;
    for (const row of rows) {
      let fits = (!severity.value || row.dataset.severity === severity.value) &&
        (!state.value || row.dataset.state === state.value) &&
        (!rule.value || row.dataset.rules.split(" ").includes(rule.value));
      if (fits && words.length) {
        row.words ??= row.textContent.toLowerCase();
        fits = words.every((word) => row.words.includes(word));
      }
      row.hidden = !fits;
      shown += fits;
    }
    measure();
    count.textContent = `${shown} of ${rows.length}`;
  };
  const key = (row, column) =>
    column === "0" ? Number(row.dataset.rank) : row.cells[column].textContent.trim().toLowerCase();
  table.tHead.addEventListener("click", (event) => {
    const head = event.target.closest("th");
    if (!head || !event.target.closest("button")) return;
    const up = head.getAttribute("aria-sort") !== "ascending";
    for (const other of table.tHead.rows[0].cells) other.removeAttribute("aria-sort");
    head.setAttribute("aria-sort", up ? "ascending" : "descending");
    const keys = new Map(rows.map((row) => [row, key(row, head.dataset.column)]));
    const order = [...rows].sort((a, b) => {
      const [x, y] = [keys.get(a), keys.get(b)];
      return (x < y ? -1 : x > y ? 1 : 0) * (up ? 1 : -1) || a.at - b.at;
    });
    bodies.forEach((body, at) => body.append(...order.slice(at * each, (at + 1) * each)));
    measure();
  });
  for (const input of [search, severity, state, rule]) input.addEventListener("input", filter);
  count.textContent = `${rows.length} of ${rows.length}`;
})();
