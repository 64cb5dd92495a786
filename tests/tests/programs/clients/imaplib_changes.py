# Every IMAP command that changes something, as Python's imaplib sends it.
import datetime, imaplib, re, sys

host, port, user, password = sys.argv[1:]


def connect():
    imap = imaplib.IMAP4(host, int(port))
    imap.login(user, password)
    return imap


imap = connect()


def ok(answer):
    assert answer[0] == "OK", answer
    return answer[1]


def no(answer, code):
    assert answer[0] == "NO" and f"[{code}]".encode() in answer[1][0], answer


def uids(folder):
    ok(imap.select(folder, readonly=True))
    found = ok(imap.uid("SEARCH", None, "ALL"))[0].split()
    ok(imap.unselect())
    return found


def folders():
    return [re.search(rb' "/" "?(.*?)"?$', line).group(1).decode() for line in ok(imap.list()) if line]


assert "UIDPLUS" in imap.capabilities and "MOVE" in imap.capabilities, imap.capabilities
message = b"From: a@example.org\r\nTo: b@example.org\r\nSubject: by imaplib %d\r\n\r\nbody %d\r\n"

# APPEND: flags, date, neither; into folders that are made before, nested.
ok(imap.create("Python/Deep/Deeper"))
assert {"Python", "Python/Deep", "Python/Deep/Deeper"} <= set(folders())
no(imap.create("Python/Deep"), "ALREADYEXISTS")
no(imap.append("Python/Nowhere", None, None, message % (0, 0)), "TRYCREATE")
when = datetime.datetime(2001, 2, 3, 4, 5, 6, tzinfo=datetime.timezone(datetime.timedelta(hours=-7)))
status = ok(imap.append("Python/Deep", r"(\Seen \Answered $tag)", when, message % (1, 1)))
validity, uid = re.search(rb"\[APPENDUID (\d+) (\d+)\]", status[0]).groups()
for number in range(2, 7):
    ok(imap.append("Python/Deep", None, None, message % (number, number)))
assert ok(imap.select("Python/Deep")) == [b"6"]
assert imap.response("UIDVALIDITY")[1] == [validity]
row = ok(imap.uid("FETCH", uid, "(FLAGS INTERNALDATE BODY.PEEK[TEXT])"))
assert b'"03-Feb-2001 11:05:06 +0000"' in row[0][0].replace(b'" 3', b'"03'), row
assert all(flag in row[0][0] for flag in (rb"\Seen", rb"\Answered", b"$tag")) and row[0][1].startswith(b"body 1"), row
assert imaplib.ParseFlags(ok(imap.fetch("2", "(FLAGS)"))[0]) in ((), (rb"\Recent",))

# STORE: set, add, take away, silently; keywords.
assert rb"\Flagged" in ok(imap.store("2", "+FLAGS", r"(\Flagged Work)"))[0]
assert b"Work" not in ok(imap.uid("STORE", "2", "-FLAGS", "(Work)"))[0]
assert ok(imap.store("2", "FLAGS.SILENT", r"(\Draft)")) == [None]
assert imaplib.ParseFlags(ok(imap.fetch("2", "(FLAGS)"))[0])[:1] == (rb"\Draft",)
assert ok(imap.search(None, "KEYWORD", "$tag")) == [b"1"]

# COPY and MOVE, by number and by UID.
ok(imap.create("Python/Other"))
assert b"COPYUID" in ok(imap.copy("1:2", "Python/Other"))[0]
ok(imap.uid("COPY", "3", "Python/Other"))
ok(imap.uid("MOVE", "2", "Python/Other"))
assert ok(imap.search(None, "ALL")) == [b"1 2 3 4 5"]
typ, _ = imap._simple_command("MOVE", "5", "Python/Other")
assert typ == "OK" and ok(imap.uid("SEARCH", None, "ALL")) == [b"1 3 4 5"]
no(imap.copy("1", "Python/Nowhere"), "TRYCREATE")
assert imap.uid("COPY", "77", "Python/Other")[0] == "OK"
assert len(uids("Python/Other")) == 5

# EXPUNGE, UID EXPUNGE, CLOSE, UNSELECT.
ok(imap.select("Python/Deep"))
ok(imap.store("1:3", "+FLAGS.SILENT", r"(\Deleted)"))
imap.response("EXPUNGE")
ok(imap.uid("EXPUNGE", "3:4"))
assert imap.response("EXPUNGE")[1] == [b"3", b"2"]
assert ok(imap.uid("SEARCH", None, "ALL")) == [b"1 5"]
assert ok(imap.expunge()) == [b"1"]
ok(imap.store("1", "+FLAGS", r"(\Deleted)"))
ok(imap.unselect())
assert uids("Python/Deep") == [b"5"]
ok(imap.select("Python/Deep"))
ok(imap.close())
assert uids("Python/Deep") == []
ok(imap.select("Python/Other", readonly=True))
try:
    no(imap.store("1", "+FLAGS", r"(\Deleted)"), "READ-ONLY")
except imap.readonly:
    pass
ok(imap.close())

# Folders: names with spaces and beyond ASCII, RENAME in place, with what is below, across parents.
ok(imap.create('"Zo&AOs- &- Co"'))
ok(imap.rename('"Zo&AOs- &- Co"', "Python/Deep/&2D3eAA-"))
assert "Python/Deep/&2D3eAA-" in folders()
ok(imap.rename("Python/Deep", "Moved/Here"))
assert {"Moved", "Moved/Here", "Moved/Here/Deeper", "Moved/Here/&2D3eAA-"} <= set(folders())
assert not any(name.startswith("Python/Deep") for name in folders())
no(imap.rename("Moved", "Python"), "ALREADYEXISTS")

# Subscriptions last longer than sessions.
ok(imap.unsubscribe("Python/Other"))
assert not any(b"Other" in line for line in ok(imap.lsub()) if line)
other = connect()
assert not any(b"Other" in line for line in ok(other.lsub()) if line)
ok(other.subscribe("Python/Other"))
other.logout()
assert any(b"Other" in line for line in ok(imap.lsub()))

# DELETE: what is in use, what is nested and goes from below, what must stay.
ok(imap.rename("Python/Other", "Renamed"))
assert b"MESSAGES 5" in ok(imap.status("Renamed", "(MESSAGES UIDNEXT UIDVALIDITY UNSEEN)"))[0]
ok(imap.delete("Renamed"))
ok(imap.delete("Python"))
nested = sorted(name for name in folders() if re.match("Moved(/|$)", name))
assert nested == ["Moved", "Moved/Here", "Moved/Here/&2D3eAA-", "Moved/Here/Deeper"], nested
for name in nested[:2]:
    no(imap.delete(name), "HASCHILDREN")
for name in reversed(nested):
    ok(imap.delete(name))
left = [name for name in folders() if re.search("Python|Renamed|Moved|Here|Deeper|&2D3eAA-", name)]
gone = ["&2D3eAA-", "Deeper", "Here", "Moved", "Python", "Renamed"]
assert sorted(left) == [f"Deleted Items/{name}" for name in gone], left
for name in ("INBOX", "Drafts", '"Sent Items"', '"Deleted Items"'):
    no(imap.delete(name), "CANNOT")
no(imap.delete("Nothing"), "NONEXISTENT")
imap.logout()
