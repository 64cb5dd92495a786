use std::fmt::Write;

use tests::stack::{ALICE, BOB};

use super::stage::Stage;

/// Text of so many bytes in which nothing that is searched for occurs.
pub fn text(bytes: usize) -> String {
    "Nothing of it is here, and no line is like the one before it.\r\n".repeat(bytes / 63)
}

/// The command that looks for so many words.
pub fn search(keys: usize) -> String {
    let mut command = "SEARCH".to_owned();
    for key in 0..keys {
        write!(command, " NOT BODY \"z{key}\"").expect("written");
    }
    command
}

/// Two connections search a large text for hundreds of words each: hours, if each were looked for anew in a message that is
/// decoded anew. Somebody else is served all the while, and new connections are.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn searching_a_large_text_for_many_words_stops_nobody_else() {
    let stage = Stage::set("").await;
    stage.deliver(ALICE, "large", &text(11 << 20));
    stage.deliver(BOB, "small", "hello");
    let mut searching = Vec::new();
    for _ in 0..2 {
        let mut client = stage.imap(ALICE).await;
        client.command("SELECT INBOX").await.ok();
        searching.push(tokio::spawn(async move { client.command(&search(450)).await.ok().line("* SEARCH") }));
    }
    let mut bystander = stage.bystander().await;
    bystander.is_served(10).await;
    for search in searching {
        assert_eq!(search.await.expect("it ends").as_deref(), Some("* SEARCH 1"));
    }
    bystander.leave().await;
}

/// Who leaves in the middle of a search leaves no work behind: a search that takes its time and one after the other of which
/// is left. The last one waits for none of them.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_search_that_is_left_is_not_gone_on_with() {
    let stage = Stage::set("").await;
    stage.deliver(ALICE, "large", &text(8 << 20));
    let mut client = stage.imap(ALICE).await;
    client.command("SELECT INBOX").await.ok();
    client.command("FETCH 1 RFC822.SIZE").await.ok();
    for _ in 0..20 {
        let mut left = stage.imap(ALICE).await;
        left.command("SELECT INBOX").await.ok();
        left.send(&search(450)).await;
    }
    let found = client.command("SEARCH BODY \"nothing of it\"").await.ok();
    assert_eq!(found.line("* SEARCH").as_deref(), Some("* SEARCH 1"));
}

#[tokio::test]
async fn too_many_keys_are_refused() {
    let stage = Stage::set("[limits]\nwait_seconds = 30\n[imap]\nmax_search_keys = 10").await;
    stage.deliver(ALICE, "one", "text");
    let mut client = stage.imap(ALICE).await;
    client.command("SELECT INBOX").await.ok();
    let refused = client.command(&search(8)).await;
    assert!(refused.status.starts_with("NO [LIMIT]"), "{}", refused.status);
    let found = client.command("SEARCH NOT BODY z NOT BODY y").await.ok();
    assert_eq!(found.line("* SEARCH").as_deref(), Some("* SEARCH 1"));
}
