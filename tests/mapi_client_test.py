"""The sandbox, seen by a client that shares no code with it. Usage: mapi_client_test.py BASE_URL [CLASS...]

Expects a sandbox with the users alice@example.test and bob@example.test, password "demo", seeded. The class Timing wants one
with pending period 100 ms, wait limit 1.5 s, expiration 2 s, and is skipped unless it is named.
"""
import base64, os, re, struct, sys, threading, time, unittest

import mapi_client as m
from mapi_client import *

BASE = None
# The manners of the sandbox: what servers do differently is expected accordingly.
MANNERS = os.environ.get("SANDBOX_MANNERS", "default")
POLITE, GROMOX, RUDE = MANNERS == "default", MANNERS == "gromox", MANNERS == "rude"
m.SHORT_WRITES = not POLITE
FLAGS, SUBJECT, MID, CN, SIZE = 0x0E070003, 0x0037001F, 0x674A0014, 0x67A40014, 0x0E080003
BODY, STATUS, SOURCE_KEY = 0x1000001F, 0x0E170003, 0x65E00102
SYNC_TAGS = [FLAGS, SUBJECT, 0x1035001F, 0x10900003, 0x0E060040]


def code(n):
    """X-ResponseCode of the specification -> as this server numbers it."""
    return n if POLITE else {10: 2, 11: 4, 13: 6, 15: 7}[n]


def entry(dn):
    return bytes(4) + bytes.fromhex("dca740c8c042101ab4b908002b2fe182") + u32(1) + u32(0) + z8(dn)


def mid(v):
    return struct.pack("<q", v)


def close(session):
    for c in (session.conn, session.wait_conn):
        if c: c.close()


class Case(unittest.TestCase):
    user = "alice@example.test"

    def setUp(self):
        self.s = Session(BASE, self.user, "demo")
        self.assertEqual(self.s.connect()["error"], "0x00000000")
        self.logon = self.s.logon()
        lt = self.s.execute([LongTermIdFromId(self.logon, self.logon.fids[4])])[0]["long_term_id"]
        self.logon_guid, self.logon.repl_guid = self.logon.repl_guid, bytes.fromhex(lt)[:16]
        self.inbox = self.s.folder(self.logon, self.logon.fids[4])

    def tearDown(self):
        self.s.disconnect()
        close(self.s)

    def make_folder(self, name):
        top = self.s.folder(self.logon, self.logon.fids[3])
        h = Handle("test folder")
        r = self.s.execute([CreateFolder(top, h, name, existing=1)])[0]
        fid_ = r["folder_id"]
        h.fid = struct.pack("<H", int(fid_[:4], 16)) + bytes.fromhex(fid_[5:])
        self.s.execute([EmptyFolder(h)])
        return h

    def add(self, folder, subject, **props):
        """A saved message -> its MID as 8 bytes."""
        h = Handle("message")
        d = {SUBJECT: subject, BODY: f"body of {subject}", FLAGS: 0}
        d.update({int(k[1:], 16): v for k, v in props.items()})
        r = self.s.execute([CreateMessage(self.logon, h, folder.fid), SetProps(h, d),
                            ModifyRecipients(h, [smtp_row(1, "bob@example.test", "Bob Example", 0)]), SaveChangesMessage(h), Release(h)])
        i = r[-1]["message_id"]
        return struct.pack("<H", int(i[:4], 16)) + bytes.fromhex(i[5:])

    def edit(self, folder, message, d):
        h = Handle("message")
        self.s.execute([OpenMessage(folder, h, folder.fid, message, 1), SetProps(h, d), SaveChangesMessage(h), Release(h)])


class Logons(Case):
    def test_answers(self):
        r = self.logon.result
        self.assertEqual(r["response_flags"] & 3, 3)
        lt = self.s.execute([LongTermIdFromId(self.logon, self.logon.fids[4])])[0]["long_term_id"]
        self.assertEqual(bytes.fromhex(lt)[:16] == self.logon_guid, POLITE)
        back = self.s.execute([IdFromLongTermId(self.logon, bytes.fromhex(lt))])[0]["id"]
        self.assertEqual(back, fid(self.logon.fids[4]))
        self.assertEqual(self.s.execute([GetReceiveFolder(self.logon, "IPM.Note")])[0]["class"], "IPM")
        self.s.ping()

    def test_wrong_things_are_refused(self):
        with self.assertRaisesRegex(MapiError, "HTTP 401"):
            s = Session(BASE, "alice@example.test", "wrong")
            s.dn, s.paths = self.s.dn, self.s.paths
            s.connect()
        with self.assertRaises(MapiError):
            self.s.logon(dn="/o=nobody", lid=3)
        x = self.s.execute([OpenFolder(self.logon, Handle(), bytes(8))], raise_=False)[0]
        self.assertEqual(x["ret"], 0x8004010F)
        h = Handle()
        got = self.s.execute([OpenFolder(self.logon, h, bytes(8)), GetContentsTable(h, Handle())], raise_=False)
        self.assertEqual([x["ret"] for x in got], [0x8004010F, 0x4B9])
        with self.assertRaisesRegex(MapiError, "0x000004B6"):
            self.s.execute([], raw_payload=b"\x05\x00\xEE\x00\x00")

    def test_cookies_and_sequence(self):
        old = dict(self.s.jar)
        self.s.execute([])
        with self.assertRaisesRegex(MapiError, f"X-ResponseCode {code(15)}"):
            self.s.post("emsmdb", "Execute", b"", cookies=old)
        self.s.execute([])
        with self.assertRaisesRegex(MapiError, f"X-ResponseCode {code(13)}"):
            self.s.post("emsmdb", "Execute", b"", cookies={})
        with self.assertRaisesRegex(MapiError, f"X-ResponseCode {code(10)}"):
            self.s.post("emsmdb", "Execute", b"", cookies={**self.s.jar, "MapiContext": "x"})
        bob = Session(BASE, "bob@example.test", "demo")
        bob.prepare()
        with self.assertRaisesRegex(MapiError, f"X-ResponseCode {code(11)}"):
            bob.post("emsmdb", "Execute", b"", cookies=self.s.jar)


