// The live view: holds still where somebody wants to read, and never grows without end.
(function () {
  'use strict';
  const MOST = 300;
  const hold = document.querySelector('[data-hold]');
  hold.addEventListener('click', () => {
    const held = hold.getAttribute('aria-pressed') !== 'true';
    hold.setAttribute('aria-pressed', String(held));
    hold.lastChild.textContent = held ? 'Go on' : 'Hold';
  });
  document.addEventListener('htmx:beforeRequest', (event) => {
    const isHeld = hold.getAttribute('aria-pressed') === 'true' || document.hidden;
    if (event.target.matches('[data-live]') && isHeld) event.preventDefault();
  });
  document.addEventListener('htmx:afterSettle', () => {
    const hits = document.getElementById('hits');
    while (hits.children.length > MOST) hits.lastElementChild.remove();
  });
})();
