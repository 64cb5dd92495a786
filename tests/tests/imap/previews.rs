//! PREVIEW (RFC 8970) of messages that Exchange keeps.

use exchange_sandbox::seed::MessageBuilder;
use tests::imap_client::ImapClient;
use tests::stack::{ALICE, PASSWORD, Seed, Stack};

#[tokio::test(flavor = "multi_thread")]
async fn a_lazy_one_downloads_nothing() {
    let stack = Stack::start(Seed::Empty).await;
    let message =
        MessageBuilder::new("x").from("Somebody", "somebody@example.org").body("Hello,\r\n\r\nthis is it.\r\n");
    stack.sandbox.deliver(ALICE, message.build()).expect("delivered");
    let mut client = ImapClient::login(stack.imap, ALICE, PASSWORD).await;
    client.command("SELECT INBOX").await.ok();
    let lazy = client.command("FETCH 1 (PREVIEW (LAZY))").await.ok();
    assert!(lazy.line("* 1 FETCH (PREVIEW NIL)").is_some(), "{:?}", lazy.lines());
    let before = stack.executes();
    let full = client.command("FETCH 1 (PREVIEW)").await.ok();
    assert!(full.line("* 1 FETCH (PREVIEW \"Hello, this is it.\")").is_some(), "{:?}", full.lines());
    assert!(stack.executes() > before);
    let lazy = client.command("FETCH 1 (PREVIEW (LAZY))").await.ok();
    assert!(lazy.line("* 1 FETCH (PREVIEW \"Hello, this is it.\")").is_some(), "{:?}", lazy.lines());
    let flags = client.command("FETCH 1 FLAGS").await.ok();
    assert!(!flags.lines().join(" ").contains("Seen"), "{:?}", flags.lines());
}