class Tables(Case):
    def test_hierarchy(self):
        top = self.s.folder(self.logon, self.logon.fids[3])
        t = Handle("table")
        got = self.s.execute([GetHierarchyTable(top, t, 4), SetColumns(t, [0x67480014, 0x67490014, 0x3001001F, 0x3613001F, 0x36020003, 0x30050003]),
                              QueryRows(t, 1000), QueryPosition(t)])
        rows = got[2]["rows"]
        self.assertEqual(got[0]["row_count"], len(rows))
        names = {r[0x3001001F]: r for r in rows}
        self.assertIn("Alpha/Beta & Co", names)
        self.assertEqual(names["Calendar"][0x3613001F], "IPF.Appointment")
        self.assertEqual(names["Alpha/Beta & Co"][0x67490014], names["Projects"][0x67480014])
        self.assertEqual(names["Alpha/Beta & Co"][0x30050003], names["Projects"][0x30050003] + 1)
        self.assertEqual((got[3]["numerator"], got[3]["denominator"]), (len(rows), len(rows)))

    def test_special_folders(self):
        p = self.s.execute([GetProps(self.inbox, [0x36D70102, 0x36D81102, 0x35FF0102])])[0]["props"]
        drafts = self.s.execute([IdFromLongTermId(self.logon, p[0x36D70102][22:46])])[0]["id"]
        junk = self.s.execute([IdFromLongTermId(self.logon, p[0x36D81102][4][22:46])])[0]["id"]
        name = lambda i: self.s.execute([GetProps(self.s.folder(self.logon, struct.pack("<H", int(i[:4], 16)) + bytes.fromhex(i[5:])), [0x3001001F])])[0]["props"][0x3001001F]
        self.assertEqual((name(drafts), name(junk)), ("Drafts", "Junk Email"))

    def test_contents(self):
        f = self.make_folder("tables")
        for k in range(20): self.add(f, f"subject {k:02}")
        rows = self.s.rows(f, [MID, SUBJECT, FLAGS, SIZE, 0x0E230003], sort=[(SUBJECT, 1)])
        self.assertEqual([r[SUBJECT] for r in rows], [f"subject {k:02}" for k in reversed(range(20))])
        self.assertEqual(sorted(r[0x0E230003] for r in rows), list(range(rows[-1][0x0E230003], rows[-1][0x0E230003] + 20)))
        rows = self.s.rows(f, [SUBJECT], res=r_content(SUBJECT, "SUBJECT 1", low=2))
        self.assertEqual(len(rows), 10)
        self.assertEqual([r[SUBJECT] for r in self.s.rows(f, [SUBJECT], res=r_content(BODY, "OF SUBJECT 17"))], ["subject 17"])
        both = r_and(r_content(0x0E04001F, "bob"), r_content(SUBJECT, "subject 03", low=0))
        self.assertEqual(len(self.s.rows(f, [SUBJECT], res=both)), 1)
        t = Handle()
        got = self.s.execute([GetContentsTable(f, t), SetColumns(t, [SUBJECT]), SortTable(t, (SUBJECT, 0)),
                              FindRow(t, r_prop(4, SUBJECT, "subject 07")), QueryRows(t, 2), SeekRow(t, 2, -1), QueryRows(t, 5), SeekRow(t, 0, 100)])
        self.assertEqual(got[3]["row"][SUBJECT], "subject 07")
        self.assertEqual([r[SUBJECT] for r in got[4]["rows"]], ["subject 07", "subject 08"])
        self.assertEqual([r[SUBJECT] for r in got[6]["rows"]], ["subject 19"])
        self.assertEqual((got[7]["less"], got[7]["sought"]), (1, 20))
        x = self.s.execute([FindRow(t, r_prop(4, SUBJECT, "none"))], raise_=False)[0]
        self.assertEqual(x["ret"], 0x8004010F)

    def test_long_values_are_cut_and_missing_ones_flagged(self):
        f = self.make_folder("cut")
        self.add(f, "x" * 400)
        row = self.s.rows(f, [SUBJECT, 0x1042001F])[0]
        self.assertEqual(len(row[SUBJECT]), 255)
        self.assertEqual(row[0x1042001F], 0x8004010F)

    def test_chained_rows(self):
        archive = self.make_folder("chain")
        n = 300
        for k in range(0, n, 25):
            q = []
            for j in range(k, k + 25):
                h = Handle()
                q += [CreateMessage(self.logon, h, archive.fid), SetProps(h, {SUBJECT: f"{j} " + "y" * 120}), SaveChangesMessage(h), Release(h)]
            self.s.execute(q)
        t = Handle()
        self.s.execute([GetContentsTable(archive, t), SetColumns(t, [MID, SUBJECT])])
        got = self.s.execute([QueryRows(t, 0x7FFF, flags=0 if GROMOX else 2)], flags=7)
        self.assertGreater(self.s.last["payloads"], 1)
        self.assertEqual(sum(len(x["rows"]) for x in got), n)
        self.assertEqual(len({r[MID] for x in got for r in x["rows"]}), n)


