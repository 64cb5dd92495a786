//! Submissions in a second, and the most memory that is in use meanwhile, by connections and message size. Everything runs
//! in this process: clients, gateway and sandbox, so that memory is that of all of them.
//!
//! `cargo bench -p tests --bench smtp [-- front]`: through the whole gateway into the sandbox, or with `front` as far as the
//! SMTP server goes, with a backend that takes everything and keeps nothing.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Instant;

use mail_core::listener::{Gate, GateLimits};
use peak_alloc::PeakAlloc;
use smtp_front::server::{Server, ServerConfig};
use tests::smtp_client::SmtpClient;
use tests::smtp_talk::{Sink, policy};
use tests::stack::{ALICE, BOB, PASSWORD, Seed, Stack};
use tokio::net::TcpListener;
use tokio::sync::watch;

#[global_allocator]
static ALLOCATOR: PeakAlloc = PeakAlloc;

/// Bytes of the messages, and how many are sent of each.
const SIZES: [(usize, usize); 2] = [(10 << 10, 640), (5 << 20, 64)];
const CONNECTIONS: [usize; 3] = [1, 8, 64];

fn main() {
    let front = std::env::args().any(|argument| argument == "front");
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().expect("a runtime");
    println!("{:>12} {:>11} {:>13} {:>10} {:>12}", "message", "connections", "submissions/s", "MB/s", "peak memory");
    for (size, count) in SIZES {
        for connections in CONNECTIONS {
            runtime.block_on(measure(front, size, count, connections));
        }
    }
}

async fn measure(front: bool, size: usize, count: usize, connections: usize) {
    // A server of its own for every figure, so that none pays for the mail of the one before.
    let (address, _keep): (SocketAddr, Box<dyn std::any::Any>) = if front {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let address = listener.local_addr().expect("an address");
        let (stop, stopping) = watch::channel(false);
        let config = ServerConfig {
            policy: policy(),
            gate: Gate::new(GateLimits { total: 1000, per_client: 1000, ..GateLimits::default() }),
            ..ServerConfig::default()
        };
        let server = Server::new(config, Arc::new(Sink));
        tokio::spawn(async move { server.serve(listener, stopping).await });
        (address, Box::new(stop))
    } else {
        let stack = Stack::start(Seed::Empty).await;
        (stack.smtp, Box::new(stack))
    };
    let line = format!("{}\r\n", "x".repeat(76));
    let header = format!("From: {ALICE}\r\nTo: {BOB}\r\nSubject: benchmark\r\n\r\n");
    let message: Arc<str> = format!("{header}{}", line.repeat(size / line.len())).into();
    let mut clients = Vec::new();
    for _ in 0..connections {
        clients.push(SmtpClient::login(address, ALICE, PASSWORD).await);
    }
    let before = ALLOCATOR.current_usage();
    ALLOCATOR.reset_peak_usage();
    let start = Instant::now();
    let tasks: Vec<_> = clients
        .into_iter()
        .map(|mut client| {
            let message = Arc::clone(&message);
            tokio::spawn(async move {
                for _ in 0..count / connections {
                    client.send(ALICE, &[BOB], &message).await;
                }
            })
        })
        .collect();
    for task in tasks {
        task.await.expect("every message is taken");
    }
    let seconds = start.elapsed().as_secs_f64();
    let peak = ALLOCATOR.peak_usage().saturating_sub(before) >> 20;
    let sent = (count / connections * connections) as f64;
    let megabytes = sent * message.len() as f64 / 1e6;
    println!("{size:>12} {connections:>11} {:>13.1} {:>10.1} {peak:>8} MiB", sent / seconds, megabytes / seconds);
}
