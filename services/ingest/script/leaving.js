// Time on page: how long a page view was visible, told by a beacon when the page is left or hidden. When it is shown
// again, a later beacon tells the larger time.

var view = null; // the page view on show: its id, time and url, milliseconds seen, since when (0: hidden), seconds told

function startView(params) {
  leaveView();
  view = { id: params.event_id, at: params.event_time, url: params.page_url, seen: 0, since: 0, told: 0 };
  showView();
}

function showView() {
  if (view && !view.since && document.visibilityState !== 'hidden') {
    view.since = performance.now();
  }
}

function leaveView() {
  if (!view || !view.since) {
    return;
  }
  view.seen += performance.now() - view.since;
  view.since = 0;
  var seconds = Math.round(view.seen / 100) / 10;
  if (seconds > view.told && option.leave && isAllowed() && !isTelling) {
    view.told = seconds;
    tellOfView({
      left_event_id: view.id,
      left_event_time: view.at,
      time_on_page: seconds.toFixed(1),
      page_url: view.url,
      event_id: m.guid(),
      event_time: Date.now()
    });
  }
}

function forgetView() {
  view = null;
}

// Who the server does not know yet would be somebody else by a beacon, and its answer would leave that one's cookie.
function tellOfView(params) {
  if (option.cookieless || deviceId()) {
    sendBeacon(params);
  } else {
    m.onFirstEventDelivery(function () {
      if (isAllowed()) {
        sendBeacon(params);
      }
    });
  }
}

function sendBeacon(params) {
  m.appendTrackedContact(params);
  if (option.cookieless || !navigator.sendBeacon) {
    post(path.event, params, nothing, nothing); // a beacon always comes with cookies
  } else {
    navigator.sendBeacon(base + path.event, form(params));
  }
}

document.addEventListener('visibilitychange', function () {
  (document.visibilityState === 'hidden' ? leaveView : showView)();
});
window.addEventListener('pagehide', leaveView);
window.addEventListener('pageshow', showView);
