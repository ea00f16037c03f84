"""What identity must come to, in plain Python: the identity table, merges and undoes, one thing after the other.

Written from the design's section 4 and not from the code. Contacts are a forest: a merge hangs one under another, an
undo cuts it off with all that hangs under it, and a root is who its whole tree answers with.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import NamedTuple

IDENTIFYING = ("email", "firstname")  # and the unique fields: who has none of them is anonymous
DROPPED, GONE, TAKEN = -1, -2, -3  # instead of a contact


class Hit(NamedTuple):
    device: int  # the contact that it was born as
    time: int
    number: int
    unique: dict[str, str] = {}
    firstname: str = ""
    is_new: bool = False


@dataclass
class Contact:
    id: int
    added: int = 0  # 0 while nobody said anything of it
    words: dict[str, tuple[int, str]] = field(default_factory=dict)  # (when, what) it was told itself, the newest
    into: int = 0  # whom it merged into, and when
    since: int = 0
    deleted: int = 0
    apart: set[int] = field(default_factory=set)  # from whom an undo parted it, or anybody who was one with it
    moves: list[tuple[int, int, int]] = field(default_factory=list)  # of its device: (time, hit, contact)


class Model:
    def __init__(self, unique: tuple[str, ...], is_and: bool, new_id: Callable[[], int]) -> None:
        self.unique, self.is_and, self.new_id = unique, is_and, new_id
        self.contacts: dict[int, Contact] = {}
        self.brought: dict[tuple[str, str], int] = {}  # value: the contact that was told it last
        self.events: dict[int, int] = {}  # hit: the contact under which it is stored

    # ---- what happens ----

    def hit(self, hit: Hit, now: int) -> int:
        """The contact under which the event is stored; delivered again it is the same one. What is shown already is not
        kept (DECISIONS 25), so a name that was said before another one may be heard at the second time."""
        if hit.number not in self.events:
            if (contact := self._place(hit, now)) == DROPPED:
                return DROPPED
            self.events[hit.number] = contact
        under = self.events[hit.number]
        if hit.firstname and not self.root(under).deleted:
            self._tell(self.root(under), "firstname", hit.firstname, hit.time)
        return under

    def create(self, values: dict[str, str], now: int) -> int:
        given = {name: value for name, value in values.items() if name in self.unique}
        holders = self._holders(given)
        first = min(holders, key=self._age, default=None)
        for holder in holders:
            if self.is_and and any(self.lacks(holder, *value) for value in given.items()):
                return TAKEN
            if first and holder is not first and self._are_two(first, holder):
                return TAKEN
        return self._tell_all(first or self.at(self.new_id()), values, now)

    def edit(self, contact_id: int, values: dict[str, str], now: int) -> int:
        target = self.root(contact_id)
        return self._tell_all(target, values, now) if target.added and not target.deleted else GONE

    def delete(self, contact_id: int, now: int) -> int:
        target = self.root(contact_id)
        if not target.added or target.deleted:
            return GONE
        target.deleted = now
        return target.id

    def merge(self, winner_id: int, loser_id: int, now: int) -> int:
        """`winner_id` may have merged into somebody: an undo of that takes the loser along."""
        winner, loser = self.root(winner_id), self.root(loser_id)
        if any(one.deleted or not one.added for one in (winner, loser)):
            return GONE
        if winner is not loser:
            self._hang(loser, winner_id, now)
        return winner.id

    def unmerge(self, contact_id: int, now: int) -> int:
        """A value that it had brought along is its own again, unless a third one has it by now. Who else was told it
        since the merge was never told it then, nor ever where it would be their own, too, otherwise."""
        back, whole = self.at(contact_id), self.root(contact_id)
        if whole.deleted or not back.into:
            return GONE
        holders = {
            (name, value): self.holder(name, value) for name in self.unique for value in self._brought(back, name)
        }
        back.into = 0
        gone = {one.id for one in self.tree(back)}
        back.apart |= (whole.apart - gone) | {whole.id}
        whole.apart |= gone
        for (name, value), holder in holders.items():
            loser = whole if holder in (None, whole) else back
            self._forget(loser, name, value, 0 if loser is back else back.since)
            if loser is whole and self.carries(whole, name, value):
                self._forget(whole, name, value, 0)
            if loser is whole and self.root(self.brought[name, value]) is not back:
                self.brought[name, value] = back.id
        return back.id

    def _forget(self, root: Contact, name: str, value: str, since: int) -> None:
        for one in self.tree(root):
            told, said = one.words.get(name, (0, ""))
            if said == value and told > since:
                one.words[name] = (told + 1, "")

    def _brought(self, back: Contact, name: str) -> set[str]:
        """What it would have without whom it merged into."""
        into, back.into = back.into, 0
        carried = self.carried(back, name)
        back.into = into
        return carried

    # ---- who is whose ----

    def at(self, contact_id: int) -> Contact:
        return self.contacts.setdefault(contact_id, Contact(contact_id))

    def root(self, contact_id: int) -> Contact:
        contact = self.at(contact_id)
        return self.root(contact.into) if contact.into else contact

    def tree(self, root: Contact) -> list[Contact]:
        below = [one for one in list(self.contacts.values()) if one.into == root.id]
        return [root] + [one for child in below for one in self.tree(child)]

    def holder(self, name: str, value: str) -> Contact | None:
        root = self.root(self.brought[name, value]) if (name, value) in self.brought else None
        return root if root and not root.deleted and self.carries(root, name, value) else None

    def shown(self, root: Contact, name: str) -> str:
        return max((one.words[name] for one in self.tree(root) if name in one.words), default=(0, ""))[1]

    def carries(self, root: Contact, name: str, value: str) -> bool:
        return value in self.carried(root, name)

    def carried(self, root: Contact, name: str) -> set[str]:
        """What was told to who merged in stays theirs too, until the other one is told something after the merge."""
        told = {one.words[name][1] for one in self.tree(root) if name in one.words and self._still(one, name)}
        return {value for value in (*told, self.shown(root, name)) if value}

    def lacks(self, root: Contact, name: str, value: str) -> bool:
        return bool(self.carried(root, name)) and not self.carries(root, name, value)

    def _still(self, contact: Contact, name: str) -> bool:
        since = 0
        while contact.into:
            since, contact = max(since, contact.since), self.at(contact.into)
            if contact.words.get(name, (0, ""))[0] > since:
                return False
        return True

    # ---- the table ----

    def _place(self, hit: Hit, now: int) -> int:
        moves = [move for move in sorted(self.at(hit.device).moves) if move[:2] <= (hit.time, hit.number)]
        base = moves[-1][2] if moves else hit.device
        if deleted := self.root(base).deleted:
            if hit.time < deleted:
                return DROPPED
            base = self._move(hit, self.new_id())
        return self._identify(hit, base, now) if hit.unique else base

    def _identify(self, hit: Hit, base: int, now: int) -> int:
        found, under = self._find(hit, self.root(base), now)
        own = self.root(base)
        if found is None:  # nobody has the value
            if any(self.lacks(own, *value) for value in hit.unique.items()):
                under = self.new_id()
                self._take(self.at(under), hit)
                return self._move(hit, under)
            self._take(own, hit)
            return base
        if found is own:
            self._take(own, hit)
            return base
        is_anonymous = self._is_anonymous(own)
        is_newborn = is_anonymous and hit.is_new and own.id == hit.device
        if is_newborn or self._are_two(own, found) or any(self.lacks(own, *value) for value in hit.unique.items()):
            self._take(found, hit)
            return self._move(hit, under)
        if is_anonymous or self._age(found) < self._age(own):
            self._hang(own, under, now, hit.time)
            self._take(found, hit)
        else:
            self._hang(found, own.id, now)
            self._take(own, hit)
        return base

    def _find(self, hit: Hit, own: Contact, now: int) -> tuple[Contact | None, int]:
        """The holder, and who brought the value along."""
        holders = self._holders(hit.unique)
        if self.is_and:
            holders = [one for one in holders if not any(self.lacks(one, *value) for value in hit.unique.items())]
        if not holders:
            return None, 0
        first = own if any(one is own for one in holders) else min(holders, key=self._age)
        under = next(self.brought[value] for value in hit.unique.items() if self.holder(*value) is first)
        for other in holders:
            if other is not first and not self._are_two(first, other):
                winner, loser = sorted((first, other), key=self._age)
                self._hang(loser, winner.id, now)
                first = winner
        return first, under

    def _holders(self, values: dict[str, str]) -> list[Contact]:
        found = [holder for value in values.items() if (holder := self.holder(*value))]
        return [one for number, one in enumerate(found) if all(one is not other for other in found[:number])]

    def _are_two(self, one: Contact, other: Contact) -> bool:
        """Two people: parted by an undo, or each with other values of one unique field."""
        if any(b.apart & {a.id for a in self.tree(c)} for b, c in ((one, other), (other, one))):
            return True
        values = [(self.carried(one, name), self.carried(other, name)) for name in self.unique]
        return any(mine and theirs and mine.isdisjoint(theirs) for mine, theirs in values)

    def _is_anonymous(self, root: Contact) -> bool:
        words = [one.words.get(name, (0, ""))[1] for one in self.tree(root) for name in IDENTIFYING]
        return not any(words) and not any(self.carried(root, name) for name in self.unique)

    def _age(self, root: Contact) -> tuple[int, int]:
        return min(one.added for one in self.tree(root)), root.id

    def _take(self, root: Contact, hit: Hit) -> None:
        for name, value in hit.unique.items():
            holder = self.holder(name, value)
            if (holder is None or holder is root) and not self.lacks(root, name, value):
                self._tell(root, name, value, hit.time)

    def _tell(self, root: Contact, name: str, value: str, time: int) -> None:
        if self.shown(root, name) == value or (name in self.unique and self.carries(root, name, value)):
            return
        if root.words.get(name, (0, ""))[0] < time:
            root.words[name] = (time, value)
            root.added = root.added or time
            self.brought[name, value] = root.id

    def _tell_all(self, target: Contact, values: dict[str, str], now: int) -> int:
        for holder in self._holders({name: value for name, value in values.items() if name in self.unique}):
            if holder is not target:
                self._hang(holder, target.id, now)
        for name, value in values.items():
            is_held = self.holder(name, value) is target
            if self.shown(target, name) != value or target.words.get(name, (0, value))[1] != value:
                newest = max((one.words[name][0] for one in self.tree(target) if name in one.words), default=0)
                target.words[name] = (max(now + 1, newest + 1), value)
                if not is_held:
                    self.brought[name, value] = target.id
        target.added = target.added or now
        return target.id

    def _hang(self, loser: Contact, under: int, now: int, seen: int = 0) -> None:
        loser.into, loser.since, loser.added = under, now, loser.added or seen or now
        winner = self.root(under)
        winner.apart = (winner.apart | loser.apart) - {one.id for one in self.tree(winner)}

    def _move(self, hit: Hit, contact_id: int) -> int:
        if all(move[:2] != (hit.time, hit.number) for move in self.at(hit.device).moves):
            self.at(hit.device).moves.append((hit.time, hit.number, contact_id))
        return contact_id

    # ---- what is compared ----

    def roots(self) -> Iterator[Contact]:
        for contact in list(self.contacts.values()):
            if contact.added and not contact.into and not contact.deleted:
                yield contact
