use std::net::SocketAddr;
use std::time::Instant;

use exchange_sandbox::RunningSandbox;
use exchange_sandbox::seed;
use exchange_sandbox::store::Special;
use tests::imap_client::ImapClient;
use tests::process::{Gateway, Settings};
use tests::stack::PASSWORD;

use crate::{Measured, PROGRAM, mebibytes, sandbox_of, within};

/// Unless `MAILBOXES` in the environment says otherwise. They take a while: each makes a ledger.
const MAILBOXES: usize = 10_000;
/// Folders that each user looks at, and messages in each. What a thousand cost in each, the test `ledger_faults` measures.
const FOLDERS: [(&str, Special); 3] =
    [("INBOX", Special::Inbox), ("\"Sent Items\"", Special::SentItems), ("\"Deleted Items\"", Special::DeletedItems)];
const MESSAGES: usize = 10;
/// Users who are logged in at a time.
const AT_ONCE: usize = 16;
/// Mebibytes, and open descriptors.
const MEMORY_BOUND: f64 = 500.0;
const DESCRIPTOR_BOUND: f64 = 2000.0;

/// What mailboxes cost whose users logged in once and left.
pub async fn measure() -> Measured {
    let count = std::env::var("MAILBOXES").map_or(Ok(MAILBOXES), |count| count.parse());
    let count = count.map_err(|error| format!("MAILBOXES: {error}"))?;
    let users: Vec<String> = (0..count).map(|number| format!("user{number}@example.test")).collect();
    let sandbox = sandbox_of(&users).await;
    users.iter().for_each(|user| fill(&sandbox, user));
    let directory = tempfile::tempdir().expect("a directory");
    let gateway = Gateway::start(Settings::new(PROGRAM, directory.path(), sandbox.addr())).await?;
    let began = Instant::now();
    let mut most = 0;
    for (number, users) in users.chunks(AT_ONCE).enumerate() {
        if number > 0 && number.is_multiple_of(500 / AT_ONCE) {
            println!("{} mailboxes, memory {:.0} MiB", number * AT_ONCE, mebibytes(&gateway, "VmRSS")?);
        }
        let visits: Vec<_> = users.iter().map(|user| tokio::spawn(visit(gateway.imap, user.clone()))).collect();
        for visit in visits {
            visit.await.map_err(|error| error.to_string())?;
        }
        most = most.max(gateway.descriptors()?);
    }
    let (memory, descriptors) = (mebibytes(&gateway, "VmRSS")?, gateway.descriptors()?);
    println!(
        "{count} mailboxes were used once, in {:.0} s; {descriptors} descriptors are open; the most memory was {:.0} MiB",
        began.elapsed().as_secs_f64(),
        mebibytes(&gateway, "VmHWM")?
    );
    let memory = within("memory with idle mailboxes", memory, MEMORY_BOUND, "MiB");
    memory.and(within("descriptors, the most", most.max(descriptors) as f64, DESCRIPTOR_BOUND, "descriptors"))
}

async fn visit(imap: SocketAddr, user: String) {
    let mut client = ImapClient::login(imap, &user, PASSWORD).await;
    for (name, _) in FOLDERS {
        let answer = client.command(&format!("SELECT {name}")).await.ok();
        assert!(answer.line("EXISTS").is_some_and(|line| line == format!("* {MESSAGES} EXISTS")), "{user}: {name}");
        client.command("FETCH 1:* (FLAGS RFC822.SIZE)").await.ok();
    }
    client.command("LOGOUT").await.ok();
}

fn fill(sandbox: &RunningSandbox, user: &str) {
    sandbox.with(|store| {
        let mailbox = store.mailbox_of(user).expect("a mailbox");
        for (_, special) in FOLDERS {
            let folder = mailbox.special(special);
            seed::bulk(mailbox, folder, MESSAGES).expect("seeded");
        }
    });
}
