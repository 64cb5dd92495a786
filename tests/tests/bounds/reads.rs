//! A message is read once, whatever becomes of it: its header blocks are scanned once and its structure is found once.

use libtest_mimic::Trial;
use mail_core::message::Reads;
use tests::imap_client::{ImapClient, uid_code};
use tests::smtp_client::SmtpClient;
use tests::stack::{ALICE, BOB, PASSWORD, Seed, Stack};

use crate::trial;

/// Three header blocks, that of the message and those of its parts.
const ONCE: Reads = Reads { headers: 3, structures: 1 };
const HEADER: Reads = Reads { headers: 1, structures: 0 };
const NOTHING: Reads = Reads { headers: 0, structures: 0 };

fn message(number: u32, from: &str, text: &str) -> String {
    format!(
        "From: {from}\r\nTo: {BOB}\r\nSubject: number {number}\r\nDate: Wed, 17 Jul 1996 02:23:25 -0700\r\n\
         Message-ID: <{number}@client.test>\r\nMIME-Version: 1.0\r\nContent-Type: multipart/mixed; boundary=b\r\n\r\n\
         --b\r\nContent-Type: text/plain\r\n\r\n{text}\r\n--b\r\nContent-Type: text/x-log; name=a.log\r\n\
         Content-Transfer-Encoding: base64\r\n\r\naGVsbG8=\r\n--b--\r\n"
    )
}

/// What was read on the way. Tests of this process run one after the other.
struct Count(Reads);

impl Count {
    fn begin() -> Self {
        Self(Reads::so_far())
    }

    #[track_caller]
    fn is(&mut self, expected: Reads, what: &str) {
        let now = Reads::so_far();
        assert_eq!(now.since(self.0), expected, "{what}");
        self.0 = now;
    }
}

async fn append(client: &mut ImapClient, folder: &str, message: &str) -> u32 {
    let answer = client.command(&format!("APPEND {folder} (\\Seen) {{{}+}}\r\n{message}", message.len())).await.ok();
    let (_, words) = uid_code(&answer.status, "APPENDUID").expect("APPENDUID");
    words.first().and_then(|uid| uid.parse().ok()).expect("a UID")
}

pub fn trials() -> Vec<Trial> {
    vec![trial("reads::a_message_is_read_once", || {
        let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build();
        runtime.expect("a runtime").block_on(a_message_is_read_once());
    })]
}

async fn a_message_is_read_once() {
    let secrets = tempfile::tempdir().expect("a directory");
    let secret = |name: &str, text: &str| {
        let path = secrets.path().join(name);
        std::fs::write(&path, text).expect("written");
        path.display().to_string()
    };
    let (own, mailbox) = (secret("own", "scan-it"), secret("mailbox", PASSWORD));
    let keys = format!(
        "[[smtp.device]]\nname = \"copier\"\nuser = \"copier\"\nuser_password_file = \"{own}\"\nmailbox = \"{ALICE}\"\n\
         password_file = \"{mailbox}\"\n[spool]\nmemory_bytes = 65536\n"
    );
    let stack = Stack::start_configured(Seed::Empty, &keys).await;
    let mut smtp = SmtpClient::login(stack.smtp, ALICE, PASSWORD).await;
    let mut device = SmtpClient::login(stack.smtp, "copier", "scan-it").await;
    let mut client = ImapClient::login(stack.imap, ALICE, PASSWORD).await;
    let large = "A line of a message that lies in a file.\r\n".repeat(4000);
    let mut count = Count::begin();

    for (number, text) in [(1, "short"), (2, &large[..])] {
        let whole = message(number, ALICE, text);
        smtp.send(ALICE, &[BOB], &whole).await;
        count.is(ONCE, "a submission of a user");
        let bare = whole.lines().filter(|line| !line.starts_with("Date") && !line.starts_with("Message-ID"));
        smtp.send(ALICE, &[BOB], &bare.collect::<Vec<_>>().join("\r\n")).await;
        count.is(ONCE, "a submission whose header is completed");
        device.send("copier@printer.test", &[BOB], &message(number, "Floor 2 <copier@printer.test>", text)).await;
        count.is(ONCE, "a submission of a device whose sender is rewritten");
        append(&mut client, "\"Sent Items\"", &whole).await;
        count.is(HEADER, "a client's own copy of what it sent");
        append(&mut client, "\"Sent Items\"", &message(10 + number, ALICE, text)).await;
        count.is(ONCE, "another message beside what was sent");
    }
    device.send("", &[BOB], "Battery low\r\nReplace soon").await;
    count.is(Reads { headers: 1, structures: 1 }, "a submission without any header");

    let uid = append(&mut client, "INBOX", &message(20, ALICE, "needle")).await;
    count.is(ONCE, "a message that is stored");
    client.command("SELECT INBOX").await.ok();
    count.is(NOTHING, "SELECT");
    let items = "ENVELOPE BODYSTRUCTURE BODY BODY.PEEK[HEADER] BODY.PEEK[1] BODY.PEEK[2.MIME] BODY.PEEK[TEXT] \
                 BODY.PEEK[HEADER.FIELDS (Subject)] RFC822.SIZE";
    let fetched = client.command(&format!("UID FETCH {uid} ({items})")).await.ok();
    assert!(fetched.line("\"a.log\"").is_some(), "{:?}", fetched.lines());
    count.is(ONCE, "a FETCH of many items");
    client.command(&format!("UID FETCH {uid} BODY.PEEK[]")).await.ok();
    count.is(NOTHING, "a FETCH of the whole message");
    let keys = "OR BODY nothing OR TEXT such OR HEADER To nobody OR SENTBEFORE 1-Jan-1990 BODY hello";
    let found = client.command(&format!("UID SEARCH UID {uid} {keys} TEXT needle")).await.ok();
    assert!(found.line(&format!("SEARCH {uid}")).is_some(), "{:?}", found.lines());
    count.is(ONCE, "a SEARCH with many keys");
}
