use std::fmt::Write;

use tests::stack::{ALICE, BOB};
use tests::until::until;

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

/// Who asks for much and does not read it takes no more memory than the configuration says, and leaves none of it taken.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn readers_that_do_not_read_take_little() {
    const READERS: usize = 20;
    const BODY: usize = 6 << 20;
    let bounds = "[limits]\nmemory_bytes = 64000000\nmemory_bytes_per_user = 32000000\nwait_seconds = 600\n\
                  [cache]\nrendering_bytes = 16000000";
    let stage = Stage::set(bounds).await;
    stage.deliver(BOB, "small", "hello");
    for number in 0..READERS {
        stage.deliver(ALICE, &format!("large {number}"), &"Nobody reads this line to its end.\r\n".repeat(BODY / 36));
    }
    let before = stage.mebibytes("VmRSS");
    let mut readers = Vec::new();
    for number in 1..=READERS {
        let mut client = stage.imap(ALICE).await;
        client.command("SELECT INBOX").await.ok();
        let tag = client.send(&format!("FETCH {number} (BODY.PEEK[] BODY.PEEK[TEXT])")).await;
        readers.push((client, tag));
    }
    let mut bystander = stage.bystander().await;
    bystander.is_served(20).await;
    let (most, bound) = (stage.mebibytes("VmHWM") - before, 150);
    println!("{READERS} readers of 2 × 6 MiB that do not read: {most} MiB more");
    assert!(most < bound, "{most} MiB");
    // The first one reads after all.
    let (mut reader, tag) = readers.swap_remove(0);
    let read = reader.finish(&tag).await.ok().untagged.iter().map(Vec::len).max();
    assert!(read > Some(2 * (BODY - 100)), "{read:?}");
    drop(readers);
    until("memory is given back", async || stage.mebibytes("VmRSS") < before + 100).await;
    bystander.is_served(2).await;
    bystander.leave().await;
}
