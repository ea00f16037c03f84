/*
 * The tracking script that a site loads as /mtc.js. script.py joins its parts, in the order listed there, into one
 * function (window, document); they share its names, and queue.js, the last, starts.
 *
 * The page names its function in window.MauticTrackingObject and calls mt('send', 'pageview', params, options).
 * Every page view is posted to /mtc/event; where that is impossible an image, /mtracking.gif, carries it.
 * Plain ES5 and no eval: it runs under a strict Content-Security-Policy and needs only script-src, connect-src
 * and img-src for its server.
 *
 * This part: what the server has configured, and small helpers, public where plugins and sites use them.
 */

// Loaded once already: only take over a function of another name; nothing is sent twice.
if (window.MauticJS && window.MauticJS.adoptQueue) {
  window.MauticJS.adoptQueue();
  return;
}

var config = '__SPOOR_CONFIG__';
var option = config.option; // the server's defaults; a page changes them with mt('set', {...})
var path = config.path;
var base = findBase();
var m = window.MauticJS = window.MauticJS || {};

m.log = function () {
  console.log.apply(console, arguments);
};

m.serialize = function (data) {
  if (typeof data === 'string') {
    return data;
  }
  return Object.keys(data || {}).filter(function (key) {
    return data[key] != null;
  }).map(function (key) {
    return encode(key) + '=' + encode(data[key]);
  }).join('&');
};

m.documentReady = function (callback) {
  if (document.readyState === 'loading') {
    document.addEventListener('DOMContentLoaded', callback);
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

// ---- private ----

function nothing() {}

// Where this script came from, without its own path: there the server is.
function findBase() {
  var script = document.currentScript || document.querySelector('script[src*="' + path.script + '"]');
  var address = script ? script.src.replace(/[?#].*$/, '') : '';
  var end = address.lastIndexOf(path.script);
  return address.slice(0, end < 0 ? address.lastIndexOf('/') : end);
}

// Half an emoji, as in a title cut short, would throw.
function encode(value) {
  try {
    return encodeURIComponent(value);
  } catch (error) {
    return encodeURIComponent(String(value).replace(/[\ud800-\udfff]/g, '\ufffd'));
  }
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
  var detail;
  function tell(callback) { run(callback, detail); }
  return {
    add: function (callback) {
      if (detail) {
        tell(callback);
      } else {
        callbacks.push(callback);
      }
    },
    happen: function (what) {
      detail = detail || what;
      callbacks.splice(0).forEach(tell);
    }
  };
}
