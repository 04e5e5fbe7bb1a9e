// A table that sorts, filters, and shows a page of its rows at a time.

const PAGE = 25; // rows of a table that are shown at a time
const WORD = 20; // characters

const table = (section) => {
  const { columns, rows } = read(section.dataset.rows);
  const [input, note, box, pages] = ["input", ".note", ".scroll", ".pages"].map((one) => section.querySelector(one));
  const numeric = columns.map((_, index) => {
    const present = rows.map((row) => row[index]).filter((cell) => !missing(cell));
    const numbers = present.length > 0 && present.every((cell) => !Number.isNaN(asNumber(cell)));
    return numbers || present.some((cell) => typeof cell === "number"); // a word among them: did not converge
  });
  // what is short stays in one piece, on paper too
  const short = columns.map((_, index) => rows.every((row) => String(row[index] ?? "").length <= WORD));
  const body = made("tbody");
  let kept = rows, sorted = rows, by = null, direction = 1, start = 0;

  const cellOf = (value, index) => {
    const cell = made("td");
    if (missing(value)) return Object.assign(cell, { className: numeric[index] ? "none number" : "none", textContent: "–" });
    const text = String(value);
    cell.dataset.value = text;
    if (columns[index] === "command") {
      const button = made("button", { type: "button", textContent: "Copy" });
      button.addEventListener("click", () => copy(text, button));
      cell.className = "run";
      cell.append(made("div", {}, button, made("code", { textContent: text, title: text })));
      return cell;
    }
    cell.className = numeric[index] ? "number" : short[index] ? "word" : "text";
    cell.textContent = rounded(value);
    if (text !== cell.textContent || text.length > WORD) cell.title = text;
    if (columns[index] === "status") cell.dataset.status = text;
    return cell;
  };

  const draw = (all) => {
    const shown = all ? sorted : sorted.slice(start, start + PAGE);
    body.replaceChildren(...shown.map((row) => made("tr", {}, ...row.map(cellOf))));
    const more = sorted.length > PAGE;
    pages.hidden = !more;
    const [before, text, after] = pages.children;
    text.textContent = `${start + 1}–${Math.min(start + PAGE, sorted.length)} of ${sorted.length}`;
    before.disabled = start === 0;
    after.disabled = start + PAGE >= sorted.length;
    empty.hidden = sorted.length > 0;
  };
  const arrange = () => {
    sorted = by === null ? kept : ordered(kept, by, direction);
    start = 0;
    draw();
  };
  const filter = () => {
    const [test, said] = parsed(input.value, columns);
    kept = rows.filter(test);
    input.setAttribute("aria-invalid", String(said !== ""));
    const counted = kept.length === rows.length ? `${rows.length} rows` : `${kept.length} of ${rows.length} rows`;
    section.toggleAttribute("data-filtered", kept.length < rows.length);
    note.dataset.filter = input.value; // paper has no input
    note.textContent = said ? `${counted}; ${said}` : counted;
    arrange();
  };

  const papers = [draw];
  const heads = columns.map((column, index) => {
    const head = made("th", { scope: "col", className: numeric[index] ? "number" : "" });
    const label = made("span", {}, ...column.split(/(?<=[./])/).flatMap((part) => [part, made("wbr")]));
    const button = made("button", { type: "button" }, label);
    button.addEventListener("click", () => { // up, down, and as it was
      [by, direction] = by !== index ? [index, 1] : direction === 1 ? [index, -1] : [null, 1];
      for (const other of heads) other.removeAttribute("aria-sort");
      if (by !== null) head.setAttribute("aria-sort", direction === 1 ? "ascending" : "descending");
      arrange();
    });
    head.append(button);
    // a browser repeats a heading on each sheet of paper only where there is no button in it
    papers.push((on) => (on ? head.replaceChildren(label) : (button.append(label), head.replaceChildren(button))));
    return head;
  });
  const empty = made("p", { className: "empty", textContent: rows.length ? "No row is like that." : "There are none." });
  const top = made("thead", {}, made("tr", {}, ...heads));
  const element = made("table", {}, top, body);
  element.style.setProperty("--columns", columns.length);
  element.hidden = rows.length === 0;
  box.append(element, empty);
  const turn = (step) => {
    start += step * PAGE;
    draw();
    if (section.getBoundingClientRect().top < 0) section.scrollIntoView();
  };
  pages.children[0].addEventListener("click", () => turn(-1));
  pages.children[2].addEventListener("click", () => turn(1));
  input.addEventListener("input", filter);
  section.querySelector(".tools").hidden = rows.length < 2;
  filter();
  return (on) => papers.forEach((set) => set(on));
};
