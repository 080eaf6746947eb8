// Filters and sorts the findings that stand in the page; without it they all stand there, worst first.
(() => {
  const table = document.getElementById("findings");
  if (!table) return;
  const body = table.tBodies[0];
  const rows = [...body.rows];
  rows.forEach((row, at) => { row.at = at; });
  const controls = document.getElementById("controls");
  const [search, severity, state, rule, count] =
    ["search", "severity", "state", "rule", "count"].map((id) => document.getElementById(id));
  controls.hidden = false;
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
    body.append(...order);
  });
  for (const input of [search, severity, state, rule]) input.addEventListener("input", filter);
  filter();
})();
