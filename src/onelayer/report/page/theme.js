// The theme: as the system has it, until the reader chooses.

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
