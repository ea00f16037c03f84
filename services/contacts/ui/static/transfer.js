// Imports and exports: how far an upload is, and which questions go with what is exported.
(function () {
  'use strict';
  document.addEventListener('htmx:xhr:progress', (event) => {
    const form = event.target.closest('[data-upload]');
    if (!form || !event.detail.lengthComputable) return;
    const progress = form.querySelector('[data-upload-progress]');
    progress.hidden = false;
    progress.value = (100 * event.detail.loaded) / event.detail.total;
  });
  function fit() {
    for (const form of document.querySelectorAll('[data-export]')) {
      const of = form.elements.of.value;
      for (const part of form.querySelectorAll('[data-for]')) part.hidden = !part.dataset.for.split(' ').includes(of);
    }
  }
  document.addEventListener('change', (event) => { if (event.target.name === 'of') fit(); });
  document.addEventListener('htmx:afterSettle', fit);
  fit();
})();
