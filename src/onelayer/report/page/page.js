"use strict";

// What a report does in a browser: theme, copying, pointing at figures, and tables that sort and filter.
(() => {
  const PAGE = 25; // rows of a table that are shown at a time
  const DIGITS = 5;
  const WORD = 20; // characters
  const RINGS = [0, 3, 6, 10]; // pixels around the pointer where a thin line is looked for
  const read = (id) => JSON.parse(document.getElementById(id).textContent);
  const made = (tag, properties = {}, ...children) => {
    const element = Object.assign(document.createElement(tag), properties);
    element.append(...children);
    return element;
  };

  // ---- theme: as the system has it, until the reader chooses

  const root = document.documentElement;
  const toggle = document.getElementById("theme");
  const system = matchMedia("(prefers-color-scheme: dark)");
  const isDark = () => (root.dataset.theme ? root.dataset.theme === "dark" : system.matches);
  const named = () => { toggle.textContent = isDark() ? "Light" : "Dark"; };
  try { // a browser may keep nothing for files
    const kept = localStorage.getItem("onelayer-theme");
    if (kept === "dark" || kept === "light") root.dataset.theme = kept;
  } catch { /* the system decides */ }
  toggle.addEventListener("click", () => {
    root.dataset.theme = isDark() ? "light" : "dark";
    try { localStorage.setItem("onelayer-theme", root.dataset.theme); } catch { /* until the page is closed */ }
    named();
  });
  system.addEventListener("change", named);
  toggle.hidden = false;
  named();

  // ---- copying a command

  const copy = async (text, button) => {
    try {
      await navigator.clipboard.writeText(text);
    } catch { // not allowed to a page from disk
      const area = made("textarea", { value: text, style: "position:fixed;opacity:0" });
      document.body.append(area);
      area.select();
      document.execCommand("copy");
      area.remove();
      button.focus();
    }
    const label = button.textContent;
    button.textContent = "Copied";
    setTimeout(() => { button.textContent = label; }, 1200);
  };
  for (const button of document.querySelectorAll(".command .copy")) {
    button.hidden = false;
    button.addEventListener("click", () => copy(button.parentElement.querySelector("code").textContent, button));
  }

  // ---- pointing at figures

  const tip = document.getElementById("tip");
  const labels = read("points");

  const say = (text, x, y) => {
    if (tip.textContent !== text) tip.textContent = text;
    tip.hidden = false;
    const { width, height } = tip.getBoundingClientRect();
    const left = Math.max(8, Math.min(x + 14, root.clientWidth - width - 8));
    const top = y - height - 14 > 8 ? y - height - 14 : y + 22;
    tip.style.transform = `translate(${Math.round(left)}px, ${Math.round(top)}px)`;
  };

  const found = (plot, x, y) => {
    for (const radius of RINGS) {
      const steps = radius ? 8 : 1;
      for (let step = 0; step < steps; step++) {
        const angle = (2 * Math.PI * step) / steps;
        const hit = document.elementFromPoint(x + radius * Math.cos(angle), y + radius * Math.sin(angle));
        const point = hit && hit.closest("[data-point]");
        if (point && plot.contains(point)) return point;
      }
    }
    return null;
  };

  for (const plot of document.querySelectorAll(".plot[tabindex]")) {
    const points = [];
    for (const [id, label] of labels[plot.dataset.points]) {
      const element = document.getElementById(id);
      if (!element) continue;
      element.dataset.point = points.length;
      points.push({ element, label });
    }
    let here = null;
    const leave = () => {
      if (here) here.classList.remove("here");
      here = null;
      plot.classList.remove("pointing");
      tip.hidden = true;
    };
    const show = (element, x, y) => {
      if (here !== element) {
        if (here) here.classList.remove("here");
        here = element;
        here.classList.add("here");
        plot.classList.add("pointing");
      }
      say(points[Number(element.dataset.point)].label, x, y);
    };
    const point = (event) => {
      const element = found(plot, event.clientX, event.clientY);
      if (element) show(element, event.clientX, event.clientY);
      else leave();
    };
    plot.addEventListener("pointermove", point);
    plot.addEventListener("pointerdown", point);
    plot.addEventListener("pointerleave", leave);
    plot.addEventListener("blur", leave);
    plot.addEventListener("keydown", (event) => {
      const step = { ArrowRight: 1, ArrowDown: 1, ArrowLeft: -1, ArrowUp: -1 }[event.key];
      if (event.key === "Escape") leave();
      if (!step || !points.length) return;
      event.preventDefault();
      const at = here ? Number(here.dataset.point) + step : step > 0 ? 0 : -1;
      const { element } = points[(at + points.length) % points.length];
      const box = element.getBoundingClientRect();
      show(element, box.x + box.width / 2, box.y + box.height / 2);
    });
  }
  addEventListener("scroll", () => { tip.hidden = true; }, { passive: true });

  // ---- tables

  const missing = (value) => value === null || value === "";
  const asNumber = (value) => (typeof value === "number" ? value : String(value).trim() === "" ? NaN : Number(value));
  const rounded = (value) => {
    if (typeof value !== "number") return value;
    const exact = String(value);
    if ((Number.isInteger(value) && Math.abs(value) < 1e10) || exact.replace(/^-?0[.]0*|^-|e.*$|[.]/g, "").length <= DIGITS) return exact;
    const size = Math.abs(value);
    return size >= 1e-4 && size < 1e6 ? value.toPrecision(DIGITS) : value.toExponential(DIGITS - 1);
  };

  // words, and comparisons of a column with a value: optim=adam lr>0.01 error="no such file"
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

  const tables = [...document.querySelectorAll("section.table")].map(table);
  // paper has no second page of a table
  const print = (on) => {
    for (const set of tables) set(on);
    for (const one of document.querySelectorAll("details")) one.open = on;
  };
  addEventListener("beforeprint", () => print(true));
  addEventListener("afterprint", () => print(false));
  matchMedia("print").addEventListener("change", (event) => print(event.matches));
})();
