//! Bob, who looks into his inbox again and again, also over new connections, while somebody else attacks the gateway. A program
//! of its own: nothing that the attacker's process does holds him up. Writes a line when he has begun and one for each time he
//! was served, and leaves when his standard input ends. If something is refused he fails.

use std::net::SocketAddr;
use std::process::ExitCode;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use tests::imap_client::ImapClient;
use tests::stack::{BOB, PASSWORD};

fn main() -> ExitCode {
    let Some(Ok(imap)) = std::env::args().nth(1).map(|address| address.parse::<SocketAddr>()) else {
        eprintln!("bystander: expected the address where IMAP listens");
        return ExitCode::FAILURE;
    };
    let leaves = Arc::new(AtomicBool::new(false));
    let told = Arc::clone(&leaves);
    std::thread::spawn(move || {
        // Whatever ends it, nobody is there any more.
        let _ = std::io::copy(&mut std::io::stdin(), &mut std::io::sink());
        told.store(true, Ordering::Relaxed);
    });
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    runtime.block_on(look(imap, &leaves));
    ExitCode::SUCCESS
}

async fn look(imap: SocketAddr, leaves: &AtomicBool) {
    let mut known = ImapClient::login(imap, BOB, PASSWORD).await;
    known.command("SELECT INBOX").await.ok();
    println!("begun");
    while !leaves.load(Ordering::Relaxed) {
        known.command("NOOP").await.ok();
        known.command("FETCH 1 (FLAGS BODY.PEEK[])").await.ok();
        let mut new = ImapClient::login(imap, BOB, PASSWORD).await;
        new.command("SELECT INBOX").await.ok();
        println!("served");
    }
}
