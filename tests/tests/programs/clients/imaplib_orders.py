# SORT and THREAD of messages that refer to each other at random, against a plain reading of RFC 5256 here, which shares no code
# with the gateway.
import datetime, email, email.policy, email.utils, imaplib, random, re, sys, unicodedata

host, port, user, password = sys.argv[1:]
imap = imaplib.IMAP4(host, int(port))
imap.login(user, password)
chance = random.Random(5256)
for capability in ["SORT", "SORT=DISPLAY", "ESORT", "THREAD=REFERENCES", "THREAD=REFS", "THREAD=ORDEREDSUBJECT"]:
    assert capability in imap.capabilities, imap.capabilities


def ok(answer):
    assert answer[0] == "OK", answer
    return answer[1]


subjects = ["Lunch", "Budget", "Äpfel", "[list] Budget", "", "Zoo", "lunch"]
names = ["Zoë", "alice", "Bob", "", "Ärger"]
ok(imap.create("Talk"))
COUNT = 150
begin = datetime.datetime(2026, 1, 5, 8, tzinfo=datetime.timezone.utc)
for number in range(COUNT):
    message = email.message.EmailMessage(policy=email.policy.SMTP)
    prefix = chance.choice(["", "", "Re: ", "Fwd: ", "RE[2]: "])
    trailer = chance.choice(["", "", "", " (fwd)"])
    message["Subject"] = prefix + chance.choice(subjects) + trailer
    message["From"] = email.utils.formataddr((chance.choice(names), f"{chance.choice('abcd')}@example.test"))
    message["To"] = f"{chance.choice('xyz')}@example.test"
    if chance.random() < 0.9:
        sent = begin + datetime.timedelta(minutes=chance.randrange(10000))
        message["Date"] = email.utils.format_datetime(sent)
    if chance.random() < 0.95:
        message["Message-ID"] = f"<{number if chance.random() < 0.97 else 0}@example.test>"
    if chance.random() < 0.6:
        others = [f"<{chance.randrange(COUNT + 20)}@example.test>" for _ in range(chance.randrange(1, 4))]
        message[chance.choice(["References", "References", "In-Reply-To"])] = " ".join(others)
    message.set_content("x" * chance.randrange(200))
    arrived = begin + datetime.timedelta(minutes=chance.randrange(10000))
    ok(imap.append("Talk", None, imaplib.Time2Internaldate(arrived), bytes(message)))
ok(imap.select("Talk"))


def collated(text):
    return b"".join(unicodedata.normalize("NFKD", c.upper() if len(c.upper()) == 1 else c).encode() for c in text)


def base(subject):
    """The base subject, and whether something of a reply was taken away (RFC 5256 2.1)."""
    text, reply = re.sub(r"\s+", " ", subject), False
    blob, refwd = r"\[[^\[\]]*\] *", r"(?:re|fwd?) *(?:\[[^\[\]]*\] *)?:"
    while True:
        before = text
        while re.search(r"( |\(fwd\))$", text, re.I):
            reply |= not text.endswith(" ")
            text = re.sub(r"( |\(fwd\))$", "", text, flags=re.I)
        while True:
            start = text
            text = text.lstrip(" ")
            if found := re.match(f"(?:{blob})*{refwd}", text, re.I):
                text, reply = text[found.end():], True
            if (found := re.match(blob, text)) and text[found.end():]:
                text = text[found.end():]
            if text == start:
                break
        if found := re.fullmatch(r"\[fwd:(.*)\]", text, re.I):
            text, reply = found[1], True
        if text == before:
            return text, reply


class Message:
    def __init__(self, number, head, raw):
        self.number = number
        message = email.message_from_bytes(raw, policy=email.policy.default)
        arrived = re.search(rb'INTERNALDATE "([^"]+)"', head)[1].decode().strip()
        self.arrived = datetime.datetime.strptime(arrived, "%d-%b-%Y %H:%M:%S %z").timestamp()
        date = message["Date"]
        self.sent = date.datetime.timestamp() if date else self.arrived
        subject, self.reply = base(str(message["Subject"] or ""))
        self.subject = collated(subject)
        address = message["From"].addresses[0]
        self.sender = collated(address.username)
        self.display = collated(address.display_name or address.addr_spec)
        self.to = collated(message["To"].addresses[0].username)
        self.size = len(raw)
        ids = lambda name: re.findall(r"<([^>]+)>", str(message[name] or ""))
        self.id = (ids("Message-ID") or [None])[0]
        self.references = ids("References") or ids("In-Reply-To")[:1]


messages = {}
for part in ok(imap.fetch("1:*", "(INTERNALDATE BODY.PEEK[])")):
    if isinstance(part, tuple):
        number = int(part[0].split()[0])
        messages[number] = Message(number, part[0], part[1])
assert len(messages) == COUNT, len(messages)

