// Before the page is drawn: light or dark, as chosen here, else as the system says.
(function () {
  let chosen = null;
  try { chosen = localStorage.getItem('spoor-theme'); } catch { /* not kept */ }
  const dark = chosen ? chosen === 'dark' : matchMedia('(prefers-color-scheme: dark)').matches;
  document.documentElement.classList.toggle('dark', dark);
})();
