// Contacts: tabs of a form, help for the search while one types, and what was typed is not lost by a wrong click.
(function () {
  'use strict';
  // --- tabs: all panels are in the form, one is shown; with an error that one -------
  function open(tab) {
    for (const other of tab.parentElement.querySelectorAll('[role=tab]')) {
      const isOpen = other === tab;
      other.setAttribute('aria-selected', String(isOpen));
      other.tabIndex = isOpen ? 0 : -1;
      document.getElementById(other.getAttribute('aria-controls')).hidden = !isOpen;
    }
  }
  function begin() {
    for (const tabs of document.querySelectorAll('[data-tabs]:not([data-begun])')) {
      tabs.dataset.begun = '1';
      const all = [...tabs.querySelectorAll('[role=tab]')];
      const wrong = all.find((tab) => document.getElementById(tab.getAttribute('aria-controls')).querySelector('[aria-invalid]'));
      open(wrong || all[0]);
      tabs.addEventListener('click', (event) => { if (event.target.matches('[role=tab]')) open(event.target); });
      tabs.addEventListener('keydown', (event) => {
        const step = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
        if (!step) return;
        const next = all[(all.indexOf(document.activeElement) + step + all.length) % all.length];
        open(next);
        next.focus();
      });
    }
  }
  document.addEventListener('htmx:afterSettle', begin);
  begin();

  // --- a form that was changed asks before it is left ------------------------------
  let isChanged = false;
  document.addEventListener('input', (event) => { if (event.target.closest('[data-kept]')) isChanged = true; });
  document.addEventListener('submit', () => { isChanged = false; });
  document.addEventListener('htmx:beforeRequest', (event) => { if (event.target.matches('form')) isChanged = false; });
  window.addEventListener('beforeunload', (event) => { if (isChanged) event.preventDefault(); });

  // --- help for the search ----------------------------------------------------------
  const search = document.getElementById('search');
  const help = document.getElementById('search-help');
  if (!search || !help) return;
  const options = () => [...help.querySelectorAll('[role=option]')];
  const shown = (is) => { help.hidden = !is; search.setAttribute('aria-expanded', String(is)); if (!is) search.removeAttribute('aria-activedescendant'); };
  let isDone = false; // a whole word was chosen: quiet until somebody types on
  function choose(option) {
    isDone = option.dataset.value.endsWith(' ');
    const before = search.value.replace(/(?:[^\s"]|"[^"]*"?)*$/, '');
    search.value = before + option.dataset.value;
    search.focus();
    shown(false);
    search.dispatchEvent(new Event('input', { bubbles: true }));
  }
  search.addEventListener('focus', () => shown(options().length > 0));
  document.addEventListener('htmx:afterSwap', (event) => { if (event.detail.target === help) shown(!isDone && options().length > 0 && document.activeElement === search); });
  search.addEventListener('blur', () => setTimeout(() => shown(false), 150));
  help.addEventListener('mousedown', (event) => {
    const option = event.target.closest('[role=option]');
    if (option) { event.preventDefault(); choose(option); }
  });
  search.addEventListener('keydown', (event) => {
    if (event.key.length === 1) isDone = false;
    const all = options();
    const at = all.findIndex((option) => option.getAttribute('aria-selected') === 'true');
    if (event.key === 'Escape' && !help.hidden) { shown(false); event.preventDefault(); }
    if ((event.key === 'Enter' || event.key === 'Tab') && at >= 0 && !help.hidden) { event.preventDefault(); choose(all[at]); }
    const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
    if (!step || all.length === 0) return;
    event.preventDefault();
    shown(true);
    const next = all[(at + step + all.length) % all.length];
    for (const option of all) option.setAttribute('aria-selected', String(option === next));
    search.setAttribute('aria-activedescendant', next.id);
    next.scrollIntoView({ block: 'nearest' });
  });
})();
