// The page of a contact: its chart, its map, fields that Escape leaves, and renewals that take away nothing typed.
(function () {
  'use strict';
  const each = (selector, what) => document.querySelectorAll(selector).forEach(what);
  const color = (name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();

  // --- the chart: drawn from the table beside it -------------------------------
  function draw(place) {
    const rows = [...document.querySelectorAll('[data-chart-table] tbody tr')].map((row) => [...row.cells].map((cell) => cell.textContent));
    if (!window.uPlot || !rows.length) return;
    place.replaceChildren();
    const now = rows.at(-1); // what the legend tells while no month is pointed at
    const line = (label, name, scale, column, dash) => ({ label, scale, stroke: color(name), width: 2, points: { show: true }, dash, value: (_, number) => number ?? now[column] });
    const axis = { stroke: color('--muted-foreground'), grid: { stroke: color('--border'), width: 1 }, font: '12px Inter, sans-serif' };
    const months = rows.map((row) => row[0]);
    const fits = (_, least, most) => [Math.min(0, least), Math.max(1, most)];
    new uPlot({
      width: place.clientWidth, height: 150,
      scales: { x: { time: false }, y: { range: fits }, points: { range: fits } },
      axes: [{ ...axis, splits: () => months.map((_, i) => i), values: () => (place.clientWidth < 560 ? months.map((month) => month.slice(0, 3)) : months) }, axis, { ...axis, side: 1, scale: 'points', grid: { show: false } }],
      series: [{ label: 'Month', value: (_, i) => months[i] ?? now[0] }, line('Engagements', '--accent-line', 'y', 1), line('Points', '--warn', 'points', 2, [6, 4])],
      cursor: { drag: { x: false, y: false } },
    }, [months.map((_, i) => i), rows.map((row) => Number(row[1])), rows.map((row) => Number(row[2]))], place);
  }
  const drawAll = () => each('[data-chart]', draw);
  let waiting = 0;
  addEventListener('resize', () => { clearTimeout(waiting); waiting = setTimeout(drawAll, 200); });

  // --- the map: fetched when its tab is opened; no request leaves this server -----
  function load(place) {
    const style = document.createElement('link');
    style.rel = 'stylesheet';
    style.href = place.dataset.style;
    document.head.append(style);
    return new Promise((resolve, reject) => {
      const script = document.createElement('script');
      script.src = place.dataset.script;
      script.onload = resolve;
      script.onerror = reject;
      document.head.append(script);
    });
  }
  async function show(place) {
    if (place.dataset.shown) return;
    place.dataset.shown = 'yes';
    if (!window.L) await load(place);
    const world = await (await fetch(place.dataset.world)).json();
    const map = L.map(place, { worldCopyJump: true, minZoom: 1, maxZoom: 9, attributionControl: false }).setView([20, 0], 1);
    L.geoJSON(world, { interactive: false, style: { color: color('--border'), weight: 1, fillColor: color('--card'), fillOpacity: 1 } }).addTo(map);
    const points = [...document.querySelectorAll('#place-list [data-lat]')].map((item) => {
      const at = [Number(item.dataset.lat), Number(item.dataset.lng)];
      const name = document.createElement('span');
      name.textContent = item.dataset.name;
      L.circleMarker(at, { radius: 7, color: color('--accent-line'), fillOpacity: .6 }).bindTooltip(name).addTo(map);
      return at;
    });
    map.fitBounds(points, { maxZoom: 4, padding: [40, 40] });
  }

  // --- what is opened, typed or turned ---------------------------------------------
  document.addEventListener('keydown', (event) => {
    const form = event.key === 'Escape' && event.target.closest('[data-in-place]');
    if (form) { event.preventDefault(); form.querySelector('[data-cancel]').click(); }
  });
  let left = '';
  document.addEventListener('htmx:beforeRequest', (event) => {
    const form = event.target.closest('[data-in-place]');
    if (form) left = 'value-' + form.dataset.inPlace;
  });
  document.addEventListener('input', (event) => {
    const list = event.target.dataset.filters && document.getElementById(event.target.dataset.filters);
    if (!list) return;
    const wanted = event.target.value.toLowerCase();
    for (const item of list.children) item.hidden = !item.textContent.toLowerCase().includes(wanted);
  });
  document.addEventListener('htmx:responseError', (event) => {
    if (event.target.matches('[role=switch]')) event.target.checked = !event.target.checked;
  });
  document.addEventListener('htmx:afterRequest', (event) => {
    if (event.detail.successful && event.target.matches('[data-resets]')) event.target.reset();
  });

  // --- renewals ------------------------------------------------------------------------
  // A value that is being opened is there a moment later.
  const isBusy = (part) => Boolean(part.querySelector('[data-in-place], a.value.htmx-request, details.menu[open]')) ||
    [...part.querySelectorAll('input:not([type=hidden]), textarea')].some((one) => one.value !== one.defaultValue);
  let isStale = false; // a part was left as it is, and is asked for again
  document.addEventListener('htmx:oobBeforeSwap', (event) => {
    const part = event.detail.target;
    if (!['head', 'fields', 'aside'].includes(part.id) || !isBusy(part)) return;
    event.detail.shouldSwap = false;
    isStale = true;
  });
  document.addEventListener('htmx:configRequest', (event) => {
    if (event.target.id !== 'renewal' || !isStale) return;
    event.detail.path = event.detail.path.replace(/mark=\w*/, 'mark=');
    isStale = false;
  });
  document.addEventListener('spoor:moved', (event) => {
    if (!isBusy(document.getElementById('main')) && !document.querySelector('dialog[open]')) location.assign(event.detail.to);
  });
  document.addEventListener('htmx:afterSwap', (event) => {
    if (event.detail.target.id !== 'tab') return;
    const name = new URLSearchParams(new URL(event.detail.pathInfo.requestPath, location).search).get('tab');
    each('[data-tab]', (link) => link.toggleAttribute('aria-current', link.dataset.tab === name));
    each('[data-tab][aria-current]', (link) => link.setAttribute('aria-current', 'page'));
  });
  document.addEventListener('htmx:afterSettle', () => {
    each('[data-chart]', (place) => place.childElementCount || draw(place));
    each('[data-map]', show);
    const field = document.querySelector('[data-in-place] [autofocus]');
    if (field && document.activeElement === document.body) field.focus();
    if (left && document.getElementById(left)) { document.getElementById(left).focus(); left = ''; }
    const none = document.getElementById('no-events');
    if (none && document.querySelector('#events > li')) none.remove();
  });
  each('[data-map]', show);
})();