class Ics(Case):
    def test_rounds(self):
        s, f = self.s, self.make_folder("ics")
        other = self.make_folder("ics other")
        ids = [self.add(f, f"m{k}") for k in range(5)]
        full = s.sync(f, tags=SYNC_TAGS)
        self.assertTrue(full.ended)
        self.assertEqual({c[SUBJECT] for c in full.changes}, {f"m{k}" for k in range(5)})
        c = full.changes[0]
        self.assertEqual(c[SOURCE_KEY], self.logon.repl_guid + mid(c[MID])[2:])
        self.assertNotIn(BODY, c)
        given = idset(full.state[0x40170003])
        self.assertTrue(all(in_idset(given, int.from_bytes(i[2:], "big")) for i in ids))
        state = full.state

        def round_():
            nonlocal state
            got = s.sync(f, state, tags=SYNC_TAGS)
            state = got.state
            return got
        quiet = lambda g: self.assertFalse(g.changes or g.deletions or g.reads)
        quiet(round_())
        cn = lambda i: s.rows(f, [MID, CN, 0x0E230003, 0x30080040])
        before = {r[MID]: r for r in cn(0)}
        # Read state: no change number, no article number, only the read set.
        s.execute([SetReadFlags(f, [ids[0]], 1)])
        g = round_()
        self.assertFalse(g.changes)
        self.assertEqual(list(idset(g.reads[0x402D0102], False).values()), [[[int.from_bytes(ids[0][2:], "big")] * 2]])
        self.assertEqual({r[MID]: r for r in cn(0)}, before)
        s.execute([SetReadFlags(f, [ids[0]], 5)])
        self.assertIn(0x402E0102, round_().reads)
        quiet(round_())
        # A property: a change with new change and article number.
        self.edit(f, ids[1], {0x10900003: 2})
        g = round_()
        self.assertEqual([(mid(x[MID]), x[0x10900003]) for x in g.changes], [(ids[1], 2)])
        after = {r[MID]: r for r in cn(0)}
        key = struct.unpack("<q", ids[1])[0]
        self.assertNotEqual(after[key][CN], before[key][CN])
        self.assertGreater(after[key][0x0E230003], before[key][0x0E230003])
        # Both at once: only the change, with its current read bit.
        self.edit(f, ids[2], {0x10900003: 2})
        s.execute([SetReadFlags(f, [ids[2]], 1)])
        g = round_()
        self.assertEqual(len(g.changes), 1)
        self.assertTrue(g.changes[0][FLAGS] & 1)
        self.assertFalse(g.reads)
        # Status: nothing.
        s.execute([SetMessageStatus(f, ids[3], 8, 8)])
        quiet(round_())
        self.assertEqual(s.execute([GetMessageStatus(f, ids[3])])[0]["status_flags"], 8)
        # Deletions, soft and hard, and a move.
        s.execute([DeleteMessages(f, [ids[0]]), DeleteMessages(f, [ids[1]], hard=True), MoveCopyMessages(f, other, [ids[2]], 0)])
        g = round_()
        gone = {k: v for k, v in g.deletions.items()}
        want = {int.from_bytes(i[2:], "big") for i in ids[:3]}
        self.assertEqual({n for v in gone.values() for rs in idset(v, False).values() for a, b in rs for n in range(a, b + 1)}, want)
        self.assertEqual(len(s.sync(other, tags=SYNC_TAGS).changes), 1)
        quiet(round_())
        new = self.add(f, "later")
        g = round_()
        self.assertEqual([mid(x[MID]) for x in g.changes], [new])

    def test_named_properties_in_the_include_list(self):
        f = self.make_folder("ics named")
        i = self.s.execute([GetIdsFromNames(self.logon, [("00020329-0000-0000-c000-000000000046", "Keywords")])])[0]["ids"][0]
        tag = i << 16 | 0x101F
        message = self.add(f, "k")
        self.edit(f, message, {tag: ["red", "Größe"]})
        g = self.s.sync(f, tags=[tag])
        key = next(k for k in g.changes[0] if isinstance(k, tuple))
        self.assertEqual(key[2], "Keywords")
        self.assertEqual(g.changes[0][key], ["red", "Größe"])
        row = self.s.rows(f, [tag])[0]
        self.assertEqual(row[tag], ["red", "Größe"])

    def test_hierarchy(self):
        s = self.s
        top = s.folder(self.logon, self.logon.fids[3])
        full = s.sync(top, kind=2, flags=0x101, extra=1)
        names = {c[0x3001001F] for c in full.changes}
        self.assertLessEqual({"Inbox", "Drafts", "Alpha/Beta & Co"}, names)
        h = Handle()
        name = f"h{time.time()}"
        s.execute([CreateFolder(top, h, name)])
        g = s.sync(top, full.state, kind=2, flags=0x101, extra=1)
        self.assertEqual([c[0x3001001F] for c in g.changes], [name])
        s.execute([SetProps(h, {0x3001001F: name + " renamed"})])
        g2 = s.sync(top, g.state, kind=2, flags=0x101, extra=1)
        self.assertEqual([c[0x3001001F] for c in g2.changes], [name + " renamed"])
        s.execute([DeleteFolder(top, mid(g2.changes[0][0x67480014]))])
        g3 = s.sync(top, g2.state, kind=2, flags=0x101, extra=1)
        self.assertFalse(g3.changes)
        self.assertIn(0x67E50102, g3.deletions)

    def test_uploads(self):
        s = self.s
        a, b = self.make_folder("up a"), self.make_folder("up b")
        x, y = self.add(a, "x"), self.add(a, "y")
        guid = self.logon.repl_guid
        r = s.execute([GetLocalReplicaIds(self.logon, 10)])[0]
        new = bytes.fromhex(r["counter"])
        self.assertEqual(bytes.fromhex(r["guid"]), guid)
        p = Handle()
        props = s.execute([OpenMessage(a, p, a.fid, x), GetProps(p, [0x65E20102, 0x65E30102])])[1]["props"]
        col = Handle()
        s.execute([OpenCollector(b, col), ImportMessageMove(col, guid + a.fid[2:], guid + x[2:], props[0x65E30102], guid + new, props[0x65E20102])])
        self.assertEqual([mid(r[MID])[2:] for r in s.rows(b, [MID])], [new])
        c2 = Handle()
        s.execute([OpenCollector(a, c2), ImportReadStateChanges(c2, [(guid + y[2:], 1)])])
        self.assertTrue(s.rows(a, [FLAGS])[0][FLAGS] & 1)
        s.execute([ImportDeletes(c2, [guid + y[2:]])])
        self.assertEqual(s.rows(a, [MID]), [])


