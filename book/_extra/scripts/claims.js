// Filters the table of claims by section, verdict and words. Without it the whole table is there.
const form = document.querySelector("form.claims-filter");
const rows = [...document.querySelectorAll("table.claims tbody tr")];
const words = form.querySelector("input");

function filter() {
  const chosen = [...form.querySelectorAll("select")].filter((select) => select.value);
  const wanted = words.value.toLowerCase().split(/\s+/).filter(Boolean);
  for (const row of rows) {
    const text = row.textContent.toLowerCase();
    row.hidden =
      chosen.some((select) => row.dataset[select.dataset.column] !== select.value) ||
      wanted.some((word) => !text.includes(word));
  }
  const shown = rows.filter((row) => !row.hidden).length;
  form.querySelector("[role=status]").textContent = `${shown} of ${rows.length} claims`;
}

form.addEventListener("input", filter);
form.addEventListener("submit", (event) => event.preventDefault());
form.hidden = false;
filter();
