// Filtering a table: words, and comparisons of a column with a value: optim=adam lr>0.01 error="no such file".

const TERM = /(?:[^\s"]|"[^"]*")+/g;
const COMPARISON = /^([^=<>!"]+)(!=|<=|>=|=|<|>)(.*)$/s;
const bare = (text) => text.replace(/"/g, "");
const SIGNS = {
  "=": (order) => order === 0, "!=": (order) => order !== 0,
  "<": (order) => order < 0, "<=": (order) => order <= 0, ">": (order) => order > 0, ">=": (order) => order >= 0,
};

const columnOf = (name, columns) => {
  const wanted = name.trim().toLowerCase();
  const exact = columns.findIndex((column) => column.toLowerCase() === wanted);
  if (exact >= 0) return [exact];
  const ends = (column) => [".", "/", " "].some((sign) => column.toLowerCase().endsWith(sign + wanted));
  return columns.flatMap((column, index) => (ends(column) ? [index] : []));
};

// a test of a row for what was typed, and what is to be said of it
const parsed = (text, columns) => {
  const tests = [];
  let note = "";
  for (const term of text.match(TERM) || []) {
    const [, name, sign, typed] = COMPARISON.exec(term) || [];
    const indices = name ? columnOf(name, columns) : [];
    if (indices.length === 1) {
      const value = bare(typed);
      if (value === "" && sign.length === 1 && sign !== "=") continue; // not yet typed to its end
      tests.push(compared(indices[0], sign, value));
    } else if (indices.length > 1) {
      note = `${name}: ${indices.map((index) => columns[index]).join(" or ")}?`;
    } else {
      if (name) note = `no column is called ${name}`;
      const word = bare(term).toLowerCase();
      tests.push((row) => row.some((cell) => !missing(cell) && String(cell).toLowerCase().includes(word)));
    }
  }
  return [(row) => tests.every((test) => test(row)), note];
};

const compared = (index, sign, typed) => {
  const number = asNumber(typed), word = typed.toLowerCase(), holds = SIGNS[sign];
  return (row) => {
    const cell = row[index];
    if (missing(cell) || typed === "") return holds(missing(cell) && typed === "" ? 0 : NaN);
    const value = asNumber(cell);
    if (!Number.isNaN(number) && !Number.isNaN(value)) return holds(value - number);
    const text = String(cell).toLowerCase();
    return holds(text === word ? 0 : text < word ? -1 : 1);
  };
};