keys = {
    "ARRIVAL": lambda m: m.arrived,
    "DATE": lambda m: m.sent,
    "SUBJECT": lambda m: m.subject,
    "FROM": lambda m: m.sender,
    "TO": lambda m: m.to,
    "DISPLAYFROM": lambda m: m.display,
    "SIZE": lambda m: m.size,
}
for _ in range(60):
    wanted = [(chance.choice(list(keys)), chance.random() < 0.4) for _ in range(chance.randrange(1, 5))]
    expected = sorted(messages)
    for key, reverse in reversed(wanted):
        # Stable both ways.
        ranks = {value: rank for rank, value in enumerate(sorted({keys[key](m) for m in messages.values()}))}
        expected.sort(key=lambda number: ranks[keys[key](messages[number])] * (-1 if reverse else 1))
    program = "(" + " ".join(("REVERSE " if reverse else "") + key for key, reverse in wanted) + ")"
    found = [int(number) for number in ok(imap.sort(program, "UTF-8", "ALL"))[0].split()]
    assert found == expected, (program, found, expected)
assert ok(imap.uid("SORT", "(SUBJECT)", "UTF-8", "SUBJECT", "lunch"))[0].split()


class Node:
    def __init__(self, message=None):
        self.message, self.parent, self.children = message, None, []


def is_above(node, other):
    while other:
        if other is node:
            return True
        other = other.parent
    return False


def link(parent, child):
    if child.parent is None and not is_above(child, parent):
        child.parent = parent


def first(node):
    found = node.message or min((child.message for child in node.children), key=lambda m: (m.sent, m.number))
    return (found.sent, found.number)


def threads(algorithm):
    table, nodes = {}, []

    def of(name):
        if name not in table:
            table[name] = Node()
            nodes.append(table[name])
        return table[name]

    for number in sorted(messages):
        message = messages[number]
        node = of(message.id) if message.id else None
        if node is None or node.message:
            node = Node()
            nodes.append(node)
        node.message = message
        last = None
        for reference in message.references:
            other = of(reference)
            if last:
                link(last, other)
            last = other
        node.parent = None if node.parent is not last else last
        if last:
            link(last, node)
    for node in nodes:
        if node.parent:
            node.parent.children.append(node)

    def pruned(node):
        """What stands in its place."""
        node.children = [other for child in node.children for other in pruned(child)]
        return [node] if node.message else node.children

    roots = []
    for node in [node for node in nodes if not node.parent]:
        left = pruned(node)
        if node.message or len(left) <= 1:
            roots += left
        else:
            roots.append(node)
    if algorithm == "REFERENCES":
        roots = merged(sorted(roots, key=first))
        return shown(sorted(roots, key=first))
    return shown(sorted(roots, key=lambda root: (newest(root), first(root)[1])))


def newest(node):
    own = [node.message.arrived] if node.message else []
    return max(own + [newest(child) for child in node.children])


def merged(roots):
    def subject(root):
        return (messages[first(root)[1]]).subject

    def is_reply(root):
        return root.message is not None and root.message.reply

    table = {}
    for root in roots:
        name = subject(root)
        if not name:
            continue
        known = table.get(name)
        if known is None or (known.message and (not root.message or (is_reply(known) and not is_reply(root)))):
            table[name] = root
    out = list(roots)
    for root in roots:
        name = subject(root)
        if not name or table[name] is root:
            continue
        known = table[name]
        out.remove(root)
        if not known.message and not root.message:
            known.children += root.children
        elif not known.message or (is_reply(root) and not is_reply(known)):
            known.children.append(root)
        else:
            out.remove(known)
            both = Node()
            both.children = [known, root]
            table[name] = both
            out.append(both)
    return out


def shown(roots):
    def line(node):
        parts = [str(node.message.number)] if node.message else []
        children = sorted(node.children, key=first)
        if len(children) == 1:
            parts.append(line(children[0]))
        elif children:
            parts.append("".join(f"({line(child)})" for child in children))
        return " ".join(parts)

    return "".join(f"({line(root)})" for root in roots)


def by_subject():
    groups = {}
    for message in sorted(messages.values(), key=lambda m: (m.sent, m.number)):
        groups.setdefault(message.subject, []).append(str(message.number))
    rest = lambda numbers: f" {numbers[0]}" if len(numbers) == 1 else " " * bool(numbers) + "".join(f"({n})" for n in numbers)
    return "".join(f"({group[0]}{rest(group[1:])})" for group in groups.values())


for algorithm, expected in [
    ("REFERENCES", threads("REFERENCES")),
    ("REFS", threads("REFS")),
    ("ORDEREDSUBJECT", by_subject()),
]:
    found = ok(imap.thread(algorithm, "UTF-8", "ALL"))[0].decode()
    assert found == expected, (algorithm, found, expected)
    assert found.count("(") > 20 and sorted(map(int, re.findall(r"\d+", found))) == sorted(messages), found
imap.logout()
