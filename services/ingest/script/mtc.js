/*
 * The tracking script that a site loads as /mtc.js.
 *
 * The page names its function in window.MauticTrackingObject and calls mt('send', 'pageview', params, options).
 * Every page view is posted to /mtc/event; where that is impossible an image, /mtracking.gif, carries it.
 * Plain ES5 and no eval: it runs under a strict Content-Security-Policy and needs only script-src, connect-src
 * and img-src for its server.
 */
(function (window, document) {
  'use strict';

  // Loaded once already: only take over a function of another name; nothing is sent twice.
  if (window.MauticJS && window.MauticJS.adoptQueue) {
    window.MauticJS.adoptQueue();
    return;
  }

  var TIMEOUT_MS = 30000;
  var DEVICE_ID = /^[0-9a-z]{23}$/;
  var DELIVERED = 'mauticPageEventDelivered';
  var ADDED = 'eventAddedToMauticQueue';

  var base = findBase('__SPOOR_BASE__');
  var m = window.MauticJS = window.MauticJS || {};
  var beforeFirst = moment();
  var afterFirst = moment();
  var waiting = []; // page views that wait for the first one's answer, which tells who this is
  var counter = 0;

  m.CORSRequestsAllowed = true;
  m.mtcSet = false;
  m.firstDeliveryMade = false;
  m.beforeFirstDeliveryMade = false;

  // ---- small helpers, public because plugins and sites use them ----

  m.log = function () {
    if (window.console) {
      console.log.apply(console, arguments);
    }
  };

  m.serialize = function (data) {
    if (typeof data === 'string') {
      return data;
    }
    return Object.keys(data || {}).filter(function (key) {
      return data[key] !== undefined && data[key] !== null;
    }).map(function (key) {
      return encode(key) + '=' + encode(data[key]);
    }).join('&');
  };

  m.documentReady = function (callback) {
    if (document.readyState === 'loading') {
      document.addEventListener('DOMContentLoaded', function () { callback(); });
    } else {
      callback();
    }
  };

  m.iterateCollection = function (collection) {
    return function (callback) {
      for (var i = 0; i < collection.length; i++) {
        callback(collection[i], i);
      }
    };
  };

  m.parseTextToJSON = function (text) {
    try {
      return JSON.parse(text);
    } catch (error) {
      return text;
    }
  };

  m.insertScript = function (url) {
    var script = document.createElement('script');
    script.async = true;
    script.src = url;
    document.head.appendChild(script);
  };

  m.insertStyle = function (url) {
    var link = document.createElement('link');
    link.rel = 'stylesheet';
    link.href = url;
    document.head.appendChild(link);
  };

  m.guid = function () {
    return 'xxxxxxxx-xxxx-4xxx-yxxx-xxxxxxxxxxxx'.replace(/[xy]/g, function (letter) {
      var digit = crypto.getRandomValues(new Uint8Array(1))[0] & 15;
      return (letter === 'x' ? digit : digit & 3 | 8).toString(16);
    });
  };

  m.dispatchEvent = function (name, detail) {
    document.dispatchEvent(new CustomEvent(name, { detail: detail }));
  };

  // A session cookie. Without `secure` on http pages, where the browser would refuse it.
  m.setCookie = function (name, value) {
    document.cookie = name + '=' + value + '; path=/' + (location.protocol === 'https:' ? '; secure' : '');
  };

  // ---- who this is ----

  m.getTrackedContact = function () {
    return { id: read('mtc_id'), device_id: deviceId() };
  };

  m.setTrackedContact = function (contact) {
    if (!contact || !contact.id) {
      return;
    }
    m.mtcSet = true;
    keep('mtc_id', contact.id);
    if (DEVICE_ID.test(contact.device_id)) {
      keep('mautic_device_id', contact.device_id);
    }
  };

  m.appendTrackedContact = function (data) {
    var id = deviceId();
    if (id && data && typeof data === 'object' && !('mautic_device_id' in data)) {
      data.mautic_device_id = id;
    }
    return data;
  };

  // ---- requests ----

  m.createCORSRequest = function (method, url) {
    var request = new XMLHttpRequest();
    request.open(method, url, true);
    request.setRequestHeader('X-Requested-With', 'XMLHttpRequest');
    request.withCredentials = true;
    request.timeout = TIMEOUT_MS;
    return request;
  };

  // success(answer, request) on status 200, else failure(answer, request); an abort calls aborted, if given.
  m.makeCORSRequest = function (method, url, data, success, failure, aborted) {
    var isGet = method.toUpperCase() === 'GET';
    var body = m.serialize(m.appendTrackedContact(data || {}));
    var request;
    success = success || nothing;
    failure = failure || nothing;
    if (!m.CORSRequestsAllowed) {
      failure({});
      return;
    }
    try {
      request = m.createCORSRequest(method, isGet ? url + (url.indexOf('?') < 0 ? '?' : '&') + body : url);
      if (!isGet) {
        request.setRequestHeader('Content-Type', 'application/x-www-form-urlencoded');
      }
      request.onload = function () {
        (request.status === 200 ? success : failure)(m.parseTextToJSON(request.responseText), request);
      };
      request.onerror = function () {
        m.CORSRequestsAllowed = false; // refused by the browser or the network: later calls save the attempt
        failure({}, request);
      };
      request.ontimeout = function () { failure({}, request); };
      request.onabort = function () { (aborted || failure)({}, request); };
      request.send(isGet ? null : body);
    } catch (error) {
      failure({}, request);
    }
  };

  // ---- page views ----

  m.getOs = function () {
    var version = navigator.appVersion || '';
    var name = 'Unknown OS';
    [['Win', 'Windows'], ['Mac', 'MacOS'], ['X11', 'UNIX'], ['Linux', 'Linux']].forEach(function (pair) {
      if (version.indexOf(pair[0]) >= 0) {
        name = pair[1];
      }
    });
    return name;
  };

  // call is ['send', 'pageview', params, options]. The page is described now, even if the delivery must wait.
  m.sendPageview = function (call) {
    call = call || ['send', 'pageview'];
    var isFirst = counter === 0;
    var params = describePage(call[2]);
    if (isFirst || m.firstDeliveryMade) {
      m.deliverPageEvent(call, params);
    } else {
      waiting.push([call, params]);
    }
  };

  m.deliverPageEvent = function (call, params) {
    m.beforeFirstDeliveryMade = true;
    beforeFirst.happen(params);
    m.makeCORSRequest('POST', base + '/mtc/event', params, function (response) {
      m.setTrackedContact(response);
      finish(call, 'onload', { event: call, params: params, response: response });
    }, function () {
      m.buildTrackingImage(call, params);
    }, function () {
      finish(call, 'onabort', { event: call, params: params }); // the page is being left
    });
  };

  m.buildTrackingImage = function (call, params) {
    var image = new Image();
    ['onload', 'onerror', 'onabort'].forEach(function (name) {
      image[name] = function () {
        image.onload = image.onerror = image.onabort = null;
        finish(call, name, { event: call, params: params, image: true });
      };
    });
    image.src = base + '/mtracking.gif?' + m.serialize(m.appendTrackedContact(params));
    return image;
  };

  m.onFirstEventDelivery = afterFirst.add;
  m.beforeFirstEventDelivery = beforeFirst.add;

  // ---- an image that the page itself placed ----

  m.isPixelLoaded = function (image) {
    return image.complete && image.naturalWidth > 0;
  };

  m.checkForTrackingPixel = function () {
    var image = document.querySelector('img[src*="mtracking.gif"]');
    if (image && m.isPixelLoaded(image)) {
      pixelDelivered(image);
    } else if (image) {
      image.addEventListener('load', function () { pixelDelivered(image); });
    }
  };

  // ---- the queue ----

  m.ensureEventContext = function (event, task, type) {
    var call = event && event.detail;
    return !!call && call[0] === task && call[1] === type;
  };

  // The calls of this kind that nobody has handled.
  m.getInput = function (task, type) {
    var queue = (window[functionName()] || {}).q || [];
    return queue.filter(function (call) { return m.ensureEventContext({ detail: call }, task, type); });
  };

  // Sends what was queued before this script came, then answers both mt() and pushes to mt.q directly.
  m.adoptQueue = function () {
    var name = functionName();
    var old = window[name];
    if (old && (old.isAdopted || !old.q && !window.MauticTrackingObject)) {
      return; // ours already, or somebody else's function of that name
    }
    var queue = old && old.q || [];
    var calls = m.getInput('send', 'pageview');
    var mt = function () { queue.push(arguments); };
    calls.forEach(function (call) { queue.splice(queue.indexOf(call), 1); });
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
    calls.forEach(m.sendPageview);
  };

  document.addEventListener(ADDED, function (event) {
    if (m.ensureEventContext(event, 'send', 'pageview')) {
      m.sendPageview(event.detail);
    }
  });
  m.adoptQueue();
  if (document.readyState === 'complete') {
    m.checkForTrackingPixel();
  } else {
    window.addEventListener('load', m.checkForTrackingPixel);
  }

  // ---- private ----

  function nothing() {}

  function functionName() {
    return window.MauticTrackingObject || 'mt';
  }

  // The address of the server: configured, or where this script came from.
  function findBase(configured) {
    if (configured) {
      return location.protocol === 'https:' ? configured.replace(/^http:/, 'https:') : configured;
    }
    var script = document.currentScript || document.querySelector('script[src*="/mtc.js"]');
    return script ? script.src.replace(/[?#].*$/, '').replace(/\/[^\/]*$/, '') : '';
  }

  // Half an emoji, as in a title cut short, would throw.
  function encode(value) {
    try {
      return encodeURIComponent(value);
    } catch (error) {
      return encodeURIComponent(String(value).replace(/[\ud800-\udfff]/g, '\ufffd'));
    }
  }

  // Storage may be missing, full or forbidden.
  function read(name) {
    try {
      return localStorage.getItem(name);
    } catch (error) {
      return null;
    }
  }

  function keep(name, value) {
    try {
      // On the server's own host the lasting cookie is there already and must not become one of the session.
      if (document.cookie.split('; ').indexOf(name + '=' + value) < 0) {
        m.setCookie(name, value);
      }
    } catch (error) { /* a sandboxed frame has no cookies */ }
    try {
      localStorage.setItem(name, value);
    } catch (error) { /* then the server's cookie alone tells */ }
  }

  function deviceId() {
    var id = read('mautic_device_id');
    return DEVICE_ID.test(id) ? id : null;
  }

  // A callback of the page: its error is reported but stops nothing.
  function run(callback, value) {
    try {
      callback(value);
    } catch (error) {
      setTimeout(function () { throw error; });
    }
  }

  // Something that happens once; who asks afterwards is told at once.
  function moment() {
    var callbacks = [];
    var value;
    return {
      add: function (callback) {
        if (callbacks) {
          callbacks.push(callback);
        } else {
          run(callback, value);
        }
      },
      happen: function (what) {
        var all = callbacks || [];
        value = callbacks ? what : value;
        callbacks = null;
        all.forEach(function (callback) { run(callback, what); });
      }
    };
  }

  function describePage(extra) {
    var language = navigator.language || '';
    var params = {
      page_title: document.title,
      page_language: language,
      preferred_locale: language.replace('-', '_'),
      page_referrer: document.referrer.split('/')[2] || '',
      page_url: location.href,
      counter: counter,
      timezone_offset: new Date().getTimezoneOffset(),
      resolution: screen.width + 'x' + screen.height,
      platform: m.getOs(),
      do_not_track: navigator.doNotTrack == 1
    };
    try {
      params.timezone = Intl.DateTimeFormat().resolvedOptions().timeZone;
    } catch (error) { /* the offset must do */ }
    Object.keys(extra || {}).forEach(function (key) { params[key] = extra[key]; });
    counter += 1;
    return params;
  }

  // One page view is over: tell the document, then its caller, and let the others go.
  function finish(call, outcome, detail) {
    if (outcome === 'onload') {
      m.dispatchEvent(DELIVERED, detail);
      afterFirst.happen(detail);
    }
    var callback = (call[3] || {})[outcome];
    if (typeof callback === 'function') {
      run(callback, detail);
    }
    if (outcome === 'onload' && detail.image) {
      askWhoThisIs(release);
    } else {
      release();
    }
  }

  // An image answers nothing that a script can read.
  function askWhoThisIs(done) {
    if (m.mtcSet || read('mtc_id')) {
      done();
      return;
    }
    m.mtcSet = true;
    m.makeCORSRequest('GET', base + '/mtc', {}, function (response) {
      m.setTrackedContact(response);
      done();
    }, done);
  }

  function release() {
    m.firstDeliveryMade = true;
    waiting.splice(0).forEach(function (entry) { m.deliverPageEvent(entry[0], entry[1]); });
  }

  function pixelDelivered(image) {
    var params = {};
    new URL(image.src).searchParams.forEach(function (value, key) { params[key] = value; });
    m.dispatchEvent(DELIVERED, { event: ['send', 'pageview', params], params: params, image: true });
    if (!counter) {
      askWhoThisIs(nothing);
    }
  }
})(window, document);
