// The client `node-mautic`, unchanged, through its flows on contacts: fails at the first answer that is not as it should be.
'use strict';

const assert = require('assert');
const MauticConnector = require('node-mautic');

const { API_URL, API_USER, API_PASSWORD } = process.env;
const client = new MauticConnector({ apiUrl: API_URL, username: API_USER, password: API_PASSWORD, timeoutInSeconds: 20 });
const mark = `${process.pid}x${Date.now()}`;

async function run() {
  await client.contacts.createContact({ email: `other.${mark}@client.org` });
  const email = `node.${mark}@client.org`;
  const { contact } = await client.contacts.createContact({ email, firstname: 'Node', lastname: undefined, tags: [`t${mark}`] });
  const id = contact.id;
  assert.strictEqual((await client.contacts.createContact({ email, city: 'Rome' })).contact.id, id, 'an upsert');
  assert.strictEqual((await client.contacts.getContact(id)).contact.fields.all.city, 'Rome');
  assert.strictEqual(Object.keys((await client.contacts.getContactByEmailAddress(email)).contacts)[0], String(id));
  assert.deepStrictEqual(Object.keys((await client.contacts.queryContacts({ email })).contacts), [String(id)]);
  assert.strictEqual((await client.contacts.listContacts({ search: `tag:t${mark}`, limit: 1 })).total, '1');
  const edited = await client.contacts.editContact('PATCH', { firstname: '', city: 'Paris' }, id);
  assert.deepStrictEqual([edited.contact.fields.all.firstname, edited.contact.fields.all.city], [null, 'Paris']);

  assert.strictEqual((await client.contacts.addPoints(id, { eventName: 'gift' }, 5)).success, 1);
  assert.strictEqual((await client.contacts.subtractPoints(id, undefined, 2)).success, 1);
  assert.strictEqual((await client.contacts.getContact(id)).contact.points, 3);
  const { contact: tagged } = await client.contacts.addUtmTags(id, { utm_campaign: 'may' });
  assert.strictEqual(tagged.utmtags[0].utmCampaign, 'may');
  assert.strictEqual((await client.contacts.removeUtmTags(id, tagged.utmtags[0].id)).recordFound, true);

  const { note } = await client.notes.createNote({ lead: id, text: 'called', type: 'call' });
  assert.strictEqual((await client.notes.editNote('PATCH', { text: 'called twice' }, note.id)).note.text, 'called twice');
  assert.strictEqual((await client.notes.getNote(note.id)).note.lead.id, id);
  const { category } = await client.categories.createCategory({ title: `c${mark}`, bundle: 'global' });
  assert.strictEqual((await client.categories.deleteCategory(category.id)).category.id, null);
  const { company } = await client.companies.createCompany({ companyname: `Acme ${mark}` });
  assert.strictEqual((await client.companies.addContactToCompany(company.id, id)).success, 1);
  assert.strictEqual((await client.companies.queryCompanies({ companyname: `Acme ${mark}` })).total, '1');
  assert.strictEqual((await client.companies.removeContactFromCompany(company.id, id)).success, 1);

  assert.strictEqual((await client.contacts.deleteContact(id)).contact.id, null);
  await assert.rejects(client.contacts.getContact(id), /404/);
}

run().catch((error) => {
  console.error(error);
  process.exit(1);
});
