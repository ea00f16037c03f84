// Single-page apps, when asked for: another address without another document is a page view of its own.

var TITLE_MS = 100; // in which the app may write its new title
var place = location.href; // of the last page view
var referrer = document.referrer;
var isWatching = false;
var navigating;

function watchNavigation() {
  if (isWatching) {
    return;
  }
  isWatching = true;
  ['pushState', 'replaceState'].forEach(function (name) {
    var original = history[name];
    history[name] = function () {
      var result = original.apply(this, arguments);
      navigated();
      return result;
    };
  });
  window.addEventListener('popstate', navigated);
  window.addEventListener('hashchange', navigated);
}

function navigated() {
  clearTimeout(navigating);
  navigating = setTimeout(function () {
    if (option.spa && location.href !== place) {
      m.sendPageview();
    }
  }, TITLE_MS);
}

function notePlace() {
  if (option.spa && location.href !== place) {
    referrer = place; // document.referrer stays that of the first
  }
  place = location.href;
}
