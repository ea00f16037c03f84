// Requests to the server: readable ones, images, and such as outlive the page.

var TIMEOUT_MS = 30000;
var FORM = 'application/x-www-form-urlencoded';

m.CORSRequestsAllowed = true;

m.createCORSRequest = function (method, url) {
  var request = new XMLHttpRequest();
  request.open(method, url, true);
  request.setRequestHeader('X-Requested-With', 'XMLHttpRequest');
  request.withCredentials = !option.cookieless;
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
      request.setRequestHeader('Content-Type', FORM);
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

// Takes a hit to the server in whatever way works: done(outcome, detail, whether later may be better).
function deliver(params, done) {
  m.makeCORSRequest('POST', base + path.event, params, function (response) {
    done('onload', { response: response });
  }, function (_, request) {
    var status = request ? request.status : 0;
    var isAway = !status || status === 429 || status > 501;
    if (option.offline && isAway && status) {
      done('onerror', {}, true); // it is busy: no second request
      return;
    }
    deliverBlindly(params, function (outcome, detail) {
      var isLost = outcome !== 'onload';
      m.CORSRequestsAllowed = m.CORSRequestsAllowed || isLost; // it was the network then, not the browser
      done(outcome, detail, isLost && isAway);
    });
  }, function () {
    done('onabort', {}, true); // the page is being left
  });
}

// By an image; it always comes with cookies, so without them by a request whose answer cannot be read either.
function deliverBlindly(params, done) {
  if (option.cookieless) {
    post(path.event, params, ended('onload'), ended('onerror'));
    return;
  }
  var image = new Image();
  ['onload', 'onerror', 'onabort'].forEach(function (name) { image[name] = ended(name); });
  image.src = base + path.pixel + '?' + m.serialize(params);

  function ended(outcome) {
    return function () { done(outcome, { image: true }); };
  }
}

// Needs no preflight and outlives the page; its answer's cookies count, but no script can read it.
function post(where, data, success, failure) {
  if (!window.fetch) {
    failure();
    return;
  }
  fetch(base + where, {
    method: 'POST',
    body: form(data),
    mode: 'no-cors',
    credentials: option.cookieless ? 'omit' : 'include',
    keepalive: true
  }).then(success, failure);
}

function form(data) {
  return new Blob([m.serialize(data)], { type: FORM });
}
