// What the cells of a table are: numbers, words, or missing.

const DIGITS = 5;
const missing = (value) => value === null || value === "";
const asNumber = (value) => (typeof value === "number" ? value : String(value).trim() === "" ? NaN : Number(value));
const rounded = (value) => {
  if (typeof value !== "number") return value;
  const exact = String(value);
  if ((Number.isInteger(value) && Math.abs(value) < 1e10) || exact.replace(/^-?0[.]0*|^-|e.*$|[.]/g, "").length <= DIGITS) return exact;
  const size = Math.abs(value);
  return size >= 1e-4 && size < 1e6 ? value.toPrecision(DIGITS) : value.toExponential(DIGITS - 1);
};

// numbers by their size, before words; what is missing comes last in either direction
const ordered = (rows, index, direction) => {
  const keyed = rows.map((row) => [row, row[index], missing(row[index]) ? NaN : asNumber(row[index])]);
  const words = new Intl.Collator(undefined, { numeric: true }).compare;
  keyed.sort(([, a, x], [, b, y]) => {
    if (missing(a) || missing(b)) return missing(a) - missing(b);
    if (Number.isNaN(x) !== Number.isNaN(y)) return Number.isNaN(x) - Number.isNaN(y);
    return direction * (Number.isNaN(x) ? words(a, b) : x - y);
  });
  return keyed.map(([row]) => row);
};