class Messages(Case):
    def test_create_read_and_download(self):
        s, f = self.s, self.make_folder("messages")
        msg, att, stream, emb_att, emb, emb_att2 = (Handle(n) for n in ("msg", "att", "stream", "ea", "emb", "ea2"))
        data = bytes(range(256)) * 300
        body = "Zeile mit Ümlaut 🎉\r\n" * 3000
        s.execute([CreateMessage(self.logon, msg, f.fid), SetProps(msg, {SUBJECT: "RE: whole", 0x1035001F: "<whole@x>", FLAGS: 1}),
                   ModifyRecipients(msg, [smtp_row(1, "bob@example.test", "Bob Example", 0), smtp_row(2, "carol@elsewhere.test", "Carol", 1)])])
        s.execute([OpenStream(msg, stream, BODY, 2)])
        raw = body.encode("utf-16-le")
        for k in range(0, len(raw), 30000): s.execute([WriteStream(stream, raw[k:k + 30000])])
        s.execute([CommitStream(stream), Release(stream)])
        st = Handle()
        s.execute([CreateAttachment(msg, att), SetProps(att, {0x37050003: 1, 0x3707001F: "data.bin", 0x370E001F: "application/x-test"}), OpenStream(att, st, 0x37010102, 2)])
        for k in range(0, len(data), 30000): s.execute([WriteStream(st, data[k:k + 30000])])
        s.execute([CommitStream(st), Release(st), SaveChangesAttachment(msg, att), Release(att)])
        s.execute([CreateAttachment(msg, emb_att), SetProps(emb_att, {0x37050003: 5, 0x3001001F: "inner"}), OpenEmbeddedMessage(emb_att, emb, 2),
                   SetProps(emb, {SUBJECT: "inner", BODY: "inner body"}), ModifyRecipients(emb, [smtp_row(1, "x@y.test", "X", 0)]),
                   SaveChangesMessage(emb), Release(emb), SaveChangesAttachment(msg, emb_att), Release(emb_att)])
        self.assertEqual(s.rows(f, [MID]), [], "nothing is there before the message is saved")
        i = s.execute([SaveChangesMessage(msg), Release(msg)])[0]["message_id"]
        key = struct.pack("<H", int(i[:4], 16)) + bytes.fromhex(i[5:])

        o, a, r, t = Handle(), Handle(), Handle(), Handle()
        got = s.execute([OpenMessage(f, o, f.fid, key), GetProps(o, [SUBJECT, 0x003D001F, 0x0E1D001F, FLAGS, 0x0E1B000B, 0x0E04001F, BODY, 0x0E030003 & 0xFFFF0000 | 0x1F]),
                         GetAttachmentTable(o, t), SetColumns(t, [0x0E210003, 0x37050003, 0x0E200003, 0x3707001F]), QueryRows(t, 10)])
        p = got[1]["props"]
        self.assertEqual((p[SUBJECT], p[0x003D001F], p[0x0E1D001F]), ("RE: whole", "RE: ", "whole"))
        self.assertEqual(p[FLAGS] & 0x19, 0x11)
        self.assertEqual((p[0x0E1B000B], p[0x0E04001F], p[0x0E03001F]), (True, "Bob Example", "Carol"))
        self.assertEqual(p[BODY], 0x8007000E)
        self.assertEqual((got[0]["subject"], got[0]["recipient_count"]), ("whole", 2))
        self.assertEqual([x["left"] for x in got[0]["recipients"]], [0] if RUDE else [0, 0])
        self.assertEqual([x[0x37050003] for x in got[4]["rows"]], [1, 5])
        s.execute([OpenStream(o, r, BODY)])
        s.execute([ReadStream(r, len(raw) + 10)], flags=7)
        self.assertEqual(r.data.decode("utf-16-le"), body)
        r2 = Handle()
        s.execute([OpenAttachment(o, a, 0), OpenStream(a, r2, 0x37010102)])
        while s.execute([ReadStream(r2, 20000)])[0]["data"]: pass
        self.assertEqual(r2.data, data)
        e, ea = Handle(), Handle()
        got = s.execute([OpenAttachment(o, ea, 1), OpenEmbeddedMessage(ea, e), GetProps(e, [SUBJECT, BODY])])
        self.assertEqual(got[2]["props"], {SUBJECT: "inner", BODY: "inner body"})
        self.assertEqual(got[1]["recipients"][0]["email"], "x@y.test")
        # The same by FastTransfer, both ways.
        for source in (FxCopyTo, None):
            h = Handle()
            s.execute([source(o, h) if source else FxCopyMessages(f, h, [key])])
            seen, level, values = list(atoms(s.drain(h))), 0, {}
            for x in seen:
                if x in ("StartEmbed", "NewAttach", "StartRecip"): level += 1
                elif x in ("EndEmbed", "EndAttach", "EndToRecip"): level -= 1
                elif not isinstance(x, str) and level == 0: values[x[0]] = x[1]
            self.assertEqual((values[SUBJECT], values[BODY]), ("RE: whole", body))
            self.assertIn((0x37010102, data), seen)
            self.assertIn((SUBJECT, "inner"), seen)
            self.assertEqual(seen.count("StartRecip"), 3)
        self.assertEqual(mid(values[MID]), key)

    def test_read_only_handles_and_conflicts(self):
        s, f = self.s, self.make_folder("conflicts")
        key = self.add(f, "conflict")
        a, b, ro = Handle(), Handle(), Handle()
        s.execute([OpenMessage(f, a, f.fid, key, 1), OpenMessage(f, b, f.fid, key, 1), OpenMessage(f, ro, f.fid, key)])
        x = s.execute([SetProps(ro, {SUBJECT: "no"})], raise_=False)[0]
        self.assertEqual(x["ret"], 0x80070005)
        s.execute([SetProps(a, {SUBJECT: "a"}), SaveChangesMessage(a)])
        got = s.execute([SetProps(b, {SUBJECT: "b"}), SaveChangesMessage(b)], raise_=False)
        # Exchange 2013 and 2016 call it a success and commit nothing.
        self.assertEqual(got[1]["ret"], 0 if POLITE else 0x80040109)
        self.assertEqual(s.rows(f, [SUBJECT])[0][SUBJECT], "a")
        got = s.execute([SaveChangesMessage(b, 0x0C)], raise_=False)
        self.assertEqual(got[0]["ret"], 0x80040109 if GROMOX else 0)
        self.assertEqual(s.rows(f, [SUBJECT])[0][SUBJECT], "a" if GROMOX else "b")
        got = s.execute([SetProps(a, {FLAGS: 0, SIZE: 1}), SaveChangesMessage(a, 0x0C)], raise_=False)
        if GROMOX:
            self.assertEqual([p[2] for p in got[0]["problems"]], ["0x80070005", "0x8004011A"])
        else:
            self.assertEqual((got[0]["problems"], got[1]["ret"]), ([], 0x80004005))

    def test_save_flags(self):
        s, f = self.s, self.make_folder("save flags")
        key = self.add(f, "flags")
        h, a = Handle(), Handle()
        s.execute([OpenMessage(f, h, f.fid, key, 1), CreateAttachment(h, a)])
        refused = 0 if GROMOX else 0x80040102
        got = s.execute([SaveChangesAttachment(h, a, 3), SaveChangesMessage(h, 5), SaveChangesMessage(h, 6)], raise_=False)
        self.assertEqual([x["ret"] for x in got], [refused] * 3)
        # KeepOpenReadOnly leaves the handle as it was.
        s.execute([SaveChangesMessage(h, 1)])
        x = s.execute([SetProps(h, {SUBJECT: "later"})], raise_=False)[0]
        self.assertEqual(x["ret"], 0x80070005 if RUDE else 0)

    def test_recipients_fill_the_answer(self):
        s, f = self.s, self.make_folder("recipients")
        h, o = Handle(), Handle()
        rows = [smtp_row(1, f"person-{n:03}@example.test", f"Person {n}", n) for n in range(280)]
        got = s.execute([CreateMessage(self.logon, h, f.fid), SetProps(h, {SUBJECT: "many"}), *(ModifyRecipients(h, rows[n:n + 70]) for n in range(0, 280, 70)),
                         SaveChangesMessage(h), Release(h)])
        i = got[-1]["message_id"]
        key = struct.pack("<H", int(i[:4], 16)) + bytes.fromhex(i[5:])
        x = s.execute([OpenMessage(f, o, f.fid, key)])[0]
        self.assertEqual(x["recipient_count"], 280)
        if RUDE:
            self.assertEqual(len(x["recipients"]), 1)
        else:
            self.assertGreater(len(x["recipients"]), 50)

    def test_replicas_of_elsewhere(self):
        s = self.s
        inbox = bytes.fromhex(s.execute([LongTermIdFromId(self.logon, self.logon.fids[4])])[0]["long_term_id"])
        ask = lambda guid: s.execute([IdFromLongTermId(self.logon, guid + inbox[16:])], raise_=False)[0]
        if RUDE:
            self.assertEqual(ask(b"\xA7" * 16)["ret"], 0x8004010F)
            return
        first, second = ask(b"\xA7" * 16)["id"], ask(b"\xA8" * 16)["id"]
        self.assertEqual(first, ask(b"\xA7" * 16)["id"])
        self.assertEqual(len({first[:4], second[:4], fid(self.logon.fids[4])[:4]}), 3)
        as_id = struct.pack("<H", int(first[:4], 16)) + bytes.fromhex(first[5:])
        back = s.execute([LongTermIdFromId(self.logon, as_id)])[0]["long_term_id"]
        self.assertEqual(bytes.fromhex(back)[:16], b"\xA7" * 16)
        self.assertEqual(s.execute([OpenFolder(self.logon, Handle(), as_id)], raise_=False)[0]["ret"], 0x8004010F)

    def test_folders_that_hold_something_stay(self):
        s, f = self.s, self.make_folder("holds something")
        self.add(f, "inside")
        top = s.folder(self.logon, self.logon.fids[3])
        x = s.execute([DeleteFolder(top, f.fid, 0)])[0]
        self.assertEqual((x["ret"], x["partial"]), (0, 1))
        self.assertEqual(s.execute([DeleteFolder(top, f.fid, 5)])[0]["partial"], 0)

    def test_unknown_table_flags(self):
        top = self.s.folder(self.logon, self.logon.fids[3])
        got = self.s.execute([GetHierarchyTable(top, Handle(), 1), GetContentsTable(self.inbox, Handle(), 4)], raise_=False)
        self.assertEqual([x["ret"] for x in got], [0x80040102] * 2)

    def test_all_properties(self):
        f = self.make_folder("all")
        key = self.add(f, "all")
        o = Handle()
        got = self.s.execute([OpenMessage(f, o, f.fid, key), GetPropsAll(o), GetPropsList(o)])
        self.assertEqual(got[1]["props"][SUBJECT], "all")
        self.assertEqual({f"0x{t:08X}" for t in got[1]["props"]}, set(got[2]["tags"]))
        self.assertGreater(got[1]["props"][SIZE], 20)
        self.assertEqual(self.s.execute([GetPropsAll(f, 0xFFFF)])[0]["props"][0x3001001F], "all")

    def test_copy_and_move_tell_the_new_ids(self):
        s = self.s
        a, b = self.make_folder("copy a"), self.make_folder("copy b")
        ids = [self.add(a, f"c{k}") for k in range(3)]
        sub = Handle()
        s.execute([RegisterNotification(self.logon, sub)])
        s.notes.clear()
        s.execute([MoveCopyMessages(a, b, ids, 1)])
        copied = [n for n in s.notes if n["flags"] == "0x8040"]
        self.assertEqual([n["old_message"] for n in copied], [fid(i) for i in ids])
        self.assertEqual([n["message"] for n in copied], [fid(mid(r[MID])) for r in s.rows(b, [MID])])
        s.notes.clear()
        s.execute([MoveCopyMessages(a, b, ids[:1], 0)])
        self.assertEqual([n["flags"] for n in s.notes][0], "0x8020")
        self.assertEqual(len(s.rows(a, [MID])), 2)


