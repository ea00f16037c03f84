// The shop's own script: the panel beside the page, the login, the basket and "forget me".
(function () {
  'use strict';

  var HISTORY_URL = document.currentScript.dataset.historyUrl;
  var INGEST_URL = document.currentScript.dataset.ingestUrl;
  var SHOWN = 12;
  var NAMES = ['mtc_id', 'mautic_device_id'];

  function byId(id) {
    return document.getElementById(id);
  }

  function sentBefore() {
    return JSON.parse(sessionStorage.getItem('sent') || '[]');
  }

  function addLine(parent, tag, text) {
    var element = document.createElement(tag);
    element.textContent = text;
    parent.appendChild(element);
    return element;
  }

  function showSent() {
    var list = byId('sent');
    var sent = sentBefore();
    list.textContent = '';
    sent.forEach(function (entry) {
      var item = addLine(list, 'li', entry.url);
      addLine(item, 'small', entry.time + ' · ' + entry.transport + ' · contact ' + (entry.id || 'unknown') +
        (entry.extra ? ' · ' + entry.extra : ''));
    });
    byId('nothing-sent').hidden = sent.length > 0;
  }

  function showVisitor() {
    var id = localStorage.getItem('mtc_id');
    byId('contact-id').textContent = id || 'not known yet';
    byId('device-id').textContent = localStorage.getItem('mautic_device_id') || 'not known yet';
    byId('history').hidden = !id;
    byId('history').href = HISTORY_URL.replace('{id}', encodeURIComponent(id));
  }

  function describe(detail) {
    var params = detail.params;
    var response = detail.response || {};
    return {
      time: new Date().toLocaleTimeString(),
      url: params.page_url,
      transport: detail.image ? 'image /mtracking.gif' : 'POST /mtc/event',
      id: response.id || localStorage.getItem('mtc_id'),
      extra: params.email ? 'e-mail ' + params.email : ''
    };
  }

  document.addEventListener('mauticPageEventDelivered', function (event) {
    var sent = [describe(event.detail)].concat(sentBefore()).slice(0, SHOWN);
    sessionStorage.setItem('sent', JSON.stringify(sent));
    showSent();
    showVisitor();
  });

  // Somebody else may be in front of this device now. That is decided behind the answer, mostly within a second.
  function followMove(tries) {
    setTimeout(function () {
      window.MauticJS.makeCORSRequest('GET', INGEST_URL + '/mtc', {}, function (answer) {
        var link = byId('login-result').querySelector('a');  // of the last login, which may be a later one
        window.MauticJS.setTrackedContact(answer);
        showVisitor();
        if (link) {
          link.href = byId('history').href;
        }
        if (tries > 1) {
          followMove(tries - 1);
        }
      });
    }, 500);
  }

  byId('login').addEventListener('submit', function (event) {
    var email = byId('email').value.trim();
    var result = byId('login-result');
    event.preventDefault();
    result.textContent = 'Sending ...';
    window.mt('send', 'pageview', { email: email }, {
      onload: function () {
        result.textContent = 'Logged in as ' + email + '. ';
        showVisitor();
        if (!byId('history').hidden) {
          addLine(result, 'a', 'See the history').href = byId('history').href;
        }
        followMove(20);
      },
      onerror: function () {
        result.textContent = 'The tracking server does not answer. Is it running, at the address of this page’s snippet?';
      }
    });
  });

  document.querySelectorAll('[data-basket]').forEach(function (button) {
    button.addEventListener('click', function () {
      var name = button.dataset.basket;
      button.textContent = 'In your basket';
      window.mt('send', 'pageview', { page_title: 'Basket: ' + name, page_url: location.origin + '/basket' });
    });
  });

  byId('forget').addEventListener('click', function () {
    NAMES.forEach(function (name) {
      localStorage.removeItem(name);
      document.cookie = name + '=; path=/; max-age=0';
      document.cookie = name + '=; path=/; max-age=0; secure';
    });
    sessionStorage.removeItem('sent');
    fetch('/forget', { method: 'POST' }).finally(function () { location.assign('/'); });
  });

  showSent();
  showVisitor();
})();
