// Imports: how far an upload is.
(function () {
  'use strict';
  document.addEventListener('htmx:xhr:progress', (event) => {
    const form = event.target.closest('[data-upload]');
    if (!form || !event.detail.lengthComputable) return;
    const progress = form.querySelector('[data-upload-progress]');
    progress.hidden = false;
    progress.value = (100 * event.detail.loaded) / event.detail.total;
  });
})();