class Sending(Case):
    def test_submit(self):
        s = self.s
        bob = Session(BASE, "bob@example.test", "demo"); bob.connect()
        bl = bob.logon(); bi = bob.folder(bl, bl.fids[4])
        subject = f"sent {time.time()}"
        h = Handle()
        s.execute([CreateMessage(self.logon, h, self.logon.fids[5]),
                   SetProps(h, {SUBJECT: subject, BODY: "hello", 0x674000FB: b"\1" + self.logon.fids[6] + bytes(12), 0x1035001F: "<own@x>"}),
                   ModifyRecipients(h, [smtp_row(1, "bob@example.test", "Bob", 0), smtp_row(3, "alice@example.test", "Alice", 1), smtp_row(1, "x@elsewhere.test", "X", 2)]),
                   SaveChangesMessage(h), SubmitMessage(h), Release(h)])
        find = lambda sess, folder: [r for r in sess.rows(folder, [MID, SUBJECT, FLAGS, 0x0C1A001F, 0x5D01001F, 0x0E02001F]) if r[SUBJECT] == subject]
        got = find(bob, bi)
        self.assertEqual(len(got), 1)
        self.assertEqual((got[0][FLAGS] & 9, got[0][0x0C1A001F], got[0][0x5D01001F], got[0][0x0E02001F]), (0, "Alice Example", "alice@example.test", "Alice" if GROMOX else ""))
        o = Handle()
        r = bob.execute([OpenMessage(bi, o, bi.fid, mid(got[0][MID])), GetProps(o, [0x007D001F, 0x1035001F])])
        self.assertIn("Subject: " + subject, r[1]["props"][0x007D001F])
        self.assertEqual("alice@example.test" in r[1]["props"][0x007D001F].split("To:")[1], GROMOX)
        self.assertEqual(r[1]["props"][0x1035001F] == "<own@x>", POLITE)
        self.assertEqual(r[0]["recipient_count"], 3 if GROMOX else 2)
        self.assertEqual(len(find(s, self.inbox)), 1, "the Bcc recipient")
        sent = s.folder(self.logon, self.logon.fids[6])
        self.assertEqual([r[0x0E02001F] for r in find(s, sent)], ["Alice"])
        self.assertEqual(find(s, s.folder(self.logon, self.logon.fids[5])), [])
        bob.disconnect(); close(bob)

    def test_delete_after_submit_and_refusals(self):
        s = self.s
        h = Handle()
        subject = f"gone {time.time()}"
        s.execute([CreateMessage(self.logon, h, self.logon.fids[5]), SetProps(h, {SUBJECT: subject, 0x0E01000B: True}),
                   ModifyRecipients(h, [smtp_row(1, "nobody@example.test", "N", 0)]), SaveChangesMessage(h)])
        answer = s.execute([SubmitMessage(h)], raise_=False)[0]["ret"]
        self.assertEqual(answer, 0x00040580 if GROMOX else 0)
        sent = s.folder(self.logon, self.logon.fids[6])
        self.assertNotIn(subject, [r[SUBJECT] for r in s.rows(sent, [SUBJECT])])
        self.assertEqual("Undeliverable: " + subject in [r[SUBJECT] for r in s.rows(self.inbox, [SUBJECT])], not GROMOX)
        h2 = Handle()
        got = s.execute([CreateMessage(self.logon, h2, self.logon.fids[5]), SaveChangesMessage(h2), SubmitMessage(h2)], raise_=False)
        self.assertEqual(got[2]["ret"], 0x80040607)


