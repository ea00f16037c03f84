// The page's calls: those that waited for this script, in their order, then all others as they come.

var ADDED = 'eventAddedToMauticQueue';

m.ensureEventContext = function (event, task, type) {
  var call = event && event.detail;
  return !!call && call[0] === task && call[1] === type;
};

// The calls of this kind that nobody has handled.
m.getInput = function (task, type) {
  var queue = (window[functionName()] || {}).q || [];
  return queue.filter(function (call) { return m.ensureEventContext({ detail: call }, task, type); });
};

// Does what was queued before this script came, then answers both mt() and pushes to mt.q directly.
m.adoptQueue = function () {
  var name = functionName();
  var old = window[name];
  if (old && (old.isAdopted || !old.q && !window.MauticTrackingObject)) {
    return; // ours already, or somebody else's function of that name
  }
  var queue = old && old.q || [];
  var calls = queue.splice(0);
  var mt = function () { queue.push(arguments); };
  queue.push = function () {
    m.iterateCollection(arguments)(function (call) { m.dispatchEvent(ADDED, call); });
    return queue.length;
  };
  mt.q = queue;
  mt.isAdopted = true;
  if (old) {
    old.q = queue; // whoever kept the old function still reaches us
  }
  window[name] = mt;
  calls.forEach(function (call) {
    if (!act(call)) {
      queue[queue.length] = call; // somebody else's
    }
  });
};

document.addEventListener(ADDED, function (event) { act(event.detail); });
setOptions(option);
m.adoptQueue();
if (document.readyState === 'complete') {
  m.checkForTrackingPixel();
} else {
  window.addEventListener('load', m.checkForTrackingPixel);
}

// ---- private ----

function functionName() {
  return window.MauticTrackingObject || 'mt';
}

// Does what a call asks for; false when it is not one of ours.
function act(call) {
  var verb = call && call[0];
  if (verb === 'send' && call[1] === 'pageview') {
    m.sendPageview(call);
  } else if (verb === 'consent') {
    decide(call[1]);
  } else if (verb === 'set') {
    setOptions(call[1]);
  } else {
    return false;
  }
  return true;
}

// mt('set', {...}), for this page and from here on; what we do not know is ignored.
function setOptions(given) {
  Object.keys(given || {}).forEach(function (name) {
    if (name in option) {
      option[name] = given[name];
    }
  });
  if (option.spa) {
    watchNavigation();
  }
  sendWaiting();
}
