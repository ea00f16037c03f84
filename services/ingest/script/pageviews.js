// Page views: described when the page says so, sent when nothing stands in the way, the first one before all others.

var MAX_WAITING = 10; // without consent
var DELIVERED = 'mauticPageEventDelivered';
var beforeFirst = moment();
var afterFirst = moment();
var waiting = []; // [call, params]: for consent, or for the first one's answer, which tells who this is
var isFirstUnderWay = false;
var counter = 0;

m.firstDeliveryMade = false;
m.beforeFirstDeliveryMade = false;
m.onFirstEventDelivery = afterFirst.add;
m.beforeFirstEventDelivery = beforeFirst.add;

m.getOs = function () {
  var version = navigator.appVersion || '';
  return /Linux/.test(version) ? 'Linux' : /X11/.test(version) ? 'UNIX' : /Mac/.test(version) ? 'MacOS' :
    /Win/.test(version) ? 'Windows' : 'Unknown OS';
};

// call is ['send', 'pageview', params, options]. The page is described now, even if the delivery must wait.
m.sendPageview = function (call) {
  call = call || ['send', 'pageview'];
  var params = describePage(call[2]);
  if (consent() !== 'deny') {
    startView(params);
  }
  waiting.push([call, params]);
  if (waiting.length > MAX_WAITING && !isAllowed()) {
    drop(waiting.shift());
  }
  sendWaiting();
};

m.deliverPageEvent = function (call, params) {
  m.beforeFirstDeliveryMade = true;
  beforeFirst.happen(params);
  startPixels(call[2] || {});
  deliver(params, ending(call, params));
};

m.buildTrackingImage = function (call, params) {
  deliverBlindly(m.appendTrackedContact(params), ending(call, params));
};

function sendWaiting() {
  while (waiting.length && isAllowed() && !isTelling && (m.firstDeliveryMade || !isFirstUnderWay)) {
    isFirstUnderWay = true;
    m.deliverPageEvent.apply(m, waiting.shift());
  }
  if (consent() === 'deny') {
    waiting.splice(0).forEach(drop);
  }
}

// Its caller may wait for an outcome, but not be called while it calls.
function drop(entry) {
  setTimeout(function () {
    tellCaller(entry[0], 'onerror', { event: entry[0], params: entry[1] });
  });
}

function describePage(extra) {
  var language = navigator.language || '';
  notePlace();
  var params = {
    event_id: m.guid(), // under which it may be sent again, and counts once
    event_time: Date.now(),
    page_title: document.title,
    page_language: language,
    preferred_locale: language.replace('-', '_'),
    page_referrer: referrer.split('/')[2] || '',
    page_url: location.href,
    counter: counter++,
    timezone_offset: new Date().getTimezoneOffset(),
    resolution: screen.width + 'x' + screen.height,
    platform: m.getOs(),
    do_not_track: navigator.doNotTrack == 1
  };
  try {
    params.timezone = Intl.DateTimeFormat().resolvedOptions().timeZone;
  } catch (error) { /* the offset must do */ }
  Object.keys(extra || {}).forEach(function (key) { params[key] = extra[key]; });
  return params;
}

// What happens when a page view is over: tell the document, then its caller, and let the others go.
function ending(call, params) {
  return function (outcome, detail, isForLater) {
    detail.event = call;
    detail.params = params;
    if (isForLater) {
      keepForLater(params);
    }
    if (outcome === 'onload') {
      takeAnswer(detail.response);
      m.dispatchEvent(DELIVERED, detail);
      afterFirst.happen(detail);
    }
    tellCaller(call, outcome, detail);
    if (outcome === 'onload' && detail.image) {
      askWhoThisIs(goOn);
    } else {
      goOn();
    }

    function goOn() {
      m.firstDeliveryMade = true;
      sendWaiting();
      if (outcome === 'onload') {
        sendKept();
      }
    }
  };
}

function takeAnswer(answer) {
  m.setTrackedContact(answer);
  run(runEvents, answer);
}

function tellCaller(call, outcome, detail) {
  var callback = (call[3] || {})[outcome];
  if (typeof callback === 'function') {
    run(callback, detail);
  }
}

// An image answers nothing that a script can read.
function askWhoThisIs(done) {
  if (m.mtcSet || read('mtc_id') || option.cookieless || !isAllowed()) {
    done();
    return;
  }
  m.mtcSet = true;
  m.makeCORSRequest('GET', base + path.identity, {}, function (response) {
    m.setTrackedContact(response);
    done();
  }, done);
}

// ---- an image that the page itself placed ----

m.isPixelLoaded = function (image) {
  return image.complete && image.naturalWidth > 0;
};

m.checkForTrackingPixel = function () {
  var image = document.querySelector('img[src*="mtracking.gif"],img[src*="' + path.pixel + '"]');
  if (image && m.isPixelLoaded(image)) {
    pixelDelivered(image);
  } else if (image) {
    image.addEventListener('load', function () { pixelDelivered(image); });
  }
};

function pixelDelivered(image) {
  var params = {};
  new URL(image.src).searchParams.forEach(function (value, key) { params[key] = value; });
  m.dispatchEvent(DELIVERED, { event: ['send', 'pageview', params], params: params, image: true });
  if (!counter) {
    askWhoThisIs(nothing);
  }
}