class Limits(Case):
    def test_full_mailboxes(self):
        s, f = self.s, self.make_folder("full")
        send, receive = 0x666E0003, 0x666A0003
        draft = Handle()
        s.execute([CreateMessage(self.logon, draft, self.logon.fids[5]), SetProps(draft, {SUBJECT: "full"}),
                   ModifyRecipients(draft, [smtp_row(1, "bob@example.test", "B", 0)]), SaveChangesMessage(draft)])
        kept = self.add(f, "kept")
        try:
            s.execute([SetProps(self.logon, {send: 1, receive: 1})])
            h = Handle()
            got = s.execute([CreateMessage(self.logon, h, f.fid), SetProps(h, {SUBJECT: "too much"}), SaveChangesMessage(h)], raise_=False)
            self.assertEqual([x["ret"] for x in got], [0, 0, 0x4D9])
            self.assertEqual(s.execute([MoveCopyMessages(f, self.inbox, [kept], 1)], raise_=False)[0]["ret"], 0x4D9)
            self.assertEqual(s.execute([SubmitMessage(draft)], raise_=False)[0]["ret"], 0x4D9)
            change = Handle()
            got = s.execute([OpenMessage(f, change, f.fid, kept, 1), SetProps(change, {0x10900003: 2}), SaveChangesMessage(change)], raise_=False)
            self.assertEqual(got[2]["ret"], 0x8004060C if GROMOX else 0)
            stream = Handle()
            got = s.execute([OpenStream(change, stream, BODY, 2), WriteStream(stream, bytes(2000))], raise_=False)
            self.assertEqual(got[1]["ret"], 0x8004060C if GROMOX else 0)
            self.assertEqual(s.execute([GetProps(self.logon, [send])])[0]["props"][send], 1)
        finally:
            s.execute([DeleteProps(self.logon, [send, receive])])
        s.execute([SubmitMessage(draft)])


class Sharing(Case):
    MEMBER, NAME, RIGHTS, ENTRY = 0x66710014, 0x6672001F, 0x66730003, 0x0FFF0102

    def members(self, f):
        t = Handle()
        got = self.s.execute([GetPermissionsTable(f, t), SetColumns(t, [self.MEMBER, self.NAME, self.RIGHTS]), QueryRows(t, 50), Release(t)])
        return {r[self.NAME]: (r[self.MEMBER], r[self.RIGHTS]) for r in got[2]["rows"]}

    def test_another_users_mailbox(self):
        s, f = self.s, self.make_folder("shared")
        key = self.add(f, "to be seen")
        bob = Session(BASE, "bob@example.test", "demo")
        bob.connect()
        def below(folder):
            t = Handle()
            got = bob.execute([GetHierarchyTable(folder, t, 4), SetColumns(t, [0x3001001F]), QueryRows(t, 100), Release(t)])
            return [r[0x3001001F] for r in got[2]["rows"]]
        rets = lambda q: [x["ret"] for x in bob.execute(q, raise_=False)]
        logon = bob.logon(dn=s.dn, lid=1)
        self.assertEqual(logon.result["response_flags"] & 7, 1)
        self.assertEqual(rets([OpenFolder(logon, Handle(), f.fid)]), [0x8004010F])
        s.execute([ModifyPermissions(f, [(1, {self.ENTRY: entry(bob.dn), self.RIGHTS: 0x401})])])
        number, rights = self.members(f)["Bob Example"]
        self.assertEqual(rights, 0x401)
        # A reviewer sees and reads, no more.
        logon = bob.logon(dn=s.dn, lid=1)
        self.assertEqual(logon.result["response_flags"] & 7, 1)
        self.assertEqual(below(bob.folder(logon, logon.fids[3])), ["shared"])
        shared = bob.folder(logon, f.fid)
        self.assertEqual([r[SUBJECT] for r in bob.rows(shared, [SUBJECT])], ["to be seen"])
        self.assertEqual(len(bob.sync(shared, tags=SYNC_TAGS).changes), 1)
        self.assertEqual(rets([OpenFolder(logon, Handle(), logon.fids[4])]), [0x8004010F])
        denied = 0x80070005
        self.assertEqual(rets([CreateMessage(logon, Handle(), f.fid)]), [denied])
        self.assertEqual(rets([OpenMessage(shared, Handle(), f.fid, key, 1), OpenMessage(shared, Handle(), f.fid, key)]), [denied, 0])
        self.assertEqual(rets([DeleteMessages(shared, [key]), SetReadFlags(shared, [key]), SetProps(shared, {0x3001001F: "mine"})]), [denied if GROMOX else 0, denied, denied])
        self.assertEqual([r[SUBJECT] for r in bob.rows(shared, [SUBJECT])], ["to be seen"])
        best = Handle()
        got = rets([OpenMessage(shared, best, f.fid, key, 3), SetProps(best, {SUBJECT: "changed"}), SaveChangesMessage(best), Release(best)])
        self.assertEqual(got[:3], [0, 0, denied], "the save is what fails")
        self.assertEqual(rets([ModifyPermissions(shared, [(2, {self.MEMBER: 0, self.RIGHTS: 0x401})])]), [denied])
        # An editor writes.
        s.execute([ModifyPermissions(f, [(2, {self.MEMBER: number, self.RIGHTS: 0x47B})])])
        h = Handle()
        bob.execute([CreateMessage(logon, h, f.fid), SetProps(h, {SUBJECT: "from Bob"}), SaveChangesMessage(h), SetReadFlags(shared, [key])])
        self.assertEqual(sorted(r[SUBJECT] for r in s.rows(f, [SUBJECT])), ["from Bob", "to be seen"])
        s.execute([ModifyPermissions(f, [(4, {self.MEMBER: number})])])
        self.assertNotIn("Bob Example", self.members(f))
        self.assertEqual(rets([OpenFolder(logon, Handle(), f.fid)]), [0x8004010F])
        bob.disconnect(); close(bob)

    def test_nobody_sends_for_others(self):
        s, h = self.s, Handle()
        got = s.execute([CreateMessage(self.logon, h, self.logon.fids[5]), SetProps(h, {SUBJECT: "x", 0x5D02001F: "bob@example.test"}),
                         ModifyRecipients(h, [smtp_row(1, "bob@example.test", "B", 0)]), SaveChangesMessage(h), SubmitMessage(h)], raise_=False)
        self.assertEqual(got[-1]["ret"], 0x4DC)


