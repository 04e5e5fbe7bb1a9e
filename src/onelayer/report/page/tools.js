// What the other files share; they make up one function, in the order of page.py.

const root = document.documentElement;
const read = (id) => JSON.parse(document.getElementById(id).textContent);
const made = (tag, properties = {}, ...children) => {
  const element = Object.assign(document.createElement(tag), properties);
  element.append(...children);
  return element;
};
