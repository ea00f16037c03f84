// Consent: whether anything may be sent and kept. A choice lasts until the next one and is told to the server once.

var CONSENT = 'mautic_consent';
var isTelling = false; // until a grant has got there, the server may still hold a no

function consent() {
  return read(CONSENT, true) || memory[CONSENT];
}

function isAllowed() {
  return consent() === 'grant' || option.consent !== 'required' && consent() !== 'deny';
}

// mt('consent', 'grant') or mt('consent', 'deny'). Many pages say it at every load.
function decide(choice) {
  if (choice === consent() || choice !== 'grant' && choice !== 'deny') {
    return;
  }
  forget(CONSENT);
  keep(CONSENT, choice, choice === 'deny'); // a no outlives the page even without cookies
  if (choice === 'deny') {
    forgetVisitor();
    forgetKept();
    forgetView();
  }
  if (!isTelling) {
    tellConsent();
  }
  sendWaiting();
}

function tellConsent() {
  var choice = consent();
  isTelling = true;
  post(path.consent, { consent: choice }, told, told);

  function told() {
    isTelling = false;
    if (consent() !== choice) {
      tellConsent(); // it was changed meanwhile
    }
    sendWaiting();
  }
}