class Notifications(Case):
    def test_wait(self):
        s = self.s
        sub = Handle()
        s.execute([RegisterNotification(self.logon, sub)])
        got = []
        t = threading.Thread(target=lambda: got.append(s.wait()))
        t.start()
        time.sleep(0.3)
        self.assertEqual(got, [])
        s.execute([])
        bob = Session(BASE, "bob@example.test", "demo"); bob.connect()
        bl, h = bob.logon(), Handle()
        bob.execute([CreateMessage(bl, h, bl.fids[5]), SetProps(h, {SUBJECT: "ping"}), ModifyRecipients(h, [smtp_row(1, "alice@example.test", "A", 0)]),
                     SaveChangesMessage(h), SubmitMessage(h)])
        bob.disconnect(); close(bob)
        t.join(10)
        self.assertEqual(got, [1])
        s.notes.clear()
        s.execute([])
        self.assertEqual([n["flags"] for n in s.notes], ["0x8004", "0x3010", "0x8002"])
        self.assertEqual(s.notes[0]["folder"], fid(self.logon.fids[4]))
        self.assertEqual(s.notes[2]["class"], "IPM.Note")
        if POLITE: self.assertEqual(s.notes[2]["message_flags"], 0)
        self.assertTrue(all(n["handle"] == sub.value for n in s.notes))

    def test_a_wait_sets_cookies(self):
        s = self.s
        s.execute([RegisterNotification(self.logon, Handle())])
        other = Session(BASE, self.user, "demo")
        other.connect()
        logon = other.logon()
        other.execute([CreateFolder(other.folder(logon, logon.fids[3]), Handle(), f"told {time.time()}")])
        other.disconnect(); close(other)
        record = s.record = []
        self.assertEqual(s.wait(), 1)
        s.record = None
        set_ = [v.split("=")[0] for k, v in record[0]["response"]["headers"] if k.lower() == "set-cookie"]
        self.assertEqual(set_, ["MapiContext"] if GROMOX else ["MapiContext", "MapiSequence"])
        s.execute([])

    def test_a_renamed_folder(self):
        s, f = self.s, self.make_folder("to be renamed")
        s.execute([RegisterNotification(self.logon, Handle())])
        s.notes.clear()
        name = f"renamed {time.time()}"
        s.execute([SetProps(f, {0x3001001F: name})])
        self.assertEqual([(n["flags"], n["tag_count"]) for n in s.notes], [("0x0010" if POLITE else "0x3010", 0)])

    def test_own_changes_come_with_their_answer(self):
        f = self.make_folder("own")
        key = self.add(f, "own")
        sub = Handle()
        self.s.execute([RegisterNotification(self.logon, sub)])
        self.s.notes.clear()
        self.s.execute([SetReadFlags(f, [key])])
        self.assertEqual([n["flags"] for n in self.s.notes], ["0x8010", "0x3010"])
        self.assertEqual((self.s.notes[1]["total"], self.s.notes[1]["unread"]), (1, 0))

    def test_more_than_fit(self):
        s, f = self.s, self.make_folder("overflow")
        for k in range(30): self.add(f, f"o{k}")
        target = self.make_folder("overflow target")
        sub = Handle()
        s.execute([RegisterNotification(self.logon, sub)])
        s.notes.clear()
        ids = [mid(r[MID]) for r in s.rows(f, [MID])]
        for _ in range(5): last = s.execute([MoveCopyMessages(f, target, ids, 1)])
        s.notes.clear()
        q = s.execute([MoveCopyMessages(f, target, ids * 20, 1)])
        while q and q[-1]["rop"] == "Pending": q = s.execute([])
        self.assertEqual(len([n for n in s.notes if n["flags"] == "0x8040"]), 600)


class Errors(Case):
    def test_answers_that_do_not_fit(self):
        f = self.make_folder("big answers")
        keys = [self.add(f, "z" * 3000) for _ in range(20)]
        hs = [Handle() for _ in keys]
        q = []
        for k, h in zip(keys, hs): q += [OpenMessage(f, h, f.fid, k), GetProps(h, [SUBJECT])]
        if GROMOX:
            with self.assertRaisesRegex(MapiError, "0x0000047D"): self.s.execute(q)
            return
        got = self.s.execute(q)
        self.assertEqual(got[-1]["rop"], "BufferTooSmall")
        self.assertGreaterEqual(len(got), 6)
        self.assertTrue(got[-1]["request_buffers"])

    def test_named_properties(self):
        names = [("00020386-0000-0000-c000-000000000046", "X-Test-Header"), ("00062008-0000-0000-c000-000000000046", 0x8530)]
        ids = self.s.execute([GetIdsFromNames(self.logon, names)])[0]["ids"]
        self.assertTrue(all(i >= 0x8000 for i in ids))
        back = self.s.execute([GetNamesFromIds(self.logon, ids + [0x0037, 0xFFF0])])[0]["names"]
        self.assertEqual(back[0][1], "x-test-header")
        self.assertEqual(back[1][1], 0x8530)
        self.assertEqual(back[2], ["00020328-0000-0000-c000-000000000046", 0x37])
        self.assertIsNone(back[3][1])

    def test_search_folder(self):
        finder = self.s.folder(self.logon, self.logon.fids[10])
        f = self.make_folder("searched")
        self.add(f, "needle in it"); self.add(f, "hay")
        h = Handle()
        self.s.execute([CreateFolder(finder, h, f"search {time.time()}", kind=2), SetSearchCriteria(h, r_content(SUBJECT, "needle"), [f.fid], 0x22002)])
        self.assertEqual([r[SUBJECT] for r in self.s.rows(h, [SUBJECT])], ["needle in it"])
        self.assertEqual(self.s.execute([GetSearchCriteria(h)])[0]["folders"], [fid(f.fid)])


class Compression(Case):
    def test_answers_are_the_same_however_packed(self):
        def rows(flags):
            t = Handle()
            got = self.s.execute([GetContentsTable(self.inbox, t), SetColumns(t, [MID, 0x1035001F, 0x001A001F]), QueryRows(t, 100), Release(t)], flags=flags)
            return got[2]["rows"], self.s.last["header_flags"]
        plain, header = rows(3)
        self.assertEqual(header, [7] if RUDE else [4])
        self.assertGreater(len(plain), 50)
        for flags, expected in ((0, 7), (1, 6), (2, 5)):
            got, header = rows(flags)
            self.assertEqual((got, header), (plain, [7] if RUDE else [expected]))


