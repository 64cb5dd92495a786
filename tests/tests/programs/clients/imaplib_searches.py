# SEARCH: random combinations of every key of RFC 3501, against a brute-force reading of the same messages with Python's
# email package, which shares no code with the gateway.
import datetime, email, email.header, email.policy, email.utils, html.parser, imaplib, random, re, sys

host, port, user, password = sys.argv[1:]
imap = imaplib.IMAP4(host, int(port))
imap.login(user, password)
chance = random.Random(3501)


def ok(answer):
    assert answer[0] == "OK", answer
    return answer[1]


ok(imap.select("INBOX"))
total = int(ok(imap.search(None, "ALL"))[0].split()[-1])
marks = [r"\Seen", r"\Answered", r"\Flagged", r"\Draft", r"\Deleted", "$Label1", "Work"]
for mark in marks:
    some = ",".join(str(number) for number in range(1, total + 1) if chance.random() < 0.4)
    ok(imap.store(some, "+FLAGS.SILENT", f"({mark})"))
# Gone from the middle, so that numbers and UIDs differ.
ok(imap.store("3,8", "+FLAGS.SILENT", r"(\Deleted)"))
ok(imap.uid("EXPUNGE", "3,8"))


def decoded(value):
    try:
        return str(email.header.make_header(email.header.decode_header(re.sub(r"\r?\n", "", value))))
    except (LookupError, UnicodeError):
        return value


class Page(html.parser.HTMLParser):
    """What HTML shows."""

    def __init__(self, text):
        super().__init__()
        self.hidden, self.shown = 0, ""
        self.feed(text)
        self.close()

    def handle_starttag(self, tag, attributes):
        self.hidden += tag in ("script", "style", "template", "title")
        self.set_apart(tag)

    def handle_endtag(self, tag):
        self.hidden -= tag in ("script", "style", "template", "title")
        self.set_apart(tag)

    def set_apart(self, tag):
        self.shown += "" if tag in ("a", "b", "i", "em", "strong", "span", "font", "u") else " "

    def handle_data(self, text):
        self.shown += "" if self.hidden else text


class Message:
    def __init__(self, number, head, raw):
        self.number = number
        self.uid = int(re.search(rb"UID (\d+)", head).group(1))
        self.flags = {flag.decode().lower() for flag in imaplib.ParseFlags(head)}
        date = re.search(rb'INTERNALDATE "([^"]+)"', head).group(1).decode().strip()
        self.internal = datetime.datetime.strptime(date, "%d-%b-%Y %H:%M:%S %z").date()
        self.size = int(re.search(rb"RFC822.SIZE (\d+)", head).group(1))
        assert self.size == len(raw)
        parsed = email.message_from_bytes(raw, policy=email.policy.compat32)
        self.headers = [(name.lower(), decoded(str(value)).lower()) for name, value in parsed.items()]
        sent = parsed["Date"] and email.utils.parsedate_tz(parsed["Date"])
        self.sent = sent and datetime.date(*sent[:3])
        # Text that names no charset is read as UTF-8.
        self.texts = [part.get_payload(decode=True).decode(part.get_content_charset() or "utf-8", "replace").lower()
                      for part in parsed.walk() if part.get_content_maintype() == "text"]
        # HTML is found by what it shows and by how it is written.
        pages = [part.get_payload(decode=True).decode(part.get_content_charset() or "utf-8", "replace")
                 for part in parsed.walk() if part.get_content_type() == "text/html"]
        self.shown = [" ".join(Page(page).shown.lower().split()) for page in pages]
        self.texts += self.shown
        # What is in a message within is body, too.
        inner = [part for part in parsed.walk() if part is not parsed and part.get_content_type() == "message/rfc822"]
        self.texts += [decoded(str(value)).lower() for part in inner for value in part.get_payload(0).values()]
        # Headers of parts, and names of attachments as they are shown, are text.
        parts = [part for part in parsed.walk() if part is not parsed]
        self.part_headers = [decoded(str(value)).lower() for part in parts for value in part.values()]
        self.part_headers += [decoded(part.get_filename() or "").lower() for part in parts]

    def header(self, name, text):
        return any(name == known and text in value for known, value in self.headers)

    def body(self, text):
        return any(text in known for known in self.texts)

    def text(self, text):
        in_header = any(text in name or text in value for name, value in self.headers)
        return self.body(text) or in_header or any(text in value for value in self.part_headers)


messages = []
rows = ok(imap.fetch("1:*", "(UID FLAGS INTERNALDATE RFC822.SIZE BODY.PEEK[])"))
for row, tail in zip(rows[::2], rows[1::2]):
    messages.append(Message(len(messages) + 1, row[0] + tail, row[1]))
assert len(messages) == total - 2 and messages[-1].uid > len(messages)
assert any(page for message in messages for page in message.shown)
words = sorted({word for message in messages for text in message.texts + [value for _, value in message.headers]
                for word in re.findall(r"\w{4,12}", text)})
dates = sorted({date for message in messages for date in (message.internal, message.sent) if date})
sizes = sorted(message.size for message in messages)


def quoted(text):
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'


def day(date):
    return f"{date.day}-{date:%b-%Y}"


