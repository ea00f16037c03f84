// Google Analytics and Facebook's pixel: started with the first page view where the server has an id for them and the
// visitor has not asked for privacy, and told of the events that the server answers with.

var MATCHING = { em: 'email', fn: 'firstname', ln: 'lastname', ct: 'city', st: 'state', zp: 'zipcode' };
var isStarted = false;
var user = null; // whom Google Analytics knows this to be

// `given` is what the page itself says of its visitor; nothing that the server answers goes to others, but the id.
function startPixels(given) {
  var isPrivate = config.signals.some(function (name) { return navigator[name] == 1; });
  if (isStarted || isPrivate || option.cookieless) {
    return;
  }
  isStarted = true;
  if (config.analytics) {
    startAnalytics(config.analytics);
  }
  if (config.facebook) {
    startFacebook(config.facebook, given);
  }
}

function startAnalytics(settings) {
  var lines = window.dataLayer = window.dataLayer || [];
  var details = settings.details;
  user = read('mtc_id');
  if (!window.gtag) {
    window.gtag = function () { lines.push(arguments); };
    gtag('js', new Date());
    m.insertScript(settings.url + '?id=' + settings.id);
  }
  if (user) {
    details.user_id = user;
  }
  if (lines.some(function (line) { return line[0] === 'config' && line[1] === settings.id; })) {
    gtag('set', details); // the page has told Google of this view itself
  } else {
    gtag('config', settings.id, details);
  }
}

// Of a new visitor the id is known only with the first answer.
function nameUser(id) {
  if (isStarted && config.analytics && user !== String(id)) {
    user = String(id);
    gtag('set', { user_id: user });
  }
}

function startFacebook(settings, given) {
  var details = { ph: given.phone || given.mobile };
  Object.keys(MATCHING).forEach(function (key) { details[key] = given[MATCHING[key]]; });
  var isOurs = !window.fbq;
  if (isOurs) {
    window.fbq = window._fbq = makeFacebookQueue();
    m.insertScript(settings.url);
  }
  fbq('init', settings.id, JSON.parse(JSON.stringify(details))); // only what there is
  if (isOurs) {
    fbq('track', 'PageView');
  } else {
    fbq('trackSingle', settings.id, 'PageView'); // the page tells its own pixels itself
  }
}

// The function that Facebook's library expects to find and to take over.
function makeFacebookQueue() {
  function queue() {
    if (queue.callMethod) {
      queue.callMethod.apply(queue, arguments);
    } else {
      queue.queue.push(arguments);
    }
  }
  queue.push = queue;
  queue.loaded = true;
  queue.version = '2.0';
  queue.queue = [];
  return queue;
}

// Once for each answer. Events of other services are for whoever listens to mauticPageEventDelivered.
function runEvents(answer) {
  var events = answer && answer.events || {};
  (events.google_analytics || []).forEach(function (event) {
    if (window.gtag) {
      gtag('event', event.action, { event_category: event.category, event_label: event.label });
    } else if (window.ga) {
      ga('send', {
        hitType: 'event', eventCategory: event.category, eventAction: event.action, eventLabel: event.label
      });
    }
  });
  (events.facebook_pixel || []).forEach(function (event) {
    if (window.fbq) {
      fbq('trackCustom', event.action, { eventLabel: event.label });
    }
  });
}
