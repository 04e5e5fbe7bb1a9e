// All tables of the page, and what they are on paper.

const tables = [...document.querySelectorAll("section.table")].map(table);
// paper has no second page of a table
const print = (on) => {
  for (const set of tables) set(on);
  for (const one of document.querySelectorAll("details")) one.open = on;
};
addEventListener("beforeprint", () => print(true));
addEventListener("afterprint", () => print(false));
matchMedia("print").addEventListener("change", (event) => print(event.matches));
