// What somebody types into the filters while the server makes their rows anew is not lost.
(function () {
  'use strict';
  const typed = new Map();
  const rows = () => document.querySelectorAll('#filters .filter-row').length;
  let before = 0;

  document.addEventListener('htmx:beforeRequest', (event) => {
    if (event.detail.target.id !== 'filters') return;
    typed.clear();
    before = rows();
  });
  document.addEventListener('input', (event) => {
    if (event.target.matches('#filters .value input:not([type=checkbox])')) typed.set(event.target.id, event.target.value);
  });
  document.addEventListener('htmx:afterSwap', (event) => {
    if (event.detail.target.id !== 'filters' || rows() < before) return;
    for (const [id, value] of typed) {
      const input = document.getElementById(id);
      if (input && input.matches('input')) input.value = value;
    }
  });
})();
