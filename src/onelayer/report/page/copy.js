// Copying a command.

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
