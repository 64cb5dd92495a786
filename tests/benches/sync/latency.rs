use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use exchange_sandbox::RunningSandbox;
use exchange_sandbox::seed::MessageBuilder;
use tests::imap_client::ImapClient;
use tests::process::{Gateway, Settings};
use tests::stack::{ALICE, PASSWORD, PLAIN_LISTENERS};
use tokio::task::JoinHandle;

use crate::{Measured, PROGRAM, fill, sandbox_of, within};

const DELIVERIES: usize = 500;
const BOUND: f64 = 200.0;
/// Messages that are there already.
const BEFORE: usize = 10_000;
const APPENDED: usize = 150 << 20;

/// From the delivery of a message to the untagged EXISTS in an idling client; by itself, and while the same user appends
/// messages of 150 MiB, one after the other.
pub async fn measure() -> Measured {
    let sandbox = sandbox_of(&[ALICE.to_owned()]).await;
    fill(&sandbox, ALICE, BEFORE);
    let directory = tempfile::tempdir().expect("a directory");
    let sections = &format!("[imap]\nmax_message_bytes = {}\n{PLAIN_LISTENERS}", 160 << 20);
    let upstream_keys = "max_message_bytes = 209715200";
    let settings = Settings { sections, upstream_keys, ..Settings::new(PROGRAM, directory.path(), sandbox.addr()) };
    let gateway = Gateway::start(settings).await?;
    let mut client = ImapClient::login(gateway.imap, ALICE, PASSWORD).await;
    client.command("CREATE Large").await.ok();
    client.command("SELECT INBOX").await.ok();
    client.send("IDLE").await;
    while !client.response().await.starts_with(b"+") {}
    let mut idling = Idling { client, known: BEFORE };

    let quiet = idling.deliveries(&sandbox, DELIVERIES, &AtomicBool::new(true)).await;
    let alone = report("delivery to EXISTS", quiet);

    let (stop, appending) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicBool::new(false)));
    let appends = append(&gateway, Arc::clone(&stop), Arc::clone(&appending));
    let busy = idling.deliveries(&sandbox, DELIVERIES, &appending).await;
    stop.store(true, Ordering::Release);
    let (count, seconds) = appends.await.map_err(|error| error.to_string())?;
    println!("appended meanwhile: {count} × {} MiB in {seconds:.1} s", APPENDED >> 20);
    println!("the most memory of the gateway: {:.0} MiB", crate::mebibytes(&gateway, "VmHWM")?);
    let during = report("delivery to EXISTS while 150 MiB are appended", busy);
    alone.and(during)
}

struct Idling {
    client: ImapClient,
    known: usize,
}

impl Idling {
    /// Delivers messages one after the other, those that count while `counts`, and returns the times.
    async fn deliveries(&mut self, sandbox: &RunningSandbox, count: usize, counts: &AtomicBool) -> Vec<Duration> {
        let mut times = Vec::with_capacity(count);
        while times.len() < count {
            // Not in step with anything.
            tokio::time::sleep(Duration::from_millis(3 + self.known as u64 * 7 % 23)).await;
            let counted = counts.load(Ordering::Acquire);
            let message = MessageBuilder::new("new").from("Somebody", "somebody@example.org").body("text").build();
            self.known += 1;
            let expected = format!("* {} EXISTS", self.known);
            let began = Instant::now();
            sandbox.deliver(ALICE, message).expect("delivered");
            while self.client.response().await != expected.as_bytes() {}
            if counted && counts.load(Ordering::Acquire) {
                times.push(began.elapsed());
            }
        }
        times
    }
}

/// Appends messages until told to stop; tells how many and how many seconds they took. `appending` says whether one is
/// under way.
fn append(gateway: &Gateway, stop: Arc<AtomicBool>, appending: Arc<AtomicBool>) -> JoinHandle<(usize, f64)> {
    let imap = gateway.imap;
    tokio::spawn(async move {
        let mut client = ImapClient::login(imap, ALICE, PASSWORD).await;
        let message = message();
        let (mut count, began) = (0, Instant::now());
        while !stop.load(Ordering::Acquire) {
            let tag = client.send(&format!("APPEND Large {{{}}}", message.len())).await;
            let asked = client.response().await;
            assert!(asked.starts_with(b"+"), "{}", String::from_utf8_lossy(&asked));
            appending.store(true, Ordering::Release);
            client.raw(&message).await;
            client.raw(b"\r\n").await;
            client.finish(&tag).await.ok();
            appending.store(false, Ordering::Release);
            count += 1;
        }
        (count, began.elapsed().as_secs_f64())
    })
}

/// A message with an attachment, [`APPENDED`] bytes in all.
fn message() -> Vec<u8> {
    let head = "From: alice@example.test\r\nTo: bob@example.test\r\nSubject: large\r\nMIME-Version: 1.0\r\n\
        Content-Type: multipart/mixed; boundary=limit\r\n\r\n--limit\r\nContent-Type: text/plain\r\n\r\nattached\r\n\
        --limit\r\nContent-Type: application/octet-stream; name=large.bin\r\nContent-Transfer-Encoding: base64\r\n\
        Content-Disposition: attachment; filename=large.bin\r\n\r\n";
    let tail = "\r\n--limit--\r\n";
    let line = b"QUJDREVGR0hJSktMTU5PUFFSU1RVVldYWVphYmNkZWZnaGlqa2xtbm9wcXJzdHV2d3h5ejAxMjM0\r\n";
    let mut message = head.as_bytes().to_vec();
    while message.len() + line.len() + tail.len() <= APPENDED {
        message.extend_from_slice(line);
    }
    message.extend_from_slice(tail.as_bytes());
    message
}

fn report(what: &str, mut times: Vec<Duration>) -> Measured {
    times.sort_unstable();
    let at = |part: f64| {
        let index = ((times.len() as f64 * part).ceil() as usize).clamp(1, times.len()) - 1;
        times[index].as_secs_f64() * 1e3
    };
    println!("{what}: {} deliveries, p50 {:.1} ms, worst {:.1} ms", times.len(), at(0.5), at(1.0));
    within(&format!("{what}, p99"), at(0.99), BOUND, "ms")
}
