//! What many SMTP connections at once cost in memory: the server's own, with their messages on the way in.

use std::sync::Arc;

use libtest_mimic::Trial;
use mail_core::listener::{Gate, GateLimits};
use smtp_front::server::{Server, ServerConfig};
use tests::smtp_talk::{Sink, Talk, policy};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;

use super::{ALLOCATOR, trial};

const CONNECTIONS: usize = 200;
const BOUND: usize = 64 << 20;

pub fn trials() -> Vec<Trial> {
    vec![trial("smtp_memory::two_hundred_connections_stay_within_64_mib", two_hundred_connections_stay_within_64_mib)]
}

fn two_hundred_connections_stay_within_64_mib() {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build();
    runtime.expect("a runtime").block_on(connect_and_send());
}

async fn connect_and_send() {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    let address = listener.local_addr().expect("an address");
    let (_stop, stopping) = watch::channel(false);
    let gate = Gate::new(GateLimits { total: CONNECTIONS, per_client: CONNECTIONS, ..GateLimits::default() });
    let server = Server::new(ServerConfig { policy: policy(), gate, ..ServerConfig::default() }, Arc::new(Sink));
    tokio::spawn(async move { server.serve(listener, stopping).await });

    let before = ALLOCATOR.current_usage();
    ALLOCATOR.reset_peak_usage();
    let mut talks = Vec::new();
    for _ in 0..CONNECTIONS {
        let mut talk = Talk::new(TcpStream::connect(address).await.expect("the server listens"));
        talk.hears("220 ").await;
        talk.logs_in().await;
        talk.begins().await;
        talks.push(talk);
    }
    // All grow at once, by 100 KiB at a time: through what is kept in memory, and then far beyond it.
    let piece = "0123456789abcd\r\n".repeat(6400);
    for _ in 0..10 {
        for talk in &mut talks {
            talk.sends(&piece).await;
        }
    }
    for talk in &mut talks {
        talk.says(".", "250 2.0.0 ").await;
    }
    let used = ALLOCATOR.peak_usage().saturating_sub(before);
    println!("{CONNECTIONS} connections with a message of 1 MB each on the way: {} KiB", used >> 10);
    assert!(used <= BOUND, "{used} bytes");
}
