use std::fmt::Write;

use tests::stack::{ALICE, BOB};

use super::stage::Stage;

/// What a FETCH asks for many times is in memory once at a time.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_header_that_is_asked_for_many_times_is_in_memory_once() {
    const ITEMS: usize = 24;
    let stage = Stage::set("").await;
    stage.deliver(BOB, "small", "hello");
    let mut header = String::from("Subject: much\r\n");
    while header.len() < 8 << 20 {
        write!(header, "X-Line: {:0>70}\r\n", header.len()).expect("written");
    }
    let mut client = stage.imap(ALICE).await;
    let message = format!("{header}\r\nbody");
    client.raw(format!("a APPEND INBOX {{{}+}}\r\n{message}\r\n", message.len()).as_bytes()).await;
    assert!(client.finish("a").await.status.starts_with("OK"));
    let before = stage.mebibytes("VmHWM");
    let command = format!("FETCH 1 ({})", vec!["BODY.PEEK[HEADER.FIELDS.NOT (Z)]"; ITEMS].join(" "));
    let mut reading = Vec::new();
    for _ in 0..2 {
        let mut client = stage.imap(ALICE).await;
        client.command("SELECT INBOX").await.ok();
        let command = command.clone();
        reading
            .push(tokio::spawn(async move { client.command(&command).await.ok().untagged.iter().map(Vec::len).max() }));
    }
    let mut bystander = stage.bystander().await;
    bystander.is_served(5).await;
    for read in reading {
        let read = read.await.expect("it ends").expect("a response");
        assert!((ITEMS * header.len()..ITEMS * (header.len() + 100)).contains(&read), "{read}");
    }
    bystander.leave().await;
    let grown = stage.mebibytes("VmHWM").saturating_sub(before);
    println!("2 × {ITEMS} × a header of 8 MiB: {grown} MiB more");
    assert!(grown < 100, "{grown} MiB");
}
