use tests::imap_client::ImapClient;
use tests::stack::{ALICE, BOB};

use super::stage::Stage;

const PENDING: usize = 30;

/// Messages that never come to an end take no memory, and nobody waits for them.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn messages_that_hang_on_their_way_in_take_no_memory() {
    let stage = Stage::set("").await;
    stage.deliver(BOB, "small", "hello");
    let piece = "x".repeat(62) + "\r\n";
    let piece = piece.repeat((5 << 20) / 64);
    let mut hanging = Vec::new();
    for _ in 0..PENDING {
        let mut client = stage.imap(ALICE).await;
        client.raw(b"a APPEND INBOX {34000000+}\r\n").await;
        client.raw(piece.as_bytes()).await;
        hanging.push(client);
    }
    let mut bystander = stage.bystander().await;
    bystander.is_served(5).await;
    let memory = stage.mebibytes("VmHWM");
    println!("{PENDING} messages of 34 MB of which 5 MiB came: {memory} MiB");
    assert!(memory < 150, "{memory} MiB");
    bystander.leave().await;
}

/// Where there is no room on the disk the answer says so, whether the client waits before it sends or not, and the
/// connection goes on.
#[tokio::test]
async fn no_room_for_a_message_is_told() {
    let sections = "[limits]\nwait_seconds = 1\n[spool]\nmax_bytes = 16000000\nmax_bytes_per_user = 9000000";
    let stage = Stage::set(sections).await;
    let mut hanging = stage.imap(ALICE).await;
    hanging.raw(b"a APPEND INBOX {8000000+}\r\n").await;
    hanging.raw(b"Subject: x\r\n").await;
    let mut client = stage.imap(ALICE).await;
    // Until it has begun, there is room.
    let refused = |answer: &str| answer.starts_with("NO [LIMIT]");
    let mut waits = append(&mut client, true).await;
    while !refused(&waits) {
        assert!(waits.starts_with("OK"), "{waits}");
        waits = append(&mut client, true).await;
    }
    let sends = append(&mut client, false).await;
    assert!(refused(&sends), "{sends}");
    client.command("NOOP").await.ok();
    drop(hanging);
    while !append(&mut client, false).await.starts_with("OK") {}
}

/// What could not be served is not taken, and the others of the folder are.
#[tokio::test]
async fn a_subject_that_nobody_could_read_is_refused() {
    let stage = Stage::set("").await;
    stage.deliver(ALICE, "small", "hello");
    let mut client = stage.imap(ALICE).await;
    let message = format!("Subject: {}\r\n\r\nbody", "x".repeat(3 << 20));
    client.raw(format!("a APPEND INBOX {{{}+}}\r\n{message}\r\n", message.len()).as_bytes()).await;
    let refused = client.finish("a").await.status;
    assert!(refused.starts_with("NO [CANNOT]") && refused.contains("header field"), "{refused}");
    client.command("SELECT INBOX").await.ok();
    assert_eq!(client.command("FETCH 1:* RFC822.SIZE").await.ok().untagged.len(), 1);
}

/// Appends 8 MB.
async fn append(client: &mut ImapClient, waits: bool) -> String {
    let message = format!("Subject: x\r\n\r\n{}", ("y".repeat(78) + "\r\n").repeat(100_000));
    let message = &message[..8_000_000];
    if waits {
        client.raw(b"b APPEND INBOX {8000000}\r\n").await;
        let first = client.response().await;
        if !first.starts_with(b"+") {
            return String::from_utf8_lossy(&first[2..]).into_owned();
        }
    } else {
        client.raw(b"b APPEND INBOX {8000000+}\r\n").await;
    }
    client.raw(message.as_bytes()).await;
    client.raw(b"\r\n").await;
    client.finish("b").await.status
}
