// Who this is: the ids that the server answers with, kept for the next page view.

var DEVICE_ID = /^[0-9a-z]{23}$/;

m.mtcSet = false;

m.getTrackedContact = function () {
  return { id: read('mtc_id'), device_id: deviceId() };
};

m.setTrackedContact = function (contact) {
  if (!contact || !contact.id || !isAllowed()) {
    return;
  }
  m.mtcSet = true;
  remember('mtc_id', contact.id);
  if (DEVICE_ID.test(contact.device_id)) {
    remember('mautic_device_id', contact.device_id);
  }
  nameUser(contact.id);
};

m.appendTrackedContact = function (data) {
  var id = deviceId();
  if (id && data && typeof data === 'object' && !('mautic_device_id' in data)) {
    data.mautic_device_id = id;
  }
  return data;
};

function deviceId() {
  var id = read('mautic_device_id');
  return DEVICE_ID.test(id) ? id : null;
}

// On the server's own host the lasting cookie is there already and must not become one of the session.
function remember(name, value) {
  keep(name, value);
  if (!option.cookieless && !hasCookie(name, value)) {
    m.setCookie(name, value);
  }
}

function forgetVisitor() {
  ['mtc_id', 'mautic_device_id'].forEach(function (name) {
    forget(name);
    m.setCookie(name, '; max-age=0');
  });
  m.mtcSet = false;
}
