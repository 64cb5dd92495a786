use std::time::Instant;

use exchange_sandbox::RunningSandbox;
use exchange_sandbox::seed::MessageBuilder;
use exchange_sandbox::store::Special;
use tests::imap_client::ImapClient;
use tests::process::{Gateway, Settings};
use tests::processor::used_for;
use tests::stack::{ALICE, PASSWORD};

use crate::{Measured, PROGRAM, sandbox_of, within};

const MESSAGES: usize = 50_000;
/// Each of so many messages is one that is sought.
const EACH: usize = 100;
/// Execute requests for at most 1,000 hits.
const REQUESTS: f64 = 6.0;
/// Of the gateway's processor time.
const SECONDS: f64 = 1.0;
/// What is sought. All find the same messages.
const SOUGHT: [&str; 4] =
    ["SUBJECT rhubarb", "FROM gardener@elsewhere.test", "TEXT \"compote of apples\"", "BODY \"compote of apples\""];

/// What searching a large folder costs of whose messages the gateway has seen none.
pub async fn measure() -> Measured {
    let sandbox = sandbox_of(&[ALICE.to_owned()]).await;
    plant(&sandbox);
    let directory = tempfile::tempdir().expect("a directory");
    let gateway = Gateway::start(Settings::new(PROGRAM, directory.path(), sandbox.addr())).await?;
    let mut client = ImapClient::login(gateway.imap, ALICE, PASSWORD).await;
    client.command("EXAMINE INBOX").await.ok();
    let mut measured = Ok(());
    for sought in SOUGHT {
        let before = sandbox.counters().execute();
        let began = Instant::now();
        let processes = || gateway.process_id().into_iter().collect::<Vec<u32>>();
        let command = format!("UID SEARCH RETURN (COUNT MIN MAX) {sought}");
        let search = async { (client.command(&command).await.ok(), began.elapsed()) };
        let ((answer, wall), processor) = used_for(&processes, search).await;
        let found = answer.line("ESEARCH").unwrap_or_default();
        let expected = format!("MIN 1 MAX {} COUNT {}", MESSAGES - EACH + 1, MESSAGES / EACH);
        if !found.ends_with(&expected) {
            return Err(format!("{sought}: {found}, not {expected}"));
        }
        let requests = (sandbox.counters().execute() - before) as f64;
        println!("{sought}: {} of {MESSAGES} in {wall:.3?}", MESSAGES / EACH);
        measured = measured.and(within(&format!("{sought}: requests"), requests, REQUESTS, "Execute"));
        let seconds = processor.as_secs_f64();
        measured = measured.and(within(&format!("{sought}: the gateway's processor time"), seconds, SECONDS, "s"));
    }
    measured
}

/// Puts messages into the inbox, a few of which are about something else.
fn plant(sandbox: &RunningSandbox) {
    sandbox.with(|store| {
        let mailbox = store.mailbox_of(ALICE).expect("a mailbox");
        let inbox = mailbox.special(Special::Inbox);
        for number in 0..MESSAGES {
            let message = if number % EACH == 0 {
                MessageBuilder::new(format!("Of rhubarb, {number}"))
                    .from("A Gardener", "gardener@elsewhere.test")
                    .body("Stew it with a compote of apples.\r\n")
            } else {
                MessageBuilder::new(format!("Minutes {number}"))
                    .from("Carol Example", "carol@elsewhere.test")
                    .body("Nothing was decided, and we meet again.\r\n")
            };
            mailbox.add(inbox, message.build(), true).expect("room");
        }
        mailbox.forget_events();
    });
}
