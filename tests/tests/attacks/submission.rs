use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use tests::smtp_client::{SmtpClient, plain_token};
use tests::stack::{ALICE, BOB, PASSWORD};
use tests::until::until;
use tokio::io::AsyncWriteExt;
use tokio::net::TcpStream;

use super::stage::Stage;

/// One user's many large messages wait behind each other, not in front of somebody else's.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_users_large_messages_wait_for_themselves() {
    const LARGE: usize = 12;
    let stage =
        Stage::set("[limits]\nmemory_bytes = 64000000\nmemory_bytes_per_user = 24000000\nwait_seconds = 600").await;
    let left = Arc::new(AtomicUsize::new(LARGE));
    let message = format!("Subject: large\r\n\r\n{}", ("y".repeat(78) + "\r\n").repeat(80_000));
    let mut sending = Vec::new();
    for _ in 0..LARGE {
        let mut client = SmtpClient::login(stage.gateway.smtp, ALICE, PASSWORD).await;
        let (left, message) = (Arc::clone(&left), message.clone());
        sending.push(tokio::spawn(async move {
            client.send(ALICE, &[ALICE], &message).await;
            left.fetch_sub(1, Ordering::Relaxed);
        }));
    }
    until("some are under way", async || left.load(Ordering::Relaxed) < LARGE).await;
    let mut bob = SmtpClient::login(stage.gateway.smtp, BOB, PASSWORD).await;
    for _ in 0..3 {
        bob.send(BOB, &[BOB], "Subject: small\r\n\r\nbody").await;
    }
    assert!(left.load(Ordering::Relaxed) > 0, "the others were too quick to say anything");
    for sent in sending {
        sent.await.expect("sent");
    }
    assert_eq!((stage.inbox(ALICE), stage.inbox(BOB)), (LARGE as u32, 3));
}

/// A client that sends the end of its input right behind its message waits for the answer all the same.
#[tokio::test]
async fn who_has_said_everything_still_hears_the_answer() {
    use tokio::io::AsyncReadExt;
    let stage = Stage::set("").await;
    let mut stream = TcpStream::connect(stage.gateway.smtp).await.expect("it listens");
    let dialogue = format!(
        "EHLO x\r\nAUTH PLAIN {}\r\nMAIL FROM:<{BOB}>\r\nRCPT TO:<{BOB}>\r\nDATA\r\n",
        plain_token(BOB, PASSWORD)
    );
    stream.write_all(dialogue.as_bytes()).await.expect("sent");
    let mut heard = String::new();
    while !heard.contains("354 ") {
        let mut buffer = [0; 512];
        let count = stream.read(&mut buffer).await.expect("read");
        assert!(count > 0, "{heard}");
        heard.push_str(&String::from_utf8_lossy(&buffer[..count]));
    }
    stream.write_all(b"Subject: x\r\n\r\nbody\r\n.\r\nQUIT\r\n").await.expect("sent");
    stream.shutdown().await.expect("half closed");
    stream.read_to_string(&mut heard).await.expect("read");
    assert!(heard.contains("250 2.0.0 Message accepted") && heard.contains("221 "), "{heard}");
}
