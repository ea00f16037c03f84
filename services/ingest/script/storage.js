// What the browser remembers for us: in localStorage, or, where that is forbidden or not wanted, while this page lives.

var memory = {};

// `always` is for what must be known even without cookies: that somebody said no.
function read(name, always) {
  try {
    if (always || !option.cookieless) {
      return localStorage.getItem(name);
    }
  } catch (error) { /* a sandboxed frame, or storage switched off */ }
  return memory[name] || null;
}

function keep(name, value, always) {
  memory[name] = String(value);
  try {
    if (always || !option.cookieless) {
      localStorage.setItem(name, value);
    }
  } catch (error) { /* or it is full: then the server's cookie alone tells */ }
}

function forget(name) {
  delete memory[name];
  try {
    localStorage.removeItem(name);
  } catch (error) { /* nothing was kept */ }
}

// A session cookie. Without `secure` on http pages, where the browser would refuse it.
m.setCookie = function (name, value) {
  try {
    document.cookie = name + '=' + value + '; path=/' + (location.protocol === 'https:' ? '; secure' : '');
  } catch (error) { /* a sandboxed frame has no cookies */ }
};

function hasCookie(name, value) {
  try {
    return document.cookie.split('; ').indexOf(name + '=' + value) >= 0;
  } catch (error) { /* nor can they be read there */ }
}