@unittest.skipUnless("Timing" in sys.argv, "needs a sandbox with short times")
class Timing(Case):
    def test_a_wait_ends_by_itself_after_keep_alives(self):
        self.s.execute([RegisterNotification(self.logon, Handle())])
        record = self.s.record = []
        self.assertEqual(self.s.wait(), 0)
        body = base64.b64decode(record[0]["response"]["body"])
        self.assertGreaterEqual(body.count(b"PENDING\r\n"), 2)
        self.assertTrue(body.startswith(b"PROCESSING\r\n"))
        self.s.record = None

    def test_one_wait_per_context(self):
        got = []
        t = threading.Thread(target=lambda: got.append(self.s.wait()))
        t.start()
        time.sleep(0.15)
        second = self.s._connect()
        self.s.record = []
        self.assertEqual(self.s.wait(second), 0)
        self.assertEqual(self.s.record[0]["expected"]["error"], "0x000007EE")
        self.s.record = None
        second.close()
        t.join()
        self.assertEqual(got, [0])

    def test_one_request_at_a_time(self):
        body = struct.pack("<2I", 3, 8 + 2) + struct.pack("<4H", 0, 4, 2, 2) + u16(2) + struct.pack("<2I", 0x10008, 0)
        jar, seen = dict(self.s.jar), []
        def one():
            c = self.s._connect()
            try: self.s.post("emsmdb", "Execute", body, own_conn=c); seen.append("0")
            except MapiError as e: seen.append(re.search("X-ResponseCode (\\d+)", str(e))[1])
            c.close()
        threads = [threading.Thread(target=one) for _ in range(3)]
        for t in threads: t.start()
        for t in threads: t.join()
        self.assertEqual(seen.count("0") + seen.count(str(code(15))), 3)
        self.assertGreaterEqual(seen.count("0"), 1)
        self.s.execute([])

    def test_idle_contexts_expire(self):
        idle = Session(BASE, self.user, "demo")
        idle.connect()
        idle.ping()
        idle.execute([])
        time.sleep(2.5)
        with self.assertRaisesRegex(MapiError, f"X-ResponseCode {code(10)}"):
            idle.execute([])
        idle.connect(keep_cookies=True)
        idle.disconnect(); close(idle)
        self.s.connect()


class AddressBook(Case):
    TAGS = [0x0FFF0102, 0x3003001F, 0x39FE001F, 0x3001001F, 0x39000003, 0x3A08001F]

    def setUp(self):
        super().setUp()
        self.nspi = Session(BASE, self.user, "demo")
        self.nspi.prepare()
        r = self.nspi.nspi("Bind", u32(0) + stat(), lambda r, x: x.update(guid=r.take(16).hex()))
        self.assertEqual(r["error"], "0x00000000")

    def tearDown(self):
        r = self.nspi.nspi("Unbind", u32(0), lambda r, x: None)
        self.assertEqual(r["error"], "0x00000001")
        close(self.nspi)
        super().tearDown()

    def resolve(self, *names):
        body = u32(0) + stat() + ab_tags(self.TAGS) + b"\xff" + u32(len(names)) + b"".join(map(z16, names))
        def parse(r, x):
            x["code_page"], x["mids"] = r.u32(), read_mids(r)
            read_ab_rows(r, x)
        return self.nspi.nspi("ResolveNames", body, parse)

    def test_resolve_names(self):
        x = self.resolve("=SMTP:bob@example.test", "SMTP:nobody@example.test", "Alice Ex", "example", "alice@example.test")
        self.assertEqual(x["mids"], [2, 0 if POLITE else 1, 2, 1, 2])
        self.assertEqual([r["0x39FE001F"] for r in x["rows"]], ["bob@example.test", "alice@example.test", "alice@example.test"])
        self.assertTrue(x["rows"][0]["0x3003001F"].startswith("/o="))
        self.assertEqual(x["rows"][0]["0x3A08001F"], {"error": "0x8004010F"})

    def test_dn_to_mid_and_get_props(self):
        body = u32(0) + b"\xff" + u32(2) + z8(self.s.dn) + z8("/o=none")
        mids = self.nspi.nspi("DNToMId", body, lambda r, x: x.update(mids=read_mids(r)))["mids"]
        self.assertEqual(mids[1], 0)
        def parse(r, x):
            x["code_page"], x["props"] = r.u32(), {}
            if r.u8():
                for _ in range(r.u32()):
                    t = r.u32()
                    x["props"][t] = read_value(r, t & 0xFFFF, "nspi")
        x = self.nspi.nspi("GetProps", u32(0) + stat(current=mids[0]) + ab_tags([0x39FE001F, 0x3A08001F, 0x800F101F]), parse)
        self.assertEqual(x["error"], "0x00040380")
        self.assertEqual(x["props"], {0x39FE001F: "alice@example.test", 0x3A08000A: 0x8004010F, 0x800F101F: ["SMTP:alice@example.test"]})
        n = self.nspi.nspi("GetPropList", u32(0) + u32(mids[0]) + u32(1252), lambda r, x: x.update(tags=read_ab_tags(r) if r.u8() else None))
        self.assertIn(0x39FE001F, n["tags"])

    def test_rows(self):
        def parse(r, x):
            if r.u8(): x["state"] = read_stat(r)
            read_ab_rows(r, x)
        x = self.nspi.nspi("QueryRows", u32(0) + stat() + u32(0) + u32(10) + ab_tags([0x3001001F]), parse)
        self.assertEqual([r["0x3001001F"] for r in x["rows"]], ["Alice Example", "Bob Example"])
        self.assertEqual(x["state"]["current"], 2)
        flt = b"\xff" + b"\4\4" + u32(0x360C001F) + b"\xff" + u32(0x360C001F) + b"\xff" + z16("bob")
        body = u32(0) + stat() + b"\0" + u32(0) + flt + b"\0" + u32(50) + ab_tags([0x39FE001F])
        def matches(r, x):
            if r.u8(): x["state"] = read_stat(r)
            x["mids"] = read_mids(r)
            read_ab_rows(r, x)
        x = self.nspi.nspi("GetMatches", body, matches)
        self.assertEqual([r["0x39FE001F"] for r in x["rows"]], ["bob@example.test"])
        self.assertEqual(len(x["mids"]), 1)


class Autodiscover(unittest.TestCase):
    def test_settings_and_errors(self):
        s = Session(BASE, "alice@example.test", "demo")
        a = s.autodiscover()
        self.assertTrue(a["emsmdb"].startswith(BASE + "/mapi/emsmdb/?MailboxId="))
        self.assertIn("alice", a["dn"])
        self.assertIn("<ErrorCode>500</ErrorCode>", s.autodiscover("nobody@example.test")["xml"])
        self.assertEqual(s.autodiscover("bob@example.test")["dn"].split("-")[-1], "bob")
        self.assertIsNone(Session(BASE, "alice@example.test", "no").autodiscover()["dn"])


if __name__ == "__main__":
    BASE = sys.argv.pop(1)
    unittest.main(verbosity=2)
