// Page views that neither a request nor an image got through, or that a busy server refused: kept, and sent again in
// order, under the same id and time, when the browser is online again or the next page view got through.
// A day is enough for a train or a night. The server would take 45, but addresses of pages should not lie about for
// weeks in a browser that people may share, and yesterday's figures should come to rest.

var KEPT = 'mautic_kept';
var SENDING = 'mautic_kept_sending'; // since when some tab has been sending one: the others leave it alone
var SENDING_MS = 10000;
var MAX_KEPT = 50;
var MAX_KEPT_LENGTH = 100000;
var MAX_KEPT_MS = 86400000;

function kept() {
  var oldest = Date.now() - MAX_KEPT_MS;
  return [].concat(m.parseTextToJSON(read(KEPT))).filter(function (params) {
    return params && params.event_time > oldest;
  });
}

function keepList(list) {
  list = list.slice(-MAX_KEPT);
  while (JSON.stringify(list).length > MAX_KEPT_LENGTH) {
    list.shift();
  }
  if (list.length) {
    keep(KEPT, JSON.stringify(list));
  } else {
    forget(KEPT);
  }
}

function keepForLater(params) {
  if (option.offline && isAllowed()) {
    keepList(kept().concat(params));
  }
}

function forgetKept() {
  forget(KEPT);
  forget(SENDING);
}

function sendKept() {
  var first = kept()[0];
  var now = Date.now();
  if (!first || !isAllowed() || Math.abs(now - read(SENDING)) < SENDING_MS) {
    return;
  }
  keep(SENDING, now);
  deliver(first, function (outcome, detail, isForLater) {
    forget(SENDING);
    if (!isForLater) {
      keepList(kept().filter(function (params) { return params.event_id !== first.event_id; }));
      takeAnswer(detail.response);
      sendKept();
    }
  });
}

window.addEventListener('online', function () {
  m.CORSRequestsAllowed = true; // what failed was the network
  sendKept();
});
