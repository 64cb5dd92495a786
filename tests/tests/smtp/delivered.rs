//! What arrives in the receiver's mailbox is what was submitted: text, files to the byte, addresses, header.

use tests::delivered::{Route, compare};
use tests::stack::{ALICE, BOB, PASSWORD, Seed, Stack};

/// All kinds of bodies, each with several headers.
const MESSAGES: usize = 133;

#[tokio::test(flavor = "multi_thread")]
async fn messages_arrive_as_they_were_sent() {
    let stack = Stack::start(Seed::Empty).await;
    let keeps_id = stack.sandbox.with(|store| !store.manners().replace_message_id);
    let route = Route {
        smtp: stack.smtp,
        imap: stack.imap,
        sender: (ALICE.to_owned(), PASSWORD.to_owned()),
        receiver: (BOB.to_owned(), PASSWORD.to_owned()),
        others: ["carol@example.org", "dave@example.org"].map(str::to_owned).to_vec(),
        keeps_id,
    };
    let differences = compare(&route, MESSAGES).await;
    println!("messages compared: {MESSAGES}, differences: {}", differences.len());
    assert!(differences.is_empty(), "{}", differences.join("\n"));
    let sent = stack.sandbox.with(|store| store.outbound().len());
    assert_eq!(sent, MESSAGES, "and each left once for the recipients elsewhere");
}
