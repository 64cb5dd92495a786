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
    const BODY: usize = 12 << 20;
    let bounds = "[limits]\nmemory_bytes = 64000000\nmemory_bytes_per_user = 32000000\nwait_seconds = 600\n\
                  [cache]\nrendering_bytes = 16000000";
    let stage = Stage::set(bounds).await;
    stage.deliver(BOB, "small", "hello");
    for number in 0..READERS {
        stage.deliver(ALICE, &format!("large {number}"), &"Nobody reads this line to its end.\r\n".repeat(BODY / 36));
    }
    let before = stage.mebibytes("VmHWM");
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

/// Messages that are larger than all that a user may take come one at a time, both ways: no two of them are in memory.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn messages_above_a_users_share_are_in_memory_one_at_a_time() {
    const CLIENTS: usize = 24;
    const BODY: usize = 3 << 20;
    let bounds = "[limits]\nmemory_bytes = 24000000\nmemory_bytes_per_user = 6000000\nwait_seconds = 600\n\
                  [cache]\nrendering_bytes = 1000000";
    let stage = Stage::set(bounds).await;
    stage.deliver(BOB, "small", "hello");
    stage.deliver(ALICE, "large", &"Nobody has two of these lines at once.\r\n".repeat(BODY / 40));
    let message = format!("Subject: x\r\n\r\n{}", ("y".repeat(78) + "\r\n").repeat(BODY / 80));
    let mut clients = Vec::new();
    for number in 0..CLIENTS {
        let mut client = stage.imap(ALICE).await;
        if number % 2 == 0 {
            client.command("SELECT INBOX").await.ok();
        } else {
            client.raw(format!("a APPEND Drafts {{{}+}}\r\n{message}", message.len()).as_bytes()).await;
        }
        clients.push(client);
    }
    let mut bystander = stage.bystander().await;
    let before = stage.mebibytes("VmHWM");
    let mut working = Vec::new();
    for (number, mut client) in clients.into_iter().enumerate() {
        let tag = if number % 2 == 0 { client.send("FETCH 1 BODY.PEEK[TEXT]").await } else { "a".to_owned() };
        client.raw(if number % 2 == 0 { b"" } else { b"\r\n" }).await;
        working.push(tokio::spawn(async move { client.finish(&tag).await.ok().untagged.len() }));
    }
    bystander.is_served(10).await;
    for work in working {
        work.await.expect("all of them are served");
    }
    bystander.leave().await;
    let grown = stage.mebibytes("VmHWM").saturating_sub(before);
    // Of all at once there were 280.
    println!("{CLIENTS} messages of 3 MiB, each above its user's share: {grown} MiB more");
    assert!(grown < 180, "{grown} MiB");
}

/// What needs more room than was taken for its download keeps nothing while it waits: what is shown of these messages is three
/// times as large as what the server has of them. Two users' downloads leave each other none to grow.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_waits_for_more_room_holds_no_message() {
    const CLIENTS: usize = 12;
    const BODY: usize = 12 << 20;
    let bounds = "[limits]\nmemory_bytes = 60000000\nmemory_bytes_per_user = 40000000\nwait_seconds = 600\n\
                  [cache]\nrendering_bytes = 1000000";
    let stage = Stage::set(bounds).await;
    stage.deliver(BOB, "small", "hello");
    let line = "=C3=A4".repeat(12) + "=\r\n";
    let header =
        "Subject: x\r\nContent-Type: text/html; charset=utf-8\r\nContent-Transfer-Encoding: quoted-printable\r\n\r\n";
    let message = format!("{header}{}\r\n", line.repeat(BODY / line.len()));
    let mut clients = Vec::new();
    for user in [ALICE, BOB] {
        let mut client = stage.imap(user).await;
        client.command("CREATE Big").await.ok();
        for _ in 0..2 {
            client.raw(format!("a APPEND Big {{{}+}}\r\n{message}\r\n", message.len()).as_bytes()).await;
            client.finish("a").await.ok();
        }
        for _ in 0..CLIENTS / 2 {
            let mut client = stage.imap(user).await;
            client.command("SELECT Big").await.ok();
            clients.push(client);
        }
    }
    let mut bystander = stage.bystander().await;
    let before = stage.mebibytes("VmHWM");
    let mut working = Vec::new();
    for mut client in clients {
        working.push(tokio::spawn(async move {
            client.command("FETCH 1:2 BODY.PEEK[]").await.ok().untagged.concat().len()
        }));
    }
    bystander.is_served(10).await;
    for work in working {
        let came = work.await.expect("all of them are served");
        assert!(came > 2 * message.len(), "{came} bytes");
    }
    bystander.leave().await;
    let grown = stage.mebibytes("VmHWM").saturating_sub(before);
    println!("{CLIENTS} times two messages of 12 MiB: {grown} MiB more");
    // 90 when each kept what had come of its message.
    assert!(grown < 45, "{grown} MiB");
}

/// Whoever waits for memory has no download open meanwhile: the server ends sessions with too many.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_waits_for_memory_has_no_download_open() {
    const CLIENTS: usize = 56;
    const BODY: usize = 1 << 20;
    let bounds = "[limits]\nmemory_bytes = 24000000\nmemory_bytes_per_user = 8000000\nwait_seconds = 600\n\
                  [cache]\nrendering_bytes = 1000000";
    let stage = Stage::set(bounds).await;
    stage.deliver(BOB, "small", "hello");
    for number in 0..CLIENTS {
        stage.deliver(
            ALICE,
            &format!("large {number}"),
            &"Many wait until they may have this line.\r\n".repeat(BODY / 42),
        );
    }
    let mut clients = Vec::new();
    for _ in 0..CLIENTS {
        let mut client = stage.imap(ALICE).await;
        client.command("SELECT INBOX").await.ok();
        clients.push(client);
    }
    let mut working = Vec::new();
    for (number, mut client) in clients.into_iter().enumerate() {
        let tag = client.send(&format!("FETCH {} BODY.PEEK[TEXT]", number + 1)).await;
        working.push(tokio::spawn(async move { client.finish(&tag).await.ok().untagged.iter().map(Vec::len).max() }));
    }
    let mut bystander = stage.bystander().await;
    bystander.is_served(3).await;
    for work in working {
        let longest = work.await.expect("all of them are served");
        assert!(longest > Some(BODY - 100), "{longest:?}");
    }
    bystander.leave().await;
}
