// What the pages do beside htmx: dialogs, notes that pass, the choice of rows, light and dark, keys.
(function () {
  'use strict';
  const $ = (id) => document.getElementById(id);

  // --- notes -------------------------------------------------------------
  function say(text, kind) {
    if (!text) return;
    // A page that looks again and again says once what is wrong.
    if (kind === 'error' && [...$('notes').children].some((one) => one.textContent === text)) return;
    const note = document.createElement('p');
    note.className = kind === 'error' ? 'note error' : 'note';
    if (kind === 'error') note.setAttribute('role', 'alert');
    note.textContent = text;
    $('notes').append(note);
    fade(note, kind === 'error' ? 9000 : 4500);
  }
  const fade = (note, after) => setTimeout(() => note.remove(), after);

  document.addEventListener('spoor:say', (event) => say(event.detail.text, event.detail.kind));
  document.addEventListener('htmx:sendError', () => say('The server does not answer.', 'error'));
  document.addEventListener('htmx:responseError', (event) => {
    if (!event.detail.xhr.getResponseHeader('HX-Trigger')) say('This did not work (' + event.detail.xhr.status + ').', 'error');
  });

  // --- dialogs: what is swapped into #dialog-body is shown -----------------
  const dialog = $('dialog');
  const body = $('dialog-body');
  if (dialog) {
    document.addEventListener('htmx:afterSwap', (event) => {
      if (event.detail.target === body && body.firstElementChild && !dialog.open) {
        dialog.showModal();
        const first = body.querySelector('[autofocus], input:not([type=hidden]), select, textarea');
        if (first) first.focus();
      }
    });
    dialog.addEventListener('click', (event) => {
      if (event.target === dialog || event.target.closest('[data-close]')) dialog.close();
    });
    dialog.addEventListener('close', () => body.replaceChildren());
    document.addEventListener('spoor:close', () => dialog.close());
  }

  // --- clicks ---------------------------------------------------------------
  document.addEventListener('click', (event) => {
    const toggle = event.target.closest('[data-toggles]');
    if (toggle) {
      const isOpen = $(toggle.dataset.toggles).classList.toggle('open');
      toggle.setAttribute('aria-expanded', String(isOpen));
    }
    if (event.target.closest('[data-theme-switch]')) {
      const dark = document.documentElement.classList.toggle('dark');
      try { localStorage.setItem('spoor-theme', dark ? 'dark' : 'light'); } catch { /* not kept */ }
    }
    const copy = event.target.closest('[data-copies]');
    if (copy) navigator.clipboard.writeText($(copy.dataset.copies).textContent).then(() => say('Copied.'));
    // A menu closes when something else is clicked, or one of its entries.
    for (const menu of document.querySelectorAll('details.menu[open]')) {
      if (!menu.contains(event.target) || event.target.closest('.menu-items a, .menu-items button')) menu.open = false;
    }
  });

  // --- rows that are chosen ----------------------------------------------------
  // Checkboxes named ids within [data-rows]; [data-all] chooses all of them, [data-chosen] is shown while some are.
  function chosen(list) {
    const boxes = [...list.querySelectorAll('input[name=ids]')];
    const some = boxes.filter((box) => box.checked);
    for (const box of boxes) box.closest('tr, li').toggleAttribute('data-chosen-row', box.checked);
    const all = list.querySelector('[data-all]');
    if (all) {
      all.checked = some.length > 0 && some.length === boxes.length;
      all.indeterminate = some.length > 0 && some.length < boxes.length;
    }
    for (const bar of list.querySelectorAll('[data-chosen]')) bar.hidden = some.length === 0;
    for (const count of list.querySelectorAll('[data-chosen-count]')) count.textContent = String(some.length);
  }
  document.addEventListener('change', (event) => {
    const list = event.target.closest('[data-rows]');
    if (!list) return;
    if (event.target.matches('[data-all]')) {
      for (const box of list.querySelectorAll('input[name=ids]')) box.checked = event.target.checked;
    }
    if (event.target.matches('[data-all], input[name=ids]')) chosen(list);
  });
  document.addEventListener('htmx:afterSettle', () => {
    for (const list of document.querySelectorAll('[data-rows]')) chosen(list);
  });

  // --- inputs that go only with some choices of another input of their form ---------
  function fit() {
    for (const part of document.querySelectorAll('[data-for]')) {
      const chooser = part.closest('form').elements[part.dataset.by];
      part.hidden = Boolean(chooser) && !part.dataset.for.split(' ').includes(chooser.value);
    }
  }
  document.addEventListener('change', fit);
  document.addEventListener('htmx:afterSettle', fit);
  fit();

  // --- searches while one types: a command whose value is still to come waits; Enter asks all the same -----------
  document.addEventListener('htmx:confirm', (event) => {
    const search = event.target.matches('[role=search]') && event.target.querySelector('[type=search]');
    const isTyped = event.detail.triggeringEvent?.type === 'input';
    if (search && isTyped && /(?:^|[\s(])(?:[!+]*\w+:[!+"]*|[!+]+"?)\s*$/.test(search.value)) event.preventDefault();
  });

  // --- tables that are wider than the screen can be scrolled by keyboard -----------
  function reach() {
    for (const wrap of document.querySelectorAll('.table-wrap')) {
      if (wrap.scrollWidth <= wrap.clientWidth) continue;
      wrap.tabIndex = 0;
      wrap.setAttribute('role', 'region');
      wrap.setAttribute('aria-label', 'Table');
    }
  }
  document.addEventListener('htmx:afterSettle', reach);
  reach();

  // --- keys ---------------------------------------------------------------------
  document.addEventListener('keydown', (event) => {
    if (event.key === 'Escape') for (const menu of document.querySelectorAll('details.menu[open]')) menu.open = false;
    if (event.ctrlKey || event.metaKey || event.altKey || event.target.matches('input, textarea, select, [contenteditable]')) return;
    if (event.key === '/') {
      const search = document.querySelector('[data-search]');
      if (search) { event.preventDefault(); search.focus(); search.select(); }
    }
    if (event.key === 'n') {
      const make = document.querySelector('[data-new]');
      if (make) { event.preventDefault(); make.click(); }
    }
  });

  for (const note of document.querySelectorAll('[data-note]')) fade(note, 6000);
})();