def number_set(last):
    ranges = []
    for _ in range(chance.randint(1, 3)):
        one, other = chance.randint(1, last), chance.choice([chance.randint(1, last), None])
        ranges.append((one, other, chance.random() < 0.5))
    text = ",".join(str(one) if single else f"{one}:{other or '*'}" for one, other, single in ranges)
    return text, lambda n: any(n == one if single else min(one, other or last) <= n <= max(one, other or last)
                               for one, other, single in ranges)


def key(depth):
    """A key: its words, and what it says of a message."""
    kind = chance.randrange(16 if depth else 12)
    if kind == 0:
        text, holds = number_set(len(messages))
        return text, lambda m: holds(m.number)
    if kind == 1:
        text, holds = number_set(messages[-1].uid)
        return f"UID {text}", lambda m: holds(m.uid)
    if kind == 2:
        name = chance.choice(["Seen", "Answered", "Flagged", "Draft", "Deleted"])
        holds = lambda m: f"\\{name}".lower() in m.flags
        return (name.upper(), holds) if chance.random() < 0.5 else (f"UN{name}".upper(), lambda m: not holds(m))
    if kind == 3:
        name = chance.choice(["$Label1", "work", "nothing"])
        holds = lambda m: name.lower() in m.flags
        return (f"KEYWORD {name}", holds) if chance.random() < 0.5 else (f"UNKEYWORD {name}", lambda m: not holds(m))
    if kind == 4:
        return chance.choice([("ALL", lambda m: True), ("OLD", lambda m: "\\recent" not in m.flags),
                              ("RECENT", lambda m: "\\recent" in m.flags),
                              ("NEW", lambda m: "\\recent" in m.flags and "\\seen" not in m.flags)])
    if kind in (5, 6):
        date, of = chance.choice(dates), ("internal", "") if kind == 5 else ("sent", "SENT")
        name, test = chance.choice([("BEFORE", lambda d: d < date), ("ON", lambda d: d == date),
                                    ("SINCE", lambda d: d >= date)])
        return f"{of[1]}{name} {day(date)}", lambda m: bool(getattr(m, of[0])) and test(getattr(m, of[0]))
    if kind == 7:
        size = chance.choice(sizes)
        return chance.choice([(f"LARGER {size}", lambda m: m.size > size), (f"SMALLER {size}", lambda m: m.size < size)])
    word = chance.choice(words)
    if chance.random() < 0.3:
        word = word.upper()
    lower = word.lower()
    if kind == 8:
        name = chance.choice(["From", "To", "Cc", "Bcc", "Subject"])
        return f"{name.upper()} {quoted(word)}", lambda m: m.header(name.lower(), lower)
    if kind == 9:
        name = chance.choice(["Message-ID", "subject", "X-Mailer", "Content-Type", "Reply-To", "Importance"])
        text = chance.choice(["", word])
        return f"HEADER {name} {quoted(text)}", lambda m: m.header(name.lower(), text.lower())
    if kind == 10:
        return f"BODY {quoted(word)}", lambda m: m.body(lower)
    if kind == 11:
        return f"TEXT {quoted(word)}", lambda m: m.text(lower)
    one, says_one = key(depth - 1)
    if kind == 12:
        return f"NOT {one}", lambda m: not says_one(m)
    other, says_other = key(depth - 1)
    if kind in (13, 14):
        return f"OR {one} {other}", lambda m: says_one(m) or says_other(m)
    return f"({one} {other})", lambda m: says_one(m) and says_other(m)


imap._encoding = "utf-8"
found_some = 0
for step in range(250):
    keys = [key(2) for _ in range(chance.randint(1, 3))]
    text = " ".join(words for words, _ in keys)
    expected = [m for m in messages if all(says(m) for _, says in keys)]
    found_some += bool(expected)
    charset = "UTF-8" if not text.isascii() or step % 3 == 0 else None
    if text.isascii():
        by_uid = ok(imap.uid("SEARCH", *(("CHARSET", charset) if charset else ()), text))[0].split()
        by_number = ok(imap.search(charset, text))[0].split()
    else:
        # Quoted strings hold ASCII only, so the one key that isn't comes as a literal.
        keys = [(words, says) for words, says in keys if words.isascii()]
        word = next(word for word in re.findall(r'"([^"]*)"', text) if not word.isascii())
        text = " ".join([words for words, _ in keys] + ["TEXT"])
        expected = [m for m in messages if all(says(m) for _, says in keys) and m.text(word.lower())]
        imap.literal = word.encode()
        by_uid = ok(imap.uid("SEARCH", "CHARSET", "UTF-8", text))[0].split()
        imap.literal = word.encode()
        by_number = ok(imap.search("UTF-8", text))[0].split()
        text += " " + word
    assert [int(uid) for uid in by_uid] == [m.uid for m in expected], (text, by_uid, [m.uid for m in expected])
    assert [int(number) for number in by_number] == [m.number for m in expected], (text, by_number)
assert found_some > 60, found_some
assert imap.search("X-NOTHING", "ALL")[0] == "NO"
assert ok(imap.search(None, "9999")) == [b""]
for wrong in ("0", "SINCE yesterday", "KEYWORD", "NOT", "OR ALL", "(ALL", "XYZZY", "HEADER Subject"):
    try:
        assert imap.search(None, wrong)[0] != "OK", wrong
    except imaplib.IMAP4.error:
        pass
imap.logout()
